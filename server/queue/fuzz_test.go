package queue

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
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

// FuzzRange asks for parts of a result by headers of strangers: each answer is
// a part of it, at the place that it says.
func FuzzRange(f *testing.F) {
	whole := make([]byte, 300)
	for i := range whole {
		whole[i] = byte(i * 7)
	}
	for _, header := range []string{"bytes=0-", "bytes=10-19", "bytes=-5", "bytes=299-", "bytes=300-", "bytes=0-0,5-9,2-3", "bytes=9223372036854775807-", "bytes=5-2", "items=1-2"} {
		f.Add(header, `"job-1"`)
		f.Add(header, `W/"job-1"`)
	}
	f.Fuzz(func(t *testing.T, ranges, ifRange string) {
		s := &seeker{ctx: t.Context(), stop: func() {}, size: int64(len(whole)), open: func(context.Context) (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(whole)), nil
		}}
		defer s.Close()
		request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		request.Header["Range"], request.Header["If-Range"] = []string{ranges}, []string{ifRange}
		answer := httptest.NewRecorder()
		answer.Header().Set("ETag", `"job-1"`)
		answer.Header().Set("Content-Type", "image/png")
		http.ServeContent(answer, request, "", time.Unix(1_700_000_000, 0), s)
		body := answer.Body.Bytes()
		switch answer.Code {
		case http.StatusOK:
			if !bytes.Equal(body, whole) {
				t.Fatalf("%q: %d bytes", ranges, len(body))
			}
		case http.StatusPartialContent:
			if strings.HasPrefix(answer.Header().Get("Content-Type"), "multipart/") {
				if len(body) > 100*len(whole) {
					t.Fatalf("%q: %d bytes", ranges, len(body))
				}
			} else if !bytes.Contains(whole, body) {
				t.Fatalf("%q: %x", ranges, body)
			}
		case http.StatusRequestedRangeNotSatisfiable:
		default:
			t.Fatalf("%q: status %d", ranges, answer.Code)
		}
	})
}
