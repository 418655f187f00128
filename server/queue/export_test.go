package queue

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"upscaled/server/job"
	"upscaled/server/queue/blob"
)

// RecordOnly does what a submission does that dies before its work item is
// written.
func (q *Queue) RecordOnly(ctx context.Context, spec job.Spec, input []byte) error {
	q.board.submit(spec.ID, true)
	defer q.board.submit(spec.ID, false)
	if _, err := q.charge(ctx, spec); err != nil {
		return err
	}
	if err := q.images.Put(ctx, inputImage(spec.ID), input); err != nil {
		return err
	}
	r := record{Job: job.Job{Spec: spec, State: job.Queued, Created: q.options.Now().UTC()}, Line: smallLine}
	return q.create(ctx, &r)
}

// AnnounceEnd does what a process does that dies before it writes the final
// record.
func (q *Queue) AnnounceEnd(ctx context.Context, id string) error {
	r, err := q.read(ctx, id)
	if err != nil {
		return err
	}
	return q.announce(ctx, r, noticeEnded)
}

// Expire is what a sweep does with a job that nobody ran.
func (q *Queue) Expire(ctx context.Context, id string) error {
	r, err := q.read(ctx, id)
	if err != nil {
		return err
	}
	return q.expire(ctx, r)
}

// DueNotices is the number of calls that are due, or handed out.
func (q *Queue) DueNotices(ctx context.Context) (uint64, error) {
	stream, err := q.connection.stream.Stream(ctx, noticesStream)
	if err != nil {
		return 0, err
	}
	return stream.CachedInfo().State.Msgs, nil
}

// ContentsOnly does what the storing of a file does that dies before its
// description is written.
func (q *Queue) ContentsOnly(ctx context.Context, id string, data []byte) error {
	return q.storeImage(ctx, uploadObject(id), data)
}

// Store writes an object as a process does that dies right after.
func (q *Queue) Store(ctx context.Context, name string, data []byte) error {
	return q.storeImage(ctx, name, data)
}

// ChunkOnly does what the writing of an image does that dies in its middle.
func (q *Queue) ChunkOnly(ctx context.Context, name string) error {
	_, err := q.connection.stream.Publish(ctx, blob.Prefix+strings.ReplaceAll(name, "/", ".")+".3", []byte("chunk"))
	return err
}

// Images returns the names of all images, whole or not.
func (q *Queue) Images(ctx context.Context) ([]string, error) { return q.images.Names(ctx) }

// Clearing gives looks at the object store that remember each other.
func (q *Queue) Clearing() func(context.Context) error {
	seen := orphans{}
	return func(ctx context.Context) (err error) {
		seen, err = q.clear(ctx, seen)
		return err
	}
}

// WaitersSweep gives sweeps of jobs that are waited for that remember each other.
func (q *Queue) WaitersSweep() func(context.Context) {
	silent := map[string]time.Time{}
	return func(ctx context.Context) { silent = q.sweepWaiters(ctx, silent) }
}

// HasInput says whether a job's input is stored.
func (q *Queue) HasInput(ctx context.Context, id string) (bool, error) {
	names, err := q.images.Names(ctx)
	return slices.Contains(names, inputImage(id)), err
}

// WorkItems is the number of work items on all lines.
func (q *Queue) WorkItems(ctx context.Context) (uint64, error) {
	info, err := q.work.Info(ctx)
	if err != nil {
		return 0, err
	}
	return info.State.Msgs, nil
}

// Withdraw is a submission that fails although a job was recorded at the given
// revision.
func (q *Queue) Withdraw(ctx context.Context, id string, before func()) (bool, error) {
	r, err := q.read(ctx, id)
	if err != nil {
		return false, err
	}
	before()
	r.tried = true
	return q.withdraw(ctx, r), nil
}

// WatchesOf makes the queue pass on each watch of records that it begins.
// It is called before Run.
func (q *Queue) WatchesOf() <-chan jetstream.KeyWatcher {
	watches := make(chan jetstream.KeyWatcher, 10)
	q.records = watchedBucket{q.records, watches}
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

// Forget removes a record as its expiry does, without a mark that watches
// would see.
func (q *Queue) Forget(ctx context.Context, id string) error {
	stream, err := q.connection.stream.Stream(ctx, "KV_"+jobsBucket)
	if err != nil {
		return err
	}
	return stream.Purge(ctx, jetstream.WithPurgeSubject("$KV."+jobsBucket+"."+id))
}

// UploadedBytes is what an account's files count together.
func (q *Queue) UploadedBytes(account string) int64 {
	q.shelf.mutex.Lock()
	defer q.shelf.mutex.Unlock()
	return q.shelf.used[account]
}

// Downgrade moves all images to where versions before November 2026 kept them.
func (q *Queue) Downgrade(ctx context.Context) error {
	js := q.connection.stream
	objects, err := js.CreateObjectStore(ctx, jetstream.ObjectStoreConfig{Bucket: objectBucket})
	if err != nil {
		return err
	}
	names, err := q.images.Names(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		data, err := q.loadImage(ctx, name, errForeign)
		if err != nil {
			return err
		}
		if _, err := objects.PutBytes(ctx, name, data); err != nil {
			return err
		}
	}
	return js.DeleteStream(ctx, blob.StreamName)
}
