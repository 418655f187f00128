package queue

import (
	"context"

	"upscaled/models/fault"
	"upscaled/server/account"
	"upscaled/server/job"
	"upscaled/server/queue/record"
)

// lifecycle changes the state of jobs with all that belongs to it: webhook calls,
// charges, observers, inputs.
type lifecycle struct {
	*store
	deliveries *deliveries
}

// charge takes the price of a job; the balance is nil if the job is free.
func (l *lifecycle) charge(ctx context.Context, r record.Job) (balance *int64, err error) {
	o := l.options
	if o.Ledger == nil || r.Account == "" {
		return nil, nil
	}
	err = l.persist(ctx, func(ctx context.Context) error {
		balance, err = o.Ledger.Charge(ctx, r.Account, r.ChargeID(), account.Terms{
			Price: r.Price, API: r.API, PerDay: o.PerDay[r.API], Concurrent: o.Concurrent,
		})
		return err
	})
	return balance, err
}

// update writes a record in place of exactly the revision that was read. Before a
// final record the webhook call is announced.
func (l *lifecycle) update(ctx context.Context, r *record.Job) error {
	//guard:announce TestKilledAtEveryStep/fails
	if r.State.Final() {
		if err := l.deliveries.announce(ctx, *r, eventEnded); err != nil {
			return err
		}
	}
	return l.replace(ctx, r)
}

// ended reports a record that was just made final.
func (l *lifecycle) ended(r record.Job) {
	if l.options.Ended != nil && r.Film == "" {
		l.options.Ended(r.Job)
	}
}

// conclude settles or refunds the charge of a final record and deletes the input, unless
// the job may run again. It may be repeated; the sweeper and the collector finish steps
// that fail.
func (l *lifecycle) conclude(ctx context.Context, r record.Job) {
	ctx, stop := context.WithTimeout(ctx, concludeLimit)
	defer stop()
	if err := l.persist(ctx, func(ctx context.Context) error { return l.settle(ctx, r) }); err != nil {
		l.options.Log.Warn("charge is settled later", "job", r.ID, "error", err)
	}
	l.reached(AfterSettle, r.ID)
	if !r.Repeatable() {
		l.dropImage(ctx, r.InputImage())
		if r.Options.Film != nil && r.Film == "" {
			l.dropImage(ctx, record.PartImages(r.ID))
		}
	}
	l.reached(AfterInputGone, r.ID)
}

// settle settles or refunds a final job's charge.
func (l *lifecycle) settle(ctx context.Context, r record.Job) error {
	switch {
	case l.options.Ledger == nil || r.Account == "":
		return nil
	case r.State == job.Succeeded:
		return l.options.Ledger.Settle(ctx, r.Account, r.ChargeID())
	default:
		return l.options.Ledger.Refund(ctx, r.Account, r.ChargeID())
	}
}

// cancel ends a job that is not final. The worker of a running job notices the
// record.
func (l *lifecycle) cancel(ctx context.Context, id string) error {
	for {
		r, err := l.read(ctx, id)
		if err != nil || r.State.Final() {
			return err
		}
		queued := r.State == job.Queued
		r.State = job.Canceled
		if err := l.finish(ctx, r, queued); !isConflict(err) {
			return err
		}
	}
}

// filmEnded reports whether a job is a part of a film that is final or gone.
func (l *lifecycle) filmEnded(ctx context.Context, r record.Job) (bool, error) {
	if r.Film == "" {
		return false, nil
	}
	film, err := l.read(ctx, r.Film)
	if fault.KindOf(err) == fault.NotFound {
		return true, nil
	}
	return film.State.Final(), err
}

// remove deletes a job with its images, and cancels it before if it is not final. Its
// charge stays as its end made it. The erased record is the point of no return: the
// collector erases the images that a crash leaves after it.
func (l *lifecycle) remove(ctx context.Context, id string) error {
	ctx, stop := context.WithTimeout(ctx, removeLimit)
	defer stop()
	var last record.Job
	for {
		r, err := l.read(ctx, id)
		if last.ID != "" && fault.KindOf(err) == fault.NotFound {
			break // by an attempt whose answer was lost, or by another caller
		} else if err != nil {
			return err
		}
		if !r.State.Final() {
			if err := l.cancel(ctx, id); err != nil {
				return err
			}
			continue
		}
		if spoiling(r) {
			if err := l.spoil(ctx, r, damaged()); err != nil && !isConflict(err) {
				return err
			}
			continue
		}
		// A charge without a record would be refunded.
		//guard:settle-removed TestDeletedChargeStays
		if err := l.persist(ctx, func(ctx context.Context) error { return l.settle(ctx, r) }); err != nil {
			return err
		}
		last = r
		err = l.persist(ctx, func(ctx context.Context) error { return l.erase(ctx, r, false) })
		if err == nil {
			break
		} else if !isConflict(err) {
			return err
		}
	}
	for _, image := range []string{last.InputImage(), last.ResultImage, record.PartImages(id)} {
		l.eraseImage(context.WithoutCancel(ctx), image)
	}
	l.reached(AfterImagesGone, id)
	return nil
}

// expire fails a job that waited too long.
func (l *lifecycle) expire(ctx context.Context, r record.Job) error {
	r.State = job.Failed
	r.Failure = &job.Failure{Kind: fault.Busy, Message: "The image waited too long and has expired."}
	return l.finish(ctx, r, true)
}

// revoke cancels a job, or fails one that has succeeded.
func (l *lifecycle) revoke(ctx context.Context, id string) error {
	err := l.cancel(ctx, id)
	if err != nil {
		return err
	}
	r, err := l.read(ctx, id)
	if err != nil || r.State != job.Succeeded {
		return err
	}
	return l.spoil(ctx, r, job.Failure{Kind: fault.Canceled, Message: "Another image of the same request could not be processed, so this one was not charged."})
}

// damaged is the failure of a job whose result is damaged.
func damaged() job.Failure {
	return job.Failure{Kind: fault.NotFound, Message: "The stored result was damaged on the server's disk. Please send the image again."}
}

// spoil makes a succeeded job a failed one, refunds its price and deletes its result.
// Until the settled charge is open again, the record keeps the result's name and the
// job is not concluded; another call continues.
func (l *lifecycle) spoil(ctx context.Context, r record.Job, why job.Failure) error {
	if r.State == job.Succeeded {
		r.State, r.Result, r.Failure = job.Failed, nil, &why
		if err := l.update(ctx, &r); err != nil {
			return err // with a conflict, another process was faster
		}
	}
	if o := l.options; o.Ledger != nil && r.Account != "" {
		if err := o.Ledger.Reopen(ctx, r.Account, r.ChargeID(), r.Price); err != nil {
			return err
		}
	}
	image := r.ResultImage
	r.ResultImage = ""
	if err := l.replace(ctx, &r); err != nil {
		return err
	}
	l.conclude(ctx, r)
	l.dropImage(ctx, image)
	return nil
}

// spoiling reports whether spoil was interrupted.
func spoiling(r record.Job) bool { return r.State == job.Failed && r.ResultImage != "" }

// finish makes a job final that no worker of this process holds.
func (l *lifecycle) finish(ctx context.Context, r record.Job, unqueue bool) error {
	r.Finished = l.options.Now().UTC()
	if err := l.update(ctx, &r); err != nil {
		return err
	}
	l.ended(r)
	if unqueue {
		l.unqueue(ctx, r)
	}
	l.conclude(ctx, r)
	return nil
}
