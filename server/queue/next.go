package queue

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"upscaled/models/fault"
	"upscaled/server/job"
)

// Next implements job.Source. It gives jobs only while Run runs.
func (q *Queue) Next(ctx context.Context, large bool) (job.Lease, error) {
	line := smallLine
	if large {
		line = largeLine
	}
	select {
	case <-q.reclaimed:
	case <-ctx.Done():
	}
	for ctx.Err() == nil {
		message, err := q.take(ctx, q.lines[line])
		if message == nil {
			if err != nil {
				q.options.Log.Warn("ask for work", "line", line, "error", err)
				pause(ctx, retryPause)
			}
			continue
		}
		lease, err := q.begin(ctx, message)
		if lease != nil {
			return lease, nil
		}
		if err != nil && ctx.Err() == nil {
			q.options.Log.Warn("begin job", "subject", message.Subject(), "error", err)
			_ = message.NakWithDelay(retryPause) // else it comes back when its lease is over
		}
	}
	return nil, ctx.Err()
}

// take waits a while for one message; it gives nil where none came. A request
// that was lost with a node is noticed by the want of two heartbeats.
func (q *Queue) take(ctx context.Context, from jetstream.Consumer) (jetstream.Msg, error) {
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

func pause(ctx context.Context, length time.Duration) {
	select {
	case <-time.After(length):
	case <-ctx.Done():
	}
}

// begin turns a work item into a lease. It gives nil where there is nothing to
// run: the job is final, gone or taken, or has had its tries.
func (q *Queue) begin(ctx context.Context, message jetstream.Msg) (*lease, error) {
	id := message.Subject()[strings.LastIndexByte(message.Subject(), '.')+1:]
	q.passed(StepTaken, id)
	token := randomToken()
	var before *record
	for {
		r, err := q.read(ctx, id)
		switch {
		case fault.KindOf(err) == fault.NotFound:
			return nil, message.Ack()
		case err != nil:
			return nil, err
		case r.State.Final():
			q.conclude(ctx, r)
			return nil, message.Ack()
		case r.Lease == token && r.State == job.Running:
			return q.hold(ctx, r, message), nil // a try whose answer was lost
		case before != nil && before.Lease != r.Lease:
			return nil, nil // the item was delivered again and another has it
		}
		read := r
		before = &read
		q.try(&r, token)
		err = q.persist(ctx, func(ctx context.Context) error {
			if read.Started.IsZero() && !r.State.Final() {
				if err := q.announce(ctx, r, noticeStarted); err != nil {
					return err
				}
			}
			return q.update(ctx, &r)
		})
		switch {
		case isConflict(err):
			continue
		case err != nil:
			return nil, err
		case r.State.Final():
			q.ended(r)
			q.conclude(ctx, r)
			return nil, message.Ack()
		}
		return q.hold(ctx, r, message), nil
	}
}

// try makes a record that of a job that begins, or of one that has had its
// tries.
func (q *Queue) try(r *record, token string) {
	now := q.options.Now().UTC()
	if r.Attempts >= q.options.Attempts {
		r.State, r.Finished = job.Failed, now
		r.Failure = &job.Failure{Kind: fault.Internal, Message: "The picture could not be processed: every try was cut short."}
		return
	}
	r.State, r.Lease, r.Attempts = job.Running, token, r.Attempts+1
	r.Holder = q.connection.instance
	if r.Started.IsZero() {
		r.Started = now
	}
}
