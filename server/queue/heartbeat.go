package queue

import (
	"context"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

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
