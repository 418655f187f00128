package queue

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"upscaled/server/job"
	"upscaled/server/queue/blob"
	"upscaled/server/queue/record"
)

func (q *Queue) store() *store { return q.jobs.store }

// RecordOnly submits like a process that dies before it writes the work item.
func (q *Queue) RecordOnly(ctx context.Context, spec job.Spec, input []byte) error {
	end, _ := q.cache.BeginSubmit(spec.ID)
	defer end()
	if _, err := q.sweeper.lifecycle.charge(ctx, record.Job{Job: job.Job{Spec: spec}}); err != nil {
		return err
	}
	if err := q.store().putImage(ctx, record.Job{Job: job.Job{Spec: spec}}.InputImage(), input); err != nil {
		return err
	}
	r := record.Job{Job: job.Job{Spec: spec, State: job.Queued, Created: q.core.options.Now().UTC()}, Lane: job.Small}
	return q.store().create(ctx, &r)
}

// AnnounceEnd does what a process does that dies before it writes the final record.
func (q *Queue) AnnounceEnd(ctx context.Context, id string) error {
	r, err := q.store().read(ctx, id)
	if err != nil {
		return err
	}
	return q.deliveries.announce(ctx, r, eventEnded)
}

// Expire does what a sweep does with a job that nobody ran.
func (q *Queue) Expire(ctx context.Context, id string) error {
	r, err := q.store().read(ctx, id)
	if err != nil {
		return err
	}
	return q.sweeper.lifecycle.expire(ctx, r)
}

// DueDeliveries returns the number of webhook calls that are due or handed out.
func (q *Queue) DueDeliveries(ctx context.Context) (uint64, error) {
	stream, err := q.core.connection.js.Stream(ctx, deliveryStream)
	if err != nil {
		return 0, err
	}
	return stream.CachedInfo().State.Msgs, nil
}

// ContentsOnly stores a file like a process that dies before it records it.
func (q *Queue) ContentsOnly(ctx context.Context, id string, data []byte) error {
	return q.store().putImage(ctx, record.UploadImage(id, randomToken()), data)
}

// PutImage stores an image like a process that dies right after.
func (q *Queue) PutImage(ctx context.Context, name string, data []byte) error {
	return q.store().putImage(ctx, name, data)
}

// GetImage returns a whole image.
func (q *Queue) GetImage(ctx context.Context, name string) ([]byte, error) {
	return q.store().getImage(ctx, name, errNoUpload())
}

// ChunkOnly writes an image like a process that dies in the middle of it.
func (q *Queue) ChunkOnly(ctx context.Context, name string) error {
	_, err := q.core.connection.js.Publish(ctx, blob.Prefix+strings.ReplaceAll(name, "/", ".")+".3", []byte("chunk"))
	return err
}

// EraseRecord begins to delete a job like a process that dies in the middle of it.
func (q *Queue) EraseRecord(ctx context.Context, id string) error {
	r, err := q.store().read(ctx, id)
	if err != nil {
		return err
	}
	return q.store().erase(ctx, r, false)
}

// Images returns the names of all images, whole or not.
func (q *Queue) Images(ctx context.Context) ([]string, error) { return q.store().images.Names(ctx) }

// Collect deletes orphaned images. Run must not run.
func (q *Queue) Collect(ctx context.Context) error { return q.collector.collect(ctx) }

// SweepCallers returns sweeps of dead callers' jobs that remember each other.
func (q *Queue) SweepCallers() func(context.Context) {
	return (&sweeper{lifecycle: q.sweeper.lifecycle, cache: q.cache}).cancelDeadCallers
}

// HasInput reports whether a job's input is stored.
func (q *Queue) HasInput(ctx context.Context, id string) (bool, error) {
	names, err := q.Images(ctx)
	return slices.Contains(names, record.Job{Job: job.Job{Spec: job.Spec{ID: id}}}.InputImage()), err
}

// WorkItems returns the number of work items in all lanes.
func (q *Queue) WorkItems(ctx context.Context) (uint64, error) {
	info, err := q.store().work.Info(ctx)
	if err != nil {
		return 0, err
	}
	return info.State.Msgs, nil
}

