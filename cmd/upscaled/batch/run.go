package batch

import (
	"context"
	"io"
	"sync"
	"time"

	"upscaled/engine"
	"upscaled/engine/film"
	"upscaled/models/fault"
)

// Unsized is an engine that knows no sizes, for a dry run without the model.
type Unsized struct{ film.Engine }

// Describe implements film.Engine.
func (Unsized) Describe(context.Context, engine.Request) (engine.Result, error) {
	return engine.Result{}, nil
}

// Options of a run.
type Options struct {
	// Engine upscales images, and the frames of films.
	Engine film.Engine
	// Request holds everything but Input, Output, Format and Progress.
	Request engine.Request
	// Parallel is the number of images processed concurrently, at least 1.
	Parallel int
	// Overwrite replaces existing outputs, SkipExisting keeps them; with neither,
	// an image whose output exists fails.
	Overwrite, SkipExisting bool
	// DryRun describes the outputs and writes none.
	DryRun bool
	// KeepTimes sets the modification times of outputs to those of their inputs.
	KeepTimes bool
	// Stdout receives the image whose output is Standard.
	Stdout io.Writer
	// Temporaries tracks unfinished outputs.
	Temporaries *Temporaries
	// Films are the options of films; FFmpeg is the program's path.
	Films  film.Options
	FFmpeg string
}

// Status of an image after the run.
type Status string

const (
	Done     Status = "done"
	Planned  Status = "planned" // would be made, but for Options.DryRun
	Skipped  Status = "skipped"
	Failed   Status = "failed"
	Canceled Status = "canceled"
)

// Outcome is the result of one job.
type Outcome struct {
	Job     Job
	Status  Status
	Err     error
	Result  engine.Result
	Elapsed time.Duration
}

// Observer is notified of progress. Run does not call it concurrently.
type Observer interface {
	// Started: job number index begins. Job.Output may still be "".
	Started(index int, job Job)
	// Progressed: often, between Started and Finished of the same index.
	Progressed(index int, progress engine.Progress)
	// Finished: once for every job, even if it never started.
	Finished(index int, outcome Outcome)
}

// Needed returns the jobs that need the engine: those whose output does not exist
// already and stay.
func Needed(jobs []Job, options Options) (needed []Job) {
	for _, job := range jobs {
		if job.Output == "" || !options.keepExisting(job.Output, &Outcome{}) {
			needed = append(needed, job)
		}
	}
	return needed
}

// Run upscales all images and returns their outcomes in the order of jobs. A
// failure does not affect other jobs. When ctx ends, running jobs stop without
// leaving files behind and the remaining ones are Canceled.
func Run(ctx context.Context, jobs []Job, options Options, observer Observer) []Outcome {
	r := &runner{Options: options, observer: observer, owners: lateOwners(jobs)}
	outcomes := make([]Outcome, len(jobs))
	queue := make(chan int)
	var workers sync.WaitGroup
	for range max(1, min(options.Parallel, len(jobs))) {
		workers.Go(func() {
			for index := range queue {
				outcomes[index] = r.run(ctx, index, jobs[index])
			}
		})
	}
	for index := range jobs {
		queue <- index
	}
	close(queue)
	workers.Wait()
	return outcomes
}

type runner struct {
	Options
	mu       sync.Mutex // guards observer and owners
	observer Observer
	owners   owners
}

func lateOwners(jobs []Job) owners {
	inputs := make([]Input, 0, len(jobs))
	for _, job := range jobs {
		inputs = append(inputs, job.Input)
	}
	return newOwners(inputs)
}

// run processes one image and notifies the observer.
func (r *runner) run(ctx context.Context, index int, job Job) Outcome {
	start := time.Now()
	outcome := Outcome{Job: job, Status: Canceled, Err: ctx.Err()}
	if outcome.Err == nil {
		r.notify(func(o Observer) { o.Started(index, job) })
		outcome = r.make(ctx, index, job)
		outcome.Elapsed = time.Since(start)
		switch {
		case outcome.Status == Skipped, outcome.Status == Planned:
		case outcome.Err == nil:
			outcome.Status = Done
		case fault.KindOf(outcome.Err) == fault.Canceled && ctx.Err() != nil:
			outcome.Status = Canceled
		default:
			outcome.Status = Failed
		}
	}
	r.notify(func(o Observer) { o.Finished(index, outcome) })
	return outcome
}

func (r *runner) notify(call func(Observer)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	call(r.observer)
}
