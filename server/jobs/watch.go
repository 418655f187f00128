package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// feed is a bucket that is watched, and who hears of it.
type feed struct {
	bucket jetstream.KeyValue
	note   func(jetstream.KeyValueEntry)
	// known lists, when a watch begins, what was heard of before; gone is told
	// which of that is not there any more, and loaded that all is known.
	known  func() []string
	gone   func(key string)
	loaded func()
}

// feeds are the watched buckets.
func (q *Queue) feeds() []feed {
	return []feed{
		{bucket: q.records, note: q.note, known: q.board.known, gone: q.board.gone, loaded: q.board.load},
		{bucket: q.uploads, note: q.noteUpload, known: q.shelf.known, gone: q.shelf.remove, loaded: q.shelf.load},
	}
}

// watch follows a bucket. While nodes are lost a watch may not begin or may
// end on its own; another then takes its place.
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
	watcher, err := f.bucket.WatchAll(ctx)
	if err != nil {
		return fmt.Errorf("watch records: %w", err)
	}
	defer func() { _ = watcher.Stop() }() // the connection may be gone already
	stale := f.known()
	present := map[string]bool{}
	for {
		select {
		case <-ctx.Done():
			return nil
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
				f.note(entry)
				if present != nil {
					present[entry.Key()] = true
				}
			}
		}
	}
}

func (q *Queue) note(entry jetstream.KeyValueEntry) {
	if entry.Operation() != jetstream.KeyValuePut {
		q.board.gone(entry.Key())
		return
	}
	r, err := decodeRecord(entry)
	if err != nil {
		q.options.Log.Error("unreadable record", "job", entry.Key(), "error", err)
		return
	}
	q.board.change(entry.Key(), &r)
}

// watchProgress hears what running jobs tell. These messages are not stored:
// a lost one is made up for by the next.
func (q *Queue) watchProgress(ctx context.Context) error {
	subscription, err := q.connection.nats.Subscribe(progressPrefix+"*", func(m *nats.Msg) {
		var fraction float64
		if json.Unmarshal(m.Data, &fraction) == nil && fraction >= 0 && fraction <= 1 {
			q.board.advance(strings.TrimPrefix(m.Subject, progressPrefix), fraction)
		}
	})
	if err != nil {
		return fmt.Errorf("listen for progress: %w", err)
	}
	<-ctx.Done()
	_ = subscription.Unsubscribe() // the connection may be gone already
	return nil
}

// tell publishes a running job's progress.
func (q *Queue) tell(id string, fraction float64) {
	text, err := json.Marshal(fraction)
	if err == nil {
		err = q.connection.nats.Publish(progressPrefix+id, text)
	}
	if err != nil {
		q.options.Log.Debug("progress is not told", "job", id, "error", err)
	}
}
