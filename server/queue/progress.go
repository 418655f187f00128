package queue

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"

	"upscaled/server/queue/index"
)

// watchProgress stores the progress of running jobs in the cache until the context
// ends. These messages are not stored: the next one makes up for a lost one.
func (c *core) watchProgress(ctx context.Context, cache *index.Cache) error {
	return c.subscribe(ctx, progressPrefix+"*", func(m *nats.Msg) {
		var fraction float64
		if json.Unmarshal(m.Data, &fraction) == nil && fraction >= 0 && fraction <= 1 {
			cache.SetProgress(strings.TrimPrefix(m.Subject, progressPrefix), fraction)
		}
	})
}

// publishProgress sends a running job's progress to all processes.
func (c *core) publishProgress(id string, fraction float64) {
	text, err := json.Marshal(fraction)
	if err == nil {
		err = c.connection.nats.Publish(progressPrefix+id, text)
	}
	if err != nil {
		c.options.Log.Debug("progress is not published", "job", id, "error", err)
	}
}

// respondAlive lets other processes see that this one lives, until the context
// ends.
func (c *core) respondAlive(ctx context.Context) error {
	return c.subscribe(ctx, alivePrefix+c.name, func(m *nats.Msg) {
		_ = m.Respond(nil) // the other process will ask again
	})
}

// isAlive asks a process. A missing answer may be a lost node's fault.
func (c *core) isAlive(ctx context.Context, name string) bool {
	ctx, stop := context.WithTimeout(ctx, stepLimit)
	defer stop()
	_, err := c.connection.nats.RequestWithContext(ctx, alivePrefix+name, nil)
	return err == nil
}

// subscribe handles the messages of a subject until the context ends.
func (c *core) subscribe(ctx context.Context, subject string, handle nats.MsgHandler) error {
	subscription, err := c.connection.nats.Subscribe(subject, handle)
	if err != nil {
		return fmt.Errorf("subscribe to %s: %w", subject, err)
	}
	<-ctx.Done()
	_ = subscription.Unsubscribe() // the connection may be gone already
	return nil
}
