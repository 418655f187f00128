package queue

import (
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"upscaled/server/job"
)

// entry is what the store gives for a key.
type entry struct {
	jetstream.KeyValueEntry
	key   string
	value []byte
}

func (e entry) Key() string                     { return e.key }
func (e entry) Value() []byte                   { return e.value }
func (e entry) Revision() uint64                { return 7 }
func (e entry) Operation() jetstream.KeyValueOp { return jetstream.KeyValuePut }

// FuzzStored lets a process hear of records that nobody of ours wrote, as of
// an external NATS that others use too: they are left out, or a job or file of
// that very key in one of the states there are.
func FuzzStored(f *testing.F) {
	created := time.Unix(1_700_000_000, 0).UTC()
	for _, state := range []job.State{job.Queued, job.Running, job.Succeeded, "odd", ""} {
		text, err := json.Marshal(record{Job: job.Job{Spec: job.Spec{ID: "job-1", API: "x"}, State: state, Created: created}, Line: smallLine})
		if err != nil {
			f.Fatal(err)
		}
		f.Add("job-1", text)
		f.Add("job-2", text)
	}
	text, err := json.Marshal(uploadRecord{Upload: job.Upload{ID: "file-1", Account: "a", Bytes: 1 << 62, Expires: created}, Object: "x"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("file-1", text)
	f.Add("job-1", []byte("null"))
	f.Fuzz(func(t *testing.T, key string, value []byte) {
		q := &Queue{board: newBoard(), shelf: newShelf(), options: Options{Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return created }}}
		q.note(entry{key: key, value: value})
		for _, r := range q.board.unfinished() {
			if r.ID != key || r.State != job.Queued && r.State != job.Running || r.revision != 7 {
				t.Fatalf("%q is heard of as %+v", key, r)
			}
		}
		q.noteUpload(entry{key: key, value: value})
		for id, file := range q.shelf.files {
			if id != key || file.bytes < 0 {
				t.Fatalf("%q is heard of as %q, %+v", key, id, file)
			}
		}
		for account, bytes := range q.shelf.used {
			if bytes < 0 {
				t.Fatalf("%q uses %d bytes", account, bytes)
			}
		}
	})
}
