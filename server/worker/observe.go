package worker

import (
	"context"

	"upscaled/engine"
	"upscaled/server/job"
)

// Observer is notified of every attempt at a job, concurrently.
type Observer interface {
	// JobBegins returns the context to run the job in, and a function that is
	// called once when the attempt has ended.
	JobBegins(ctx context.Context, j job.Job) (context.Context, func(End))
}

// End is how an attempt at a job ended.
type End struct {
	// Outcome is "succeeded", "canceled", "handed back", "tried again" or
	// "failed"; for a job's last attempt "tried again" means that it failed.
	Outcome string
	// Result is the engine's; zero unless the attempt succeeded.
	Result engine.Result
	// Err is the engine's error.
	Err error
}

// observe notifies all observers that a job begins, and returns a function that
// notifies them of its end.
func (w *Worker) observe(ctx context.Context, j job.Job) (context.Context, func(End)) {
	var all []func(End)
	for _, o := range w.options.Observers {
		var end func(End)
		ctx, end = o.JobBegins(ctx, j)
		all = append(all, end)
	}
	return ctx, func(e End) {
		for _, end := range all {
			end(e)
		}
	}
}
