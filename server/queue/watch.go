package queue

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

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
