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

// watch keeps the board up to date. While nodes are lost a watch may not begin
// or may end on its own; another then takes its place.
func (q *Queue) watch(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := q.watchOnce(ctx); err != nil && ctx.Err() == nil {
			q.options.Log.Warn("records are watched again", "error", err)
			pause(ctx, retryPause)
		}
	}
	return nil
}

// watchOnce follows one watch to its end. The first updates are all present
// records, ended by a nil.
func (q *Queue) watchOnce(ctx context.Context) error {
	watcher, err := q.records.WatchAll(ctx)
	if err != nil {
		return fmt.Errorf("watch records: %w", err)
	}
	defer func() { _ = watcher.Stop() }() // the connection may be gone already
	stale := q.board.unfinished()
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
				q.board.load(stale, present)
				present = nil
			default:
				q.note(entry)
				if present != nil {
					present[entry.Key()] = true
				}
			}
		}
	}
}

func (q *Queue) note(entry jetstream.KeyValueEntry) {
	if entry.Operation() != jetstream.KeyValuePut {
		q.board.change(entry.Key(), nil)
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
