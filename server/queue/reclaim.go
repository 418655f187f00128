package queue

import (
	"context"

	"upscaled/server/job"
)

// reclaim frees, at the start of a process that holds the embedded server,
// the jobs of the process that held it before: one process at a time can, so
// that one is dead, and nobody need wait for its leases to run out. Workers
// that are attached from outside keep theirs.
func (q *Queue) reclaim(ctx context.Context) {
	own := q.connection.instance
	if own == "" {
		return
	}
	q.inheritWaiters(ctx)
	for _, r := range q.board.unfinished() {
		if r.Holder == "" || r.Holder == own {
			continue
		}
		r.State, r.Holder = job.Queued, ""
		err := q.update(ctx, &r)
		if err == nil {
			// The old item counts as delivered; a new one can be taken at once.
			q.dropWork(ctx, r)
			err = q.push(ctx, r)
		}
		if err != nil && !isConflict(err) && ctx.Err() == nil {
			q.options.Log.Warn("job is run when its lease is over", "job", r.ID, "error", err)
		}
	}
}
