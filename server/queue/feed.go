package queue

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// feed is a bucket that is watched, and who hears of it.
type feed struct {
	bucket jetstream.KeyValue
	note   func(jetstream.KeyValueEntry)
	// last is the revision of the latest change on the server.
	last func(context.Context) (uint64, error)
	// known lists, when a watch begins, what was heard of before; gone is told
	// which of that is not there any more, and loaded that all is known.
	known  func() []string
	gone   func(key string)
	loaded func()
}

// feeds are the watched buckets.
func (q *Queue) feeds() []feed {
	return []feed{
		{bucket: q.records, note: q.note, last: q.connection.lastOf(jobsBucket), known: q.board.known, gone: q.board.gone, loaded: q.board.load},
		{bucket: q.uploads, note: q.noteUpload, last: q.connection.lastOf(uploadsBucket), known: q.shelf.known, gone: q.shelf.remove, loaded: q.shelf.load},
	}
}

// lastOf asks the server for a bucket's latest revision.
func (c *Connection) lastOf(bucket string) func(context.Context) (uint64, error) {
	return func(ctx context.Context) (uint64, error) {
		ctx, stop := context.WithTimeout(ctx, stepLimit)
		defer stop()
		stream, err := c.stream.Stream(ctx, "KV_"+bucket)
		if err != nil {
			return 0, fmt.Errorf("ask for the latest record: %w", err)
		}
		return stream.CachedInfo().State.LastSeq, nil
	}
}

// watch follows a bucket. While nodes are lost a watch may not begin, may end
// on its own or hear nothing any more; another then takes its place.
func (q *Queue) watch(ctx context.Context, f feed) error {
	for ctx.Err() == nil {
		if err := f.watchOnce(ctx); err != nil && ctx.Err() == nil {
			q.options.Log.Warn("records are watched again", "bucket", f.bucket.Bucket(), "error", err)
			pause(ctx, retryPause)
		}
	}
	return nil
}

// watchOnce follows one watch to its end. The first updates are all present
// values, ended by a nil.
func (f feed) watchOnce(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	p := &pulse{}
	last, err := f.last(ctx)
	if err != nil {
		return err
	}
	p.heard.Store(last) // what is there comes first, in no order of revisions
	watcher, err := f.bucket.WatchAll(ctx)
	if err != nil {
		return fmt.Errorf("watch records: %w", err)
	}
	defer func() { _ = watcher.Stop() }() // the connection may be gone already
	deaf := make(chan struct{})
	go func() {
		defer close(deaf)
		f.attend(ctx, p)
	}()
	defer func() {
		stop()
		<-deaf
	}()
	stale := f.known()
	present := map[string]bool{}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-deaf:
			return errors.New("the watch of records hears nothing any more")
		case entry, open := <-watcher.Updates():
			switch {
			case !open:
				return errors.New("the watch of records has ended")
			case entry == nil:
				for _, key := range stale {
					if !present[key] {
						f.gone(key) // it has expired meanwhile
					}
				}
				f.loaded()
				present = nil
			default:
				p.beat(entry.Revision())
				f.note(entry)
				if present != nil {
					present[entry.Key()] = true
				}
			}
		}
	}
}

// pulse counts what a watch hears.
type pulse struct {
	heard atomic.Uint64 // the highest revision
	beats atomic.Uint64
}

// beat is called by one goroutine.
func (p *pulse) beat(revision uint64) {
	p.beats.Add(1)
	p.heard.Store(max(p.heard.Load(), revision))
}

// attend returns when a watch has become deaf: it has heard nothing for a
// while, although there was something to hear before. The library itself takes
// some 18 s to notice that the node with a watch's consumer is lost; for that
// long clients would wait for jobs that have ended.
func (f feed) attend(ctx context.Context, p *pulse) {
	ticker := time.NewTicker(attendPause)
	defer ticker.Stop()
	var last, beats uint64
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if last > p.heard.Load() && beats == p.beats.Load() {
			return
		}
		beats = p.beats.Load()
		if now, err := f.last(ctx); err == nil { // else a node is lost, and the next try tells more
			last = now
		}
	}
}
