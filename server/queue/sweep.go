package queue

import (
	"context"
	"time"

	"upscaled/models/fault"
	"upscaled/server/account"
	"upscaled/server/job"
)

// sweepOften finishes what crashes left half done, at the start and then at
// every pause. Any number of processes may sweep at once: each step may be
// repeated.
func (q *Queue) sweepOften(ctx context.Context) error {
	select {
	case <-q.board.loaded:
	case <-ctx.Done():
		return nil
	}
	q.reclaim(ctx)
	close(q.reclaimed)
	orphans, silent := map[account.Hold]time.Time{}, map[string]time.Time{}
	ticker := time.NewTicker(q.options.Sweep)
	defer ticker.Stop()
	for {
		q.sweepJobs(ctx)
		silent = q.sweepWaiters(ctx, silent)
		q.board.unlistOlder(q.options.Now().Add(-2 * (q.options.Retention + recordMargin(q.options.Retention))))
		q.shelf.sweep(q.options.Now())
		if q.options.Ledger != nil {
			orphans = q.sweepHolds(ctx, orphans)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// sweepJobs gives every unfinished job a work item; those that have one keep
// it. Jobs that nobody ran before their input expired fail; so do those whose
// worker died and that nobody took over, before their record is forgotten: it
// was written anew when they began.
func (q *Queue) sweepJobs(ctx context.Context) {
	for _, r := range q.board.unfinished() {
		var err error
		since, longest := r.Created, q.options.Retention
		if r.State == job.Running {
			since, longest = r.Started, longest+recordMargin(longest)/2
		}
		if q.options.Now().Sub(since) >= longest {
			err = q.expire(ctx, r)
		} else {
			err = q.push(ctx, r)
		}
		if ctx.Err() != nil {
			return
		}
		if err != nil && !isConflict(err) {
			q.options.Log.Warn("sweep", "job", r.ID, "error", err)
		}
	}
}

func (q *Queue) expire(ctx context.Context, r record) error {
	r.State, r.Finished = job.Failed, q.options.Now().UTC()
	r.Failure = &job.Failure{Kind: fault.Busy, Message: "The picture waited too long and has expired."}
	if err := q.update(ctx, &r); err != nil {
		return err
	}
	q.ended(r)
	q.dropWork(ctx, r)
	q.conclude(ctx, r)
	return nil
}

// sweepHolds settles or refunds charges whose job is final, and gives back
// those whose job was never recorded. seen has the latter with the time they
// were first met; the new one is returned.
func (q *Queue) sweepHolds(ctx context.Context, seen map[account.Hold]time.Time) map[account.Hold]time.Time {
	holds, err := q.options.Ledger.Holds(ctx)
	if err != nil {
		if ctx.Err() == nil {
			q.options.Log.Warn("sweep charges", "error", err)
		}
		return seen
	}
	still := map[account.Hold]time.Time{}
	for _, hold := range holds {
		// Asked before the record is read: a submission that has ended by now
		// has written its record or never will.
		if q.board.isSubmitting(hold.Job) {
			continue
		}
		r, err := q.read(ctx, hold.Job)
		switch {
		case fault.KindOf(err) == fault.NotFound:
			q.sweepOrphan(ctx, hold, seen, still)
		case err == nil && r.State.Final():
			q.conclude(ctx, r)
		}
	}
	return still
}

// sweepOrphan refunds a charge without a record once no submission can be
// behind it any more.
func (q *Queue) sweepOrphan(ctx context.Context, hold account.Hold, seen, still map[account.Hold]time.Time) {
	first, known := seen[hold]
	if !known {
		first = q.options.Now()
	}
	if q.options.Now().Sub(first) < q.options.Orphans {
		still[hold] = first
		return
	}
	if err := q.options.Ledger.Refund(ctx, hold.Account, hold.Job); err != nil {
		q.options.Log.Warn("refund", "account", hold.Account, "job", hold.Job, "error", err)
		still[hold] = first
		return
	}
	q.passed(StepAccounted, hold.Job)
}
