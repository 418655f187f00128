package queue

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// receive calls next for messages until accept makes something of one. It fails only
// when the context ends.
func receive[T any](ctx context.Context, c *core, next func(context.Context) (jetstream.Msg, error), accept func(context.Context, jetstream.Msg) (*T, error)) (*T, error) {
	for ctx.Err() == nil {
		message, err := next(ctx)
		if err != nil {
			c.options.Log.Warn("request message", "error", err)
			wait(ctx, retryDelay)
		}
		if message == nil {
			continue
		}
		accepted, err := accept(ctx, message)
		if accepted != nil {
			return accepted, nil
		}
		if err != nil && ctx.Err() == nil {
			c.options.Log.Warn("accept message", "subject", message.Subject(), "error", err)
			_ = message.NakWithDelay(retryDelay) // else it comes back when its lease is over
		}
	}
	return nil, ctx.Err()
}

// take waits a while for a message and returns nil if none came. The lack of two
// heartbeats shows that the request was lost with a node.
func take(ctx context.Context, from jetstream.Consumer) (jetstream.Msg, error) {
	const patience, heartbeat = 30 * time.Second, time.Second
	waiting, stop := context.WithTimeout(ctx, patience)
	defer stop()
	message, err := from.Next(jetstream.FetchContext(waiting), jetstream.FetchHeartbeat(heartbeat))
	switch {
	case ctx.Err() != nil:
		if message != nil {
			_ = message.Nak() // else it comes back when its lease is over
		}
		return nil, nil
	case errors.Is(err, nats.ErrTimeout), errors.Is(err, jetstream.ErrNoMessages), errors.Is(err, context.DeadlineExceeded):
		return nil, nil
	}
	return message, err
}

// heartbeat keeps a message from being delivered to another process.
type heartbeat struct {
	ctx     context.Context // ends with the heartbeat
	cancel  context.CancelFunc
	running sync.WaitGroup
}

// startHeartbeat beats three times per lease until stop, the context's end or, at
// a beat or a change, held returns false.
func startHeartbeat(ctx context.Context, c *core, message jetstream.Msg, id string, changed <-chan struct{}, held func(context.Context) bool) *heartbeat {
	h := &heartbeat{}
	h.ctx, h.cancel = context.WithCancel(ctx)
	h.running.Go(func() {
		defer h.cancel()
		ticker := time.NewTicker(c.options.Lease / 3)
		defer ticker.Stop()
		for {
			select {
			//guard:heartbeat-end TestSoak => (chan struct{})(nil)
			case <-h.ctx.Done():
				return
			//guard:heartbeat TestSlowDisk => (chan time.Time)(nil)
			case <-ticker.C:
				if err := message.InProgress(); err != nil {
					c.options.Log.Warn("heartbeat", "job", id, "error", err)
				}
			case <-changed:
			}
			//guard:heartbeat-end
			if !held(h.ctx) {
				return
			}
		}
	})
	return h
}

// stop returns when the last beat is over; it may be repeated.
func (h *heartbeat) stop() {
	h.cancel()
	//guard:heartbeat-end
	h.running.Wait()
}
