package worker

import (
	"context"

	"upscaled/engine"
	"upscaled/server/job"
)

// Observer is told of every try of a job, such as for traces, concurrently.
type Observer interface {
	// JobBegins gives the context to run the job in, and what is called once
	// when the try has ended.
	JobBegins(ctx context.Context, j job.Job) (context.Context, func(End))
}

// End is how a try of a job ended.
type End struct {
	// Outcome is "succeeded", "canceled", "handed back", "tried again" or
	// "failed"; of a job's last try "tried again" means that it failed.
	Outcome string
	// Result is the engine's; zero unless it made a picture.
	Result engine.Result
	// Err is what the engine said.
	Err error
}

// observe tells all observers that a job begins, and gives what tells them of
// its end.
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
