package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"upscaled/server/job"
)

// delivery implements job.Delivery. It is held while its process lives and the
// context that it was requested with lasts.
type delivery struct {
	core      *core
	job       job.Job
	attempt   int
	message   jetstream.Msg
	heartbeat *heartbeat
}

func (c *core) newDelivery(ctx context.Context, j job.Job, message jetstream.Msg, attempt int) *delivery {
	d := &delivery{core: c, job: j, attempt: attempt, message: message}
	d.heartbeat = startHeartbeat(ctx, c, message, j.ID, nil, func(context.Context) bool { return true })
	return d
}

// Job implements job.Delivery.
func (d *delivery) Job() job.Job { return d.job }

// Attempt implements job.Delivery.
func (d *delivery) Attempt() int { return d.attempt }

// Done implements job.Delivery.
func (d *delivery) Done(ctx context.Context) error {
	d.heartbeat.stop()
	d.core.reached(AfterCall, d.job.ID)
	if err := d.message.DoubleAck(ctx); err != nil && !errors.Is(err, jetstream.ErrMsgAlreadyAckd) {
		return fmt.Errorf("acknowledge webhook call: %w", err)
	}
	d.core.reached(AfterDeliveryAck, d.job.ID)
	return nil
}

// Retry implements job.Delivery.
func (d *delivery) Retry(_ context.Context, after time.Duration) error {
	d.heartbeat.stop()
	if err := d.message.NakWithDelay(after); err != nil {
		return fmt.Errorf("delay webhook call: %w", err)
	}
	return nil
}
