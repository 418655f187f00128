package queue

import (
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"upscaled/server/job"
	"upscaled/server/queue/index"
	"upscaled/server/queue/record"
)

// entry is what the store returns for a key.
type entry struct {
	jetstream.KeyValueEntry
	key   string
	value []byte
}

func (e entry) Key() string                     { return e.key }
func (e entry) Value() []byte                   { return e.value }
func (e entry) Revision() uint64                { return 7 }
func (e entry) Operation() jetstream.KeyValueOp { return jetstream.KeyValuePut }

// FuzzStored delivers records that this program did not write, as others may on an
// external NATS: they are left out, or are a job or file of that very key in one
// of the known states.
func FuzzStored(f *testing.F) {
	created := time.Unix(1_700_000_000, 0).UTC()
	for _, state := range []job.State{job.Queued, job.Running, job.Succeeded, "odd", ""} {
		text, err := json.Marshal(record.Job{Job: job.Job{Spec: job.Spec{ID: "job-1", API: "x"}, State: state, Created: created}, Lane: job.Small})
		if err != nil {
			f.Fatal(err)
		}
		f.Add("job-1", text)
		f.Add("job-2", text)
	}
	text, err := json.Marshal(record.Upload{Upload: job.Upload{ID: "file-1", Account: "a", Bytes: 1 << 62, Expires: created}, Image: "x"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("file-1", text)
	f.Add("job-1", []byte("null"))
	f.Fuzz(func(t *testing.T, key string, value []byte) {
		c := &core{options: Options{Log: slog.New(slog.DiscardHandler)}, connection: &Connection{}}
		cache := index.NewCache()
		bucket := named{}
		jobs := watchJobs(&store{core: c, records: bucket}, cache, index.NewListing())
		jobs.apply(entry{key: key, value: value})
		for _, r := range cache.Unfinished() {
			if r.ID != key || r.State != job.Queued && r.State != job.Running || r.Revision != 7 {
				t.Fatalf("%q is known as %+v", key, r)
			}
		}
		files := index.NewUploads()
		watchUploads(&uploads{&store{core: c}, bucket, files}).apply(entry{key: key, value: value})
		for _, id := range files.IDs() {
			if id != key {
				t.Fatalf("%q is known as %q", key, id)
			}
		}
		for _, account := range []string{"", "a", "x"} {
			if files.Used(account) < 0 {
				t.Fatalf("%q uses %d bytes", account, files.Used(account))
			}
		}
	})
}

// named is a bucket of which only the name is asked.
type named struct{ jetstream.KeyValue }

func (named) Bucket() string { return "bucket" }
