package queue

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"upscaled/models/fault"
	"upscaled/server/queue/blob"
)

// core is shared by all parts of a Queue.
type core struct {
	options    Options
	connection *Connection
	name       string // of this process, by which others ask whether it lives
}

// reached runs the test's failpoint, if any.
func (c *core) reached(step Failpoint, id string) {
	if c.options.Failpoint != nil {
		c.options.Failpoint(step, id)
	}
}

// persist repeats a step until it succeeds, is refused for good or the context
// ends: while a node is lost, steps fail or stay unanswered for some seconds.
func (c *core) persist(ctx context.Context, step func(context.Context) error) error {
	return c.persistFor(ctx, stepLimit, step)
}

// persistFor is persist with a limit on the first attempt. The limit doubles for
// each next one, for a store that is only slow.
func (c *core) persistFor(ctx context.Context, limit time.Duration, step func(context.Context) error) error {
	const firstDelay, longestDelay = 50 * time.Millisecond, time.Second
	for delay := firstDelay; ; delay, limit = min(2*delay, longestDelay), 2*limit {
		//guard:lost-answers TestLostAnswers => context.WithTimeout(ctx, 1000*limit)
		attempt, stop := context.WithTimeout(ctx, limit)
		err := step(attempt)
		stop()
		if err == nil || ctx.Err() != nil || !transient(err) || c.connection.writes.err() != nil {
			return err
		}
		c.options.Log.Warn("queue step is retried", "error", err)
		if !wait(ctx, delay) {
			return err
		}
	}
}

// persistRead is persist for readLimit.
func (c *core) persistRead(ctx context.Context, step func(context.Context) error) error {
	//guard:silent-store TestReadsEnd => context.WithTimeout(ctx, 100*readLimit)
	ctx, stop := context.WithTimeout(ctx, readLimit)
	defer stop()
	return c.persist(ctx, step)
}

// transient reports whether a step that failed may succeed later.
func transient(err error) bool {
	if isConflict(err) || errors.Is(err, blob.ErrNotFound) || errors.Is(err, blob.ErrDamaged) {
		return false
	}
	return fault.KindOf(err) == fault.Internal || isOutage(err)
}

// isOutage reports whether a request failed because the store did not answer, as
// while another node takes over from a lost one.
func isOutage(err error) bool {
	var refused *jetstream.APIError
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrNoResponders) || errors.Is(err, jetstream.ErrNoStreamResponse) ||
		errors.As(err, &refused) && refused.Code == http.StatusServiceUnavailable
}

// busyInOutage makes an outage a fault.Busy for clients, which then ask again. A
// request whose own context has ended is none.
func busyInOutage(ctx context.Context, err error) error {
	//guard:outage TestReadsWithoutStore
	if isOutage(err) && ctx.Err() == nil {
		return &fault.Error{Kind: fault.Busy, Message: "The job store does not respond. Please try again later.", Err: err}
	}
	return err
}

// wait reports whether the delay passed before the context ended.
func wait(ctx context.Context, delay time.Duration) bool {
	select {
	case <-time.After(delay):
		return true
	case <-ctx.Done():
		return false
	}
}
