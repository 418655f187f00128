package queue

import (
	"context"
	"errors"
	"time"

	"upscaled/models/fault"
	"upscaled/server/queue/record"
)

// The result of a synchronous call (job.Spec.Sync) can only be returned by the
// process of that call: no other client knows the job's ID. Its record names that
// process, and if it dies the others cancel the job, so that it is not paid.

// cancelDeadCallers cancels the jobs of processes that have been silent for
// callerPatience.
func (s *sweeper) cancelDeadCallers(ctx context.Context) {
	l := s.lifecycle
	before := s.silent
	s.silent = map[string]time.Time{}
	alive := map[string]bool{"": true, l.name: true}
	for _, r := range s.cache.Unfinished() {
		if _, asked := s.silent[r.SyncCaller]; !asked && !alive[r.SyncCaller] {
			alive[r.SyncCaller] = l.isAlive(ctx, r.SyncCaller)
		}
		if alive[r.SyncCaller] {
			continue
		}
		first, known := before[r.SyncCaller]
		if !known {
			first = l.options.Now()
		}
		s.silent[r.SyncCaller] = first
		if l.options.Now().Sub(first) >= callerPatience {
			s.giveUp(ctx, r)
		}
	}
}

// giveUp cancels a job whose caller is gone.
func (s *sweeper) giveUp(ctx context.Context, r record.Job) {
	l := s.lifecycle
	err := l.cancel(ctx, r.ID)
	if err == nil {
		l.unqueue(ctx, r) // if it ran, its worker may be dead
		l.options.Log.Info("job is canceled: the call that waited for it died with its server", "job", r.ID)
	} else if ctx.Err() == nil && fault.KindOf(err) != fault.NotFound && !errors.Is(err, context.Canceled) {
		l.options.Log.Warn("cancel job without a caller", "job", r.ID, "error", err)
	}
}
