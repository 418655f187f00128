package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"upscaled/server/queue/index"
	"upscaled/server/queue/record"
)

// watcher keeps an index of a bucket's entries up to date.
type watcher struct {
	log    *slog.Logger
	bucket jetstream.KeyValue
	// latest returns the revision of the latest change on the server.
	latest func(context.Context) (uint64, error)
	// set takes an entry, remove the key of one that is gone; loaded is called
	// when all present entries are known. keys returns the known ones.
	set    func(jetstream.KeyValueEntry) error
	remove func(key string)
	keys   func() []string
	loaded func()
}

// watchJobs returns the watcher of job records.
func watchJobs(s *store, cache *index.Cache, listing *index.Listing) *watcher {
	return &watcher{
		log: s.options.Log, bucket: s.records, latest: s.connection.latestOf(jobsBucket),
		remove: cache.Remove, keys: cache.IDs, loaded: cache.MarkLoaded,
		set: func(entry jetstream.KeyValueEntry) error {
			r, err := record.Decode(entry)
			if err != nil {
				return err
			}
			listing.Add(r.Job)
			cache.Set(r)
			return nil
		},
	}
}

// watchUploads returns the watcher of upload records.
func watchUploads(s *uploads) *watcher {
	return &watcher{
		log: s.store.options.Log, bucket: s.records, latest: s.store.connection.latestOf(uploadsBucket),
		remove: s.index.Remove, keys: s.index.IDs, loaded: s.index.MarkLoaded,
		set: func(entry jetstream.KeyValueEntry) error {
			r, err := record.DecodeUpload(entry)
			if err != nil {
				return err
			}
			s.index.Add(r.ID, index.UsageOf(r.Upload))
			return nil
		},
	}
}

// latestOf returns a function that asks the server for a bucket's latest revision.
func (c *Connection) latestOf(bucket string) func(context.Context) (uint64, error) {
	return func(ctx context.Context) (uint64, error) {
		ctx, stop := context.WithTimeout(ctx, stepLimit)
		defer stop()
		stream, err := c.js.Stream(ctx, "KV_"+bucket)
		if err != nil {
			return 0, fmt.Errorf("read latest revision: %w", err)
		}
		return stream.CachedInfo().State.LastSeq, nil
	}
}

// run watches the bucket until the context ends. While nodes are lost a watch may
// not begin, may end on its own or stop delivering; another then takes its place.
func (w *watcher) run(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := w.watch(ctx); err != nil && ctx.Err() == nil {
			w.log.Warn("records are watched again", "bucket", w.bucket.Bucket(), "error", err)
			wait(ctx, retryDelay)
		}
	}
	return nil
}

// watch follows one watch to its end. The first updates are all present entries,
// ended by a nil.
func (w *watcher) watch(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	seen := &received{}
	latest, err := w.latest(ctx)
	if err != nil {
		return err
	}
	seen.revision.Store(latest) // present entries come first, in any order
	updates, err := w.bucket.WatchAll(ctx)
	if err != nil {
		return fmt.Errorf("watch records: %w", err)
	}
	defer func() { _ = updates.Stop() }() // the connection may be gone already
	stalled := make(chan struct{})
	go func() {
		defer close(stalled)
		w.watchdog(ctx, seen)
	}()
	defer func() {
		stop()
		<-stalled
	}()
	old, present := w.keys(), map[string]bool{}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-stalled:
			return errors.New("the watch has stopped delivering updates")
		case entry, open := <-updates.Updates():
			switch {
			case !open:
				return errors.New("the watch has ended")
			case entry == nil:
				w.removeAbsent(old, present)
				w.loaded()
			default:
				seen.count(entry.Revision())
				present[entry.Key()] = w.apply(entry)
			}
		}
	}
}

// removeAbsent forgets the records that have expired since an earlier watch.
func (w *watcher) removeAbsent(old []string, present map[string]bool) {
	for _, key := range old {
		if !present[key] {
			w.remove(key)
		}
	}
	clear(present)
}

// apply reports whether an entry holds a valid record; others are logged and left
// out.
func (w *watcher) apply(entry jetstream.KeyValueEntry) bool {
	if entry.Operation() != jetstream.KeyValuePut {
		w.remove(entry.Key())
		return false
	}
	if err := w.set(entry); err != nil {
		w.log.Error("unreadable record", "bucket", w.bucket.Bucket(), "key", entry.Key(), "error", err)
		return false
	}
	return true
}

// received counts the updates of a watch.
type received struct {
	revision atomic.Uint64 // the highest one
	updates  atomic.Uint64
}

// count is called by one goroutine.
func (r *received) count(revision uint64) {
	r.updates.Add(1)
	r.revision.Store(max(r.revision.Load(), revision))
}

// watchdog returns when the watch has stalled: it has received nothing for an
// interval, although there was something to receive before. The library itself
// takes some 18 s to notice that the node with a watch's consumer is lost; for
// that long clients would wait for jobs that have ended.
func (w *watcher) watchdog(ctx context.Context, seen *received) {
	ticker := time.NewTicker(watchdogInterval)
	defer ticker.Stop()
	var latest, updates uint64
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		//guard:watchdog TestStalledWatchIsReplaced
		if latest > seen.revision.Load() && updates == seen.updates.Load() {
			return
		}
		updates = seen.updates.Load()
		if now, err := w.latest(ctx); err == nil { // else a node is lost, and the next attempt shows more
			latest = now
		}
	}
}