// Withdraw fails a submission although its job was recorded.
func (q *Queue) Withdraw(ctx context.Context, id string, before func()) (bool, error) {
	r, err := q.store().read(ctx, id)
	if err != nil {
		return false, err
	}
	before()
	return q.submitter.withdraw(ctx, submission{Job: r, written: true}), nil
}

// Watches returns every watch of job records that begins. It must be called before
// Run.
func (q *Queue) Watches() <-chan jetstream.KeyWatcher {
	watches := make(chan jetstream.KeyWatcher, 10)
	q.watchers[0].bucket = watchedBucket{q.store().records, watches}
	return watches
}

type watchedBucket struct {
	jetstream.KeyValue
	watches chan<- jetstream.KeyWatcher
}

func (b watchedBucket) WatchAll(ctx context.Context, o ...jetstream.WatchOpt) (jetstream.KeyWatcher, error) {
	watcher, err := b.KeyValue.WatchAll(ctx, o...)
	if err == nil {
		b.watches <- watcher
	}
	return watcher, err
}

// Forget removes a record as its expiry does, without a mark that watches would
// receive.
func (q *Queue) Forget(ctx context.Context, id string) error {
	stream, err := q.core.connection.js.Stream(ctx, "KV_"+jobsBucket)
	if err != nil {
		return err
	}
	return stream.Purge(ctx, jetstream.WithPurgeSubject("$KV."+jobsBucket+"."+id))
}

// UploadedBytes returns what an account's files count together.
func (q *Queue) UploadedBytes(account string) int64 { return q.uploads.index.Used(account) }

// Downgrade moves all images to the object store of versions before November 2026.
func (q *Queue) Downgrade(ctx context.Context) error {
	js := q.core.connection.js
	objects, err := js.CreateObjectStore(ctx, jetstream.ObjectStoreConfig{Bucket: objectBucket})
	if err != nil {
		return err
	}
	names, err := q.Images(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		data, err := q.store().getImage(ctx, name, errNoUpload())
		if err != nil {
			return err
		}
		if _, err := objects.PutBytes(ctx, name, data); err != nil {
			return err
		}
	}
	return js.DeleteStream(ctx, blob.StreamName)
}

// Forge lists a worker that no process is.
func Forge(t *testing.T, q *Queue, w job.Worker) {
	t.Helper()
	text, err := json.Marshal(workerEntry{Worker: w, Instance: "forged"})
	if err == nil {
		_, err = q.Fleet.bucket.Put(t.Context(), w.Name, text)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Seen returns a worker as it is listed after its last heartbeat.
func Seen(w job.Worker, heartbeat time.Time) job.Worker { return seen(w, heartbeat, time.Now()) }

// Connection returns the queue's.
func (q *Queue) Connection() *Connection { return q.core.connection }

// DropInput deletes a job's image as its expiry does.
func (q *Queue) DropInput(ctx context.Context, id string) error {
	return q.store().images.Delete(ctx, record.Job{Job: job.Job{Spec: job.Spec{ID: id}}}.InputImage())
}

// SubmitAs submits a job with a priority.
func SubmitAs(t *testing.T, q *Queue, s job.Spec, p job.Priority) {
	t.Helper()
	r := record.Job{Job: job.Job{Spec: s, State: job.Queued, Priority: p, Created: time.Now()}, Lane: job.Small}
	if err := q.store().create(t.Context(), &r); err != nil {
		t.Fatal(err)
	}
	if err := q.store().push(t.Context(), r); err != nil {
		t.Fatal(err)
	}
}

// RepriorityOnly changes a priority like a process that dies right after.
func RepriorityOnly(t *testing.T, q *Queue, id string, p job.Priority) {
	t.Helper()
	r, err := q.store().read(t.Context(), id)
	r.Priority = p
	if err == nil {
		err = q.store().replace(t.Context(), &r)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// RetryChargeOnly lets a job run again like a process that dies after the charge.
func RetryChargeOnly(t *testing.T, q *Queue, id string) {
	t.Helper()
	r, err := q.store().read(t.Context(), id)
	r.Run = "dead"
	if err == nil {
		_, err = q.sweeper.lifecycle.charge(t.Context(), r)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// WaitingSlots returns how many calls of Next wait for a small job.
func WaitingSlots(q *Queue) int {
	q.leaser.slots[job.Small].mutex.Lock()
	defer q.leaser.slots[job.Small].mutex.Unlock()
	return len(q.leaser.slots[job.Small].waiting)
}
