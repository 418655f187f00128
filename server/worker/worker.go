// Package worker takes jobs from the queue, runs them on the engine and returns
// their results.
package worker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"runtime/debug"
	"sync"
	"time"

	"upscaled/engine"
	"upscaled/models/fault"
	"upscaled/server/job"
)

// Options configure a Worker.
type Options struct {
	Source job.Source
	Engine engine.Upscaler
	// Small and Large are how many jobs of each lane run at once: while one uses
	// the device others decode and encode.
	Small, Large int
	// Faces are the settings for jobs that request face enhancement.
	Faces engine.Faces
	// Grace is how long running jobs may continue after Run's context has ended;
	// then they are handed back.
	Grace time.Duration
	// Observers are notified of every attempt at a job.
	Observers []Observer
	Log       *slog.Logger
}

// endLimit bounds the writing of a job's end, its result included, while nodes of
// the queue are lost.
const endLimit = 2 * time.Minute

// Worker runs jobs from a source on an engine.
type Worker struct{ options Options }

// New returns a worker; Run starts it.
func New(o Options) *Worker { return &Worker{o} }

// Run takes and runs jobs until the context ends, and returns when the last one has
// ended or was handed back. It returns an error when the device is lost: this
// process cannot run anything any more, and its supervisor should start another.
func (w *Worker) Run(ctx context.Context) error {
	ctx, lose := context.WithCancelCause(ctx)
	defer lose(nil)
	hard, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	//guard:grace TestStopHandsWorkOn
	defer context.AfterFunc(ctx, func() { time.AfterFunc(w.options.Grace, stop) })()
	var lanes sync.WaitGroup
	for range w.options.Small {
		lanes.Go(func() { w.lane(ctx, hard, lose, false) })
	}
	for range w.options.Large {
		lanes.Go(func() { w.lane(ctx, hard, lose, true) })
	}
	lanes.Wait()
	if err := context.Cause(ctx); fault.KindOf(err) == fault.DeviceLost {
		return err
	}
	return nil
}

// lane runs one job after another.
func (w *Worker) lane(ctx, hard context.Context, lose context.CancelCauseFunc, large bool) {
	for {
		lease, err := w.options.Source.Next(ctx, large)
		if err != nil {
			return
		}
		//guard:worker-lost-device TestLostDeviceEndsTheWorker
		if err := w.run(hard, lease); fault.KindOf(err) == fault.DeviceLost {
			lose(err)
			return
		}
	}
}

// run runs one job until it ends, is canceled or hard ends, and returns the
// engine's error.
func (w *Worker) run(hard context.Context, lease job.Lease) error {
	log := w.options.Log.With("job", lease.Job().ID, "api", lease.Job().API, "attempt", lease.Job().Attempts)
	ctx, stop := context.WithCancel(lease.Context())
	defer stop()
	defer context.AfterFunc(hard, stop)()
	started := time.Now()
	log.Info("job begins")
	ctx, observed := w.observe(ctx, lease.Job())
	image, made, err := w.upscale(ctx, lease)
	result := resultOf(made)
	result.Bytes = int64(len(image))

	ending, stopEnding := context.WithTimeout(context.WithoutCancel(hard), endLimit)
	defer stopEnding()
	outcome, ended := w.end(ending, hard, lease, image, result, err)
	observed(End{Outcome: outcome, Result: made, Err: err})
	log = log.With("outcome", outcome, "seconds", time.Since(started).Seconds())
	switch {
	case ended != nil && !errors.Is(ended, job.ErrLost):
		log.Error("job could not be ended; its lease runs out", "error", ended, "cause", err)
	case err != nil:
		log.Warn("job ends", "error", err)
	default:
		log.Info("job ends", "width", result.OutputWidth, "height", result.OutputHeight)
	}
	return err
}

// end reports the end of a job to the queue, and returns its outcome in a word.
func (w *Worker) end(ctx, hard context.Context, lease job.Lease, image []byte, result job.Result, err error) (string, error) {
	failure := job.Failure{Kind: fault.KindOf(err), Message: fault.Sentence(err)}
	switch {
	case err == nil:
		return "succeeded", lease.Succeed(ctx, image, result)
	case lease.Context().Err() != nil:
		// There is nothing to report; the lease only cleans up.
		return "canceled", lease.Release(ctx)
	//guard:hand-back TestStopHandsBack
	case hard.Err() != nil:
		return "handed back", lease.Release(ctx)
	case temporary(failure.Kind):
		return "tried again", lease.Retry(ctx, failure)
	}
	return "failed", lease.Fail(ctx, failure)
}

// temporary reports whether another attempt, maybe elsewhere, can succeed. No other
// code decides this.
func temporary(kind fault.Kind) bool {
	switch kind {
	case fault.Internal, fault.DeviceMemory, fault.DeviceLost, fault.Busy, fault.FetchFailed, fault.ModelMissing, fault.Canceled:
		//guard:worker-retry TestChaos => false
		return true
	}
	return false
}

// upscale runs the engine. A panic fails this image, not the process.
func (w *Worker) upscale(ctx context.Context, lease job.Lease) (out []byte, made engine.Result, err error) {
	//guard:worker-panic TestPanicIsOnePicturesFailure
	defer func() {
		if cause := recover(); cause != nil {
			w.options.Log.Error("panic in the engine", "job", lease.Job().ID, "panic", cause, "stack", string(debug.Stack()))
			err = fault.New(fault.Internal, "The image could not be processed because of a defect.")
		}
	}()
	input, err := lease.Input(ctx)
	if err != nil {
		return nil, engine.Result{}, fmt.Errorf("read input: %w", err)
	}
	var image bytes.Buffer
	request := RequestOf(lease.Job().Options, w.options.Faces)
	request.Input, request.Output, request.Progress = input, &image, progress(lease)
	if made, err = w.options.Engine.Upscale(ctx, request); err != nil {
		return nil, engine.Result{}, err
	}
	return image.Bytes(), made, nil
}

// progress publishes the engine's progress, at most every 250 ms.
func progress(lease job.Lease) func(engine.Progress) {
	const interval = 250 * time.Millisecond
	var last time.Time
	return func(p engine.Progress) {
		if now := time.Now(); p.Total > 0 && now.Sub(last) >= interval {
			last = now
			lease.Progress(float64(p.Done) / float64(p.Total))
		}
	}
}

func resultOf(r engine.Result) job.Result {
	result := job.Result{
		Format: string(r.Output.Format), InputWidth: r.Input.Width, InputHeight: r.Input.Height,
		OutputWidth: r.Output.Width, OutputHeight: r.Output.Height,
		Seconds: r.Stats.Wall.Seconds(), Model: r.Model, Notes: r.Notes,
	}
	if r.Faces != nil {
		result.Faces = &job.Faces{Found: r.Faces.Found, Enhanced: r.Faces.Enhanced, Restorer: r.Faces.Restorer, Refined: r.Faces.Refined}
		for _, f := range r.Faces.List {
			result.Faces.List = append(result.Faces.List, faceOf(f))
		}
	}
	return result
}

func faceOf(f engine.FoundFace) job.Face {
	rounded := func(v float64) float64 { return math.Round(10*v) / 10 }
	out := job.Face{
		Left: rounded(f.Left), Top: rounded(f.Top), Width: rounded(f.Width), Height: rounded(f.Height),
		Score: math.Round(1000*f.Score) / 1000, Frontal: math.Round(100*f.Frontal()) / 100, Enhanced: f.Enhanced,
	}
	for i, p := range f.Landmarks {
		out.Points[i] = [2]float64{rounded(p.X), rounded(p.Y)}
	}
	return out
}
