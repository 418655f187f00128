package queue

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"upscaled/models/fault"
	"upscaled/server/job"
)

// lease implements job.Lease. Its token in the record says who may end the
// job: a worker that slept through its lease finds another's token and writes
// nothing.
type lease struct {
	queue   *Queue
	record  record
	message jetstream.Msg
	ctx     context.Context
	cancel  context.CancelFunc
	beating sync.WaitGroup
}

// hold starts the heartbeat of a job that was just begun.
func (q *Queue) hold(ctx context.Context, r record, message jetstream.Msg) *lease {
	l := &lease{queue: q, record: r, message: message}
	l.ctx, l.cancel = context.WithCancel(context.WithoutCancel(ctx))
	l.beating.Go(l.beat)
	return l
}

// Job implements job.Lease.
func (l *lease) Job() job.Job { return l.record.Job }

// Context implements job.Lease.
func (l *lease) Context() context.Context { return l.ctx }

// beat keeps the lease and looks whether the job was canceled or taken over.
func (l *lease) beat() {
	changed, stop := l.queue.board.subscribe(l.record.ID, false)
	defer stop()
	ticker := time.NewTicker(l.queue.options.Lease / 3)
	defer ticker.Stop()
	for {
		select {
		case <-l.ctx.Done():
			return
		case <-ticker.C:
			if err := l.message.InProgress(); err != nil {
				l.queue.options.Log.Warn("heartbeat", "job", l.record.ID, "error", err)
			}
		case <-changed:
		}
		if r, err := l.queue.read(l.ctx, l.record.ID); err == nil && r.Lease != l.record.Lease ||
			err == nil && r.State != job.Running || fault.KindOf(err) == fault.NotFound {
			l.cancel()
		}
	}
}

// Input implements job.Lease.
func (l *lease) Input(ctx context.Context) ([]byte, error) {
	input, err := l.queue.loadImage(ctx, inputImage(l.record.ID), fault.New(fault.NotFound, "The picture waited too long and has expired."))
	l.queue.passed(StepRead, l.record.ID)
	return input, err
}

// Progress implements job.Lease.
func (l *lease) Progress(fraction float64) { l.queue.tell(l.record.ID, fraction) }

// Succeed implements job.Lease.
func (l *lease) Succeed(ctx context.Context, picture []byte, result job.Result) error {
	// Each lease has an object of its own, so that one that was lost cannot
	// replace what the job's record names.
	object := l.record.ID + "/" + l.record.Lease
	if err := l.queue.storeImage(ctx, object, picture); err != nil {
		l.end() // else its heartbeat would keep the job from all others
		return err
	}
	l.queue.passed(StepResult, l.record.ID)
	err := l.finish(ctx, func(r *record) {
		r.State, r.Result, r.Object, r.Progress = job.Succeeded, &result, object, 1
	})
	if errors.Is(err, job.ErrLost) {
		_ = l.queue.images.Delete(ctx, object) // else it expires
	}
	return err
}

// Fail implements job.Lease.
func (l *lease) Fail(ctx context.Context, failure job.Failure) error {
	return l.finish(ctx, func(r *record) { r.State, r.Failure = job.Failed, &failure })
}

// Retry implements job.Lease.
func (l *lease) Retry(ctx context.Context, failure job.Failure) error {
	if l.record.Attempts >= l.queue.options.Attempts {
		return l.Fail(ctx, failure)
	}
	return l.handBack(ctx, retryPause, func(*record) {})
}

// Release implements job.Lease.
func (l *lease) Release(ctx context.Context) error {
	return l.handBack(ctx, 0, func(r *record) { r.Attempts-- })
}

// finish makes the job final, exactly once.
func (l *lease) finish(ctx context.Context, change func(*record)) error {
	r, err := l.write(ctx, func(r *record) {
		change(r)
		r.Finished = l.queue.options.Now().UTC()
	})
	if err != nil {
		return err
	}
	l.queue.ended(r)
	l.queue.conclude(ctx, r)
	return l.done(StepAcknowledged, l.message.Ack())
}

// handBack puts the job back into its line.
func (l *lease) handBack(ctx context.Context, delay time.Duration, change func(*record)) error {
	_, err := l.write(ctx, func(r *record) {
		r.State = job.Queued
		change(r)
	})
	if err != nil {
		return err
	}
	if delay == 0 {
		return l.done(StepHandedBack, l.message.Nak())
	}
	return l.done(StepHandedBack, l.message.NakWithDelay(delay))
}

// done takes the end of a lease whose record is written: should the message's
// answer be lost, the item comes again and meets the record.
func (l *lease) done(step Step, err error) error {
	l.queue.passed(step, l.record.ID)
	if err != nil {
		l.queue.options.Log.Warn("work item comes again", "job", l.record.ID, "error", err)
	}
	return nil
}

// write changes the record while it carries this lease's token, else answers
// job.ErrLost. The heartbeat goes on until it is done.
func (l *lease) write(ctx context.Context, change func(*record)) (written record, err error) {
	defer l.end()
	for {
		err = l.queue.persist(ctx, func(ctx context.Context) error {
			written, err = l.writeOnce(ctx, change)
			return err
		})
		if !isConflict(err) {
			return written, err
		}
	}
}

// end stops the heartbeat.
func (l *lease) end() {
	l.cancel()
	l.beating.Wait()
}

func (l *lease) writeOnce(ctx context.Context, change func(*record)) (record, error) {
	now, err := l.queue.read(ctx, l.record.ID)
	if err != nil {
		return record{}, err
	}
	next := now
	change(&next)
	switch {
	case now.Lease == l.record.Lease && now.State == next.State:
		return now, nil // a try whose answer was lost has written it
	case now.Lease != l.record.Lease || now.State != job.Running:
		return record{}, l.lost(ctx, now)
	}
	return next, l.queue.update(ctx, &next)
}

// lost leaves the job to whoever has it now. The work item of a job that is
// final has nobody else to remove it.
func (l *lease) lost(ctx context.Context, r record) error {
	if r.State.Final() {
		l.queue.conclude(ctx, r)
		_ = l.message.Ack() // else it comes again and meets the record
	}
	return job.ErrLost
}
