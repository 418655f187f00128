package queue

import (
	"context"
	"time"

	"upscaled/models/fault"
	"upscaled/server/job"
)

// Watch implements job.Watcher. Progress is heard while Run runs; without it
// the record is looked at now and then.
func (q *Queue) Watch(ctx context.Context, id string, changed func(job.Job) error) error {
	stirred, stop := q.board.subscribe(id, true)
	defer stop()
	recheck := time.NewTicker(recheckPause)
	defer recheck.Stop()
	var known record
	var told job.Job
	for look := true; ; {
		if look {
			r, err := q.read(ctx, id)
			switch {
			case ctx.Err() != nil:
				return ctx.Err()
			case fault.KindOf(err) == fault.NotFound:
				return err
			case err == nil:
				known = r
			}
			// Other errors may pass: a node was lost and another takes over.
		}
		if next := q.withProgress(known); next.ID != "" && differs(told, next) {
			told = next
			if err := changed(next); err != nil {
				return err
			}
		}
		if known.State.Final() {
			return nil
		}
		select {
		case <-stirred:
			// News of progress only costs no reading.
			_, same := q.board.progressOf(known)
			look = !same
		case <-recheck.C:
			look = true
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// withProgress is a record as callers see it.
func (q *Queue) withProgress(r record) job.Job {
	if r.State == job.Running {
		r.Progress = max(r.Progress, q.board.progress(r.ID))
	}
	return r.Job
}

func differs(a, b job.Job) bool {
	return a.State != b.State || a.Progress != b.Progress || a.Attempts != b.Attempts || !a.Started.Equal(b.Started)
}
