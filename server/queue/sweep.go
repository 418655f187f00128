package queue

import (
	"context"
	"strings"
	"time"

	"upscaled/models/fault"
	"upscaled/server/account"
	"upscaled/server/job"
	"upscaled/server/queue/index"
)

// sweeper finishes steps that crashes interrupted. Any number of processes may sweep
// at once: every step may be repeated.
type sweeper struct {
	lifecycle *lifecycle
	cache     *index.Cache
	listing   *index.Listing
	uploads   *index.Uploads
	reclaimed chan<- struct{} // closed by run
	// unrecorded are the charges without a record, and silent the processes that
	// did not answer, by the time when they were first seen so.
	unrecorded map[account.Hold]time.Time
	silent     map[string]time.Time
}

// run sweeps at the start and then at every interval, until the context ends.
func (s *sweeper) run(ctx context.Context) error {
	select {
	case <-s.cache.Loaded():
	case <-ctx.Done():
		return nil
	}
	s.reclaim(ctx)
	close(s.reclaimed)
	o := s.lifecycle.options
	ticker := time.NewTicker(o.Sweep)
	defer ticker.Stop()
	for {
		s.sweepJobs(ctx)
		s.cancelDeadCallers(ctx)
		s.listing.RemoveBefore(o.Now().Add(-2 * (o.Retention + recordMargin(o.Retention))))
		s.uploads.Expire(o.Now())
		if o.Ledger != nil {
			s.sweepHolds(ctx)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// sweepJobs publishes the missing work items of unfinished jobs.
// Jobs that nobody ran before their input expired fail. So do those whose worker
// died and that nobody took over, before their record is forgotten: it was written
// again when they began.
func (s *sweeper) sweepJobs(ctx context.Context) {
	l := s.lifecycle
	for _, r := range s.cache.Unfinished() {
		var err error
		since, longest := r.Created, l.options.Retention
		if r.State == job.Running {
			since, longest = r.Started, longest+recordMargin(longest)/2
		}
		if l.options.Now().Sub(since) >= longest {
			err = l.expire(ctx, r)
		} else {
			//guard:sweep-push TestCrashBeforeWorkItem
			err = l.push(ctx, r)
		}
		if ctx.Err() != nil {
			return
		}
		if err != nil && !isConflict(err) {
			l.options.Log.Warn("sweep", "job", r.ID, "error", err)
		}
	}
}

// sweepHolds settles or refunds charges whose job is final, and refunds those whose
// job was never recorded.
func (s *sweeper) sweepHolds(ctx context.Context) {
	l := s.lifecycle
	holds, err := l.options.Ledger.Holds(ctx)
	if err != nil {
		if ctx.Err() == nil {
			l.options.Log.Warn("sweep charges", "error", err)
		}
		return
	}
	before := s.unrecorded
	s.unrecorded = map[account.Hold]time.Time{}
	for _, hold := range holds {
		// This precedes the read: a submission that has ended by now has written
		// its record or never will.
		if s.cache.Submitting(hold.Job) {
			continue
		}
		id, run, _ := strings.Cut(hold.Job, ".") // of record.Job.ChargeID
		r, err := l.read(ctx, id)
		switch {
		case fault.KindOf(err) == fault.NotFound, err == nil && r.Run != run:
			//guard:refund-unrecorded TestCrashAfterCharge
			s.sweepUnrecorded(ctx, hold, run, before)
		case err == nil && spoiling(r):
			if err := l.spoil(ctx, r, damaged()); err != nil && !isConflict(err) {
				l.options.Log.Warn("refund", "account", hold.Account, "job", hold.Job, "error", err)
			}
		//guard:settle-later TestCrashBeforeLedger
		case err == nil && r.State.Final():
			l.conclude(ctx, r)
		}
	}
}

// sweepUnrecorded refunds a charge without a record once it cannot belong to a
// submission any more.
func (s *sweeper) sweepUnrecorded(ctx context.Context, hold account.Hold, run string, before map[account.Hold]time.Time) {
	l := s.lifecycle
	first, seen := before[hold]
	if !seen {
		first = l.options.Now()
	}
	s.unrecorded[hold] = first
	patience := l.options.Orphans
	if run != "" { // commands beside the server let jobs run again
		patience = max(patience, 2*submitLimit)
	}
	if l.options.Now().Sub(first) < patience {
		return
	}
	if err := l.options.Ledger.Refund(ctx, hold.Account, hold.Job); err != nil {
		l.options.Log.Warn("refund", "account", hold.Account, "job", hold.Job, "error", err)
		return
	}
	delete(s.unrecorded, hold)
	l.reached(AfterSettle, hold.Job)
}

// reclaim frees, at the start of a process that holds the embedded server, the jobs
// of the process that held it before: it is dead, so its leases need not expire
// first. Attached workers keep theirs.
func (s *sweeper) reclaim(ctx context.Context) {
	l := s.lifecycle
	own := l.connection.instance
	if own == "" {
		return
	}
	for _, r := range s.cache.Unfinished() {
		if r.SyncCaller != "" && r.SyncCaller != l.name {
			s.giveUp(ctx, r)
			continue
		}
		if r.Holder == "" || r.Holder == own {
			continue
		}
		r.State, r.Holder = job.Queued, ""
		err := l.update(ctx, &r)
		if err == nil {
			// The old item counts as delivered; a new one can be taken at once.
			l.unqueue(ctx, r)
			err = l.push(ctx, r)
		}
		if err != nil && !isConflict(err) && ctx.Err() == nil {
			l.options.Log.Warn("job runs when its lease is over", "job", r.ID, "error", err)
		}
	}
}
