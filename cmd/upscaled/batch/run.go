package batch

import (
	"context"
	"io"
	"slices"
	"sync"
	"time"

	"upscaled/engine"
	"upscaled/models/fault"
)

// Engine is what a batch needs of the engine.
type Engine interface {
	engine.Upscaler
	// Describe returns what Upscale would make of a request, from the header
	// alone.
	Describe(context.Context, engine.Request) (engine.Result, error)
}

// Options of a run.
type Options struct {
	Engine Engine
	// Request holds everything but Input, Output, Format and Progress.
	Request engine.Request
	// Parallel is how many pictures are worked on at once, at least 1.
	Parallel int
	// Overwrite replaces existing outputs, SkipExisting leaves them; with
	// neither an existing output fails its picture.
	Overwrite, SkipExisting bool
	// Stdout receives the picture whose output is Standard.
	Stdout io.Writer
	// Temporaries holds the unfinished outputs.
	Temporaries *Temporaries
}

// Status of a picture when the run is over.
type Status string

const (
	Done     Status = "done"
	Skipped  Status = "skipped"
	Failed   Status = "failed"
	Canceled Status = "canceled"
)

// Outcome is what became of one picture.
type Outcome struct {
	Job     Job
	Status  Status
	Err     error
	Result  engine.Result
	Elapsed time.Duration
}

// Observer hears what happens. Run calls it from one goroutine at a time.
type Observer interface {
	// Started: work on job number index begins. Job.Output may still be "".
	Started(index int, job Job)
	// Progressed: often, between Started and Finished of the same index.
	Progressed(index int, progress engine.Progress)
	// Finished: exactly once for every job, also for those never started.
	Finished(index int, outcome Outcome)
}

// Needed tells whether any job needs the engine: not when every output exists
// already and stays.
func Needed(jobs []Job, options Options) bool {
	return slices.ContainsFunc(jobs, func(job Job) bool {
		return job.Output == "" || !options.leave(job.Output, &Outcome{})
	})
}

// Run makes all pictures and gives their outcomes in the order of jobs. A
// failure of one does not touch the others; when ctx ends, running pictures
// stop without a trace and the remaining ones are Canceled.
func Run(ctx context.Context, jobs []Job, options Options, observer Observer) []Outcome {
	r := &runner{Options: options, observer: observer, owners: lateOwners(jobs)}
	outcomes := make([]Outcome, len(jobs))
	queue := make(chan int)
	var workers sync.WaitGroup
	for range max(1, min(options.Parallel, len(jobs))) {
		workers.Go(func() {
			for index := range queue {
				outcomes[index] = r.one(ctx, index, jobs[index])
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

// one works on one picture and tells the observer.
func (r *runner) one(ctx context.Context, index int, job Job) Outcome {
	start := time.Now()
	outcome := Outcome{Job: job, Status: Canceled, Err: ctx.Err()}
	if outcome.Err == nil {
		r.tell(func(o Observer) { o.Started(index, job) })
		outcome = r.make(ctx, index, job)
		outcome.Elapsed = time.Since(start)
		switch {
		case outcome.Status == Skipped:
		case outcome.Err == nil:
			outcome.Status = Done
		case fault.KindOf(outcome.Err) == fault.Canceled && ctx.Err() != nil:
			outcome.Status = Canceled
		default:
			outcome.Status = Failed
		}
	}
	r.tell(func(o Observer) { o.Finished(index, outcome) })
	return outcome
}

func (r *runner) tell(call func(Observer)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	call(r.observer)
}
