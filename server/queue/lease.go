package queue

import (
	"cmp"
	"context"
	"errors"
	"io"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"upscaled/models/fault"
	"upscaled/server/job"
	"upscaled/server/queue/record"
)

// lease implements job.Lease. Only the worker whose token is in the record may end
// the job: one that slept through its lease finds another token and writes nothing.
type lease struct {
	lifecycle *lifecycle
	record    record.Job
	message   jetstream.Msg
	heartbeat *heartbeat
	presence  *presence
}

// hold returns the lease of a job that was just begun. Its heartbeat ends when the
// job is canceled or taken over.
func (s *leaser) hold(ctx context.Context, r record.Job, message jetstream.Msg) *lease {
	changed, unsubscribe := s.cache.Subscribe(cmp.Or(r.Film, r.ID), false)
	held := func(ctx context.Context) bool {
		now, err := s.lifecycle.read(ctx, r.ID)
		if err != nil {
			return fault.KindOf(err) != fault.NotFound
		}
		//guard:parts-of-ended
		if ended, err := s.lifecycle.filmEnded(ctx, r); err == nil && ended {
			return false
		}
		return now.Lease == r.Lease && now.State == job.Running
	}
	l := &lease{lifecycle: s.lifecycle, record: r, message: message, presence: s.presence}
	s.presence.began(r.ID)
	l.heartbeat = startHeartbeat(context.WithoutCancel(ctx), s.lifecycle.core, message, r.ID, changed, held)
	context.AfterFunc(l.heartbeat.ctx, func() {
		unsubscribe()
		s.presence.ended(r.ID)
	})
	return l
}

// Job implements job.Lease.
func (l *lease) Job() job.Job { return l.record.Job }

// Context implements job.Lease.
func (l *lease) Context() context.Context { return l.heartbeat.ctx }

// Input implements job.Lease.
func (l *lease) Input(ctx context.Context) ([]byte, error) {
	missing := fault.New(fault.NotFound, "The image waited too long and has expired.")
	input, err := l.lifecycle.getImage(ctx, l.record.InputImage(), missing)
	l.lifecycle.reached(AfterRead, l.record.ID)
	if l.lifecycle.damaged(err, missing, l.record.Created) {
		l.lifecycle.options.Log.Error("the image of a job is damaged", "job", l.record.ID, "error", err)
		err = fault.Wrap(fault.NotFound, err, "The stored image was damaged on the server's disk. Please send it again.")
	}
	return input, err
}

// OpenFilm implements job.Lease.
func (l *lease) OpenFilm(ctx context.Context) (io.ReadCloser, error) {
	missing := fault.New(fault.NotFound, "The film waited too long and has expired.")
	film := l.record
	if film.Film != "" {
		film = record.Job{Job: job.Job{Spec: job.Spec{ID: film.Film}}}
	}
	r, err := l.lifecycle.openImage(ctx, film.InputImage(), missing)
	if err != nil {
		return nil, err // and no reader
	}
	return r, nil
}

// Progress implements job.Lease.
func (l *lease) Progress(fraction float64) { l.lifecycle.publishProgress(l.record.ID, fraction) }

// Succeed implements job.Lease.
func (l *lease) Succeed(ctx context.Context, image job.Content, result job.Result) error {
	name := l.record.ResultName()
	if err := l.lifecycle.putContent(ctx, name, image); err != nil {
		//guard:unstored-result TestResultThatCannotBeStored
		l.heartbeat.stop() // it would keep the job from other workers
		return err
	}
	l.lifecycle.reached(AfterResult, l.record.ID)
	err := l.finish(ctx, func(r *record.Job) {
		r.State, r.Result, r.ResultImage, r.Progress = job.Succeeded, &result, name, 1
	})
	if errors.Is(err, job.ErrLost) {
		l.lifecycle.eraseImage(ctx, name) // the job may have been deleted
	}
	return err
}

// Fail implements job.Lease.
func (l *lease) Fail(ctx context.Context, failure job.Failure) error {
	return l.finish(ctx, func(r *record.Job) { r.State, r.Failure = job.Failed, &failure })
}

// Retry implements job.Lease.
func (l *lease) Retry(ctx context.Context, failure job.Failure) error {
	//guard:attempts-failed TestRetriesEnd
	if l.record.Attempts >= l.lifecycle.options.Attempts {
		return l.Fail(ctx, failure)
	}
	return l.handBack(ctx, retryDelay, func(*record.Job) {})
}

// Release implements job.Lease.
func (l *lease) Release(ctx context.Context) error {
	return l.handBack(ctx, 0, func(r *record.Job) { r.Attempts-- })
}

// finish makes the job final, exactly once.
func (l *lease) finish(ctx context.Context, change func(*record.Job)) error {
	r, err := l.write(ctx, func(r *record.Job) {
		change(r)
		r.Finished = l.lifecycle.options.Now().UTC()
	})
	if err != nil {
		return err
	}
	l.presence.count(r.State)
	l.lifecycle.ended(r)
	l.lifecycle.conclude(ctx, r)
	l.acknowledged(AfterAck, l.message.Ack())
	return nil
}

// handBack puts the job back into its lane.
func (l *lease) handBack(ctx context.Context, delay time.Duration, change func(*record.Job)) error {
	_, err := l.write(ctx, func(r *record.Job) {
		r.State = job.Queued
		change(r)
	})
	if err != nil {
		return err
	}
	nak := l.message.Nak
	if delay > 0 {
		nak = func() error { return l.message.NakWithDelay(delay) }
	}
	l.acknowledged(AfterHandBack, nak())
	return nil
}

// acknowledged logs the failure of the last step of a lease, which is harmless:
// the item is delivered again and its record is final or queued.
func (l *lease) acknowledged(step Failpoint, err error) {
	l.lifecycle.reached(step, l.record.ID)
	if err != nil {
		l.lifecycle.options.Log.Warn("work item comes again", "job", l.record.ID, "error", err)
	}
}

// write changes the record while it carries this lease's token, else it returns
// job.ErrLost. The heartbeat goes on until it is done.
func (l *lease) write(ctx context.Context, change func(*record.Job)) (written record.Job, err error) {
	defer l.heartbeat.stop()
	for {
		err = l.lifecycle.persist(ctx, func(ctx context.Context) error {
			written, err = l.writeOnce(ctx, change)
			return err
		})
		if !isConflict(err) {
			return written, err
		}
	}
}

func (l *lease) writeOnce(ctx context.Context, change func(*record.Job)) (record.Job, error) {
	now, err := l.lifecycle.read(ctx, l.record.ID)
	if fault.KindOf(err) == fault.NotFound { // the job was deleted
		_ = l.message.Ack()
		return record.Job{}, job.ErrLost
	} else if err != nil {
		return record.Job{}, err
	}
	next := now
	change(&next)
	switch {
	case now.Lease == l.record.Lease && now.State == next.State:
		return now, nil // an attempt whose answer was lost has written it
	//guard:lost-lease TestClockJumps TestPartition TestPausedWorker
	case now.Lease != l.record.Lease || now.State != job.Running:
		return record.Job{}, l.lost(ctx, now)
	}
	return next, l.lifecycle.update(ctx, &next)
}

// lost leaves the job to its new owner. A final job has none, so lost removes its work
// item.
func (l *lease) lost(ctx context.Context, r record.Job) error {
	if r.State.Final() {
		l.lifecycle.conclude(ctx, r)
		_ = l.message.Ack() // else it is delivered again, and acknowledged then
	}
	return job.ErrLost
}
