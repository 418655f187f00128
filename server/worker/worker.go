// Package worker takes jobs from the queue, runs them on the engine and returns
// their results.
package worker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
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
	// Lanes are how many jobs of each lane run at once: while one uses the device
	// others decode and encode.
	Lanes map[job.Lane]int
	// Films upscales films; nil if the lanes have none.
	Films *Films
	// Faces are the settings for jobs that request face enhancement.
	Faces engine.Faces
	// Grace is how long running jobs may continue after Run's context has ended;
	// then they are handed back.
	Grace time.Duration
	// Begins, if not nil, is called for every attempt at a job, concurrently. It returns
	// the context to run the job in, and a function that is called once at its end.
	Begins func(context.Context, job.Job) (context.Context, func(End))
	Log    *slog.Logger
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
	for lane, slots := range w.options.Lanes {
		for range slots {
			lanes.Go(func() { w.lane(ctx, hard, lose, lane) })
		}
	}
	lanes.Wait()
	if err := context.Cause(ctx); fault.KindOf(err) == fault.DeviceLost {
		return err
	}
	return nil
}

// lane runs one job after another. Films only wait for their parts, so they need no grace.
func (w *Worker) lane(ctx, hard context.Context, lose context.CancelCauseFunc, lane job.Lane) {
	if lane == job.Films {
		hard = ctx
	}
	for {
		lease, err := w.options.Source.Next(ctx, lane)
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
	observed := func(End) {}
	if w.options.Begins != nil {
		ctx, observed = w.options.Begins(ctx, lease.Job())
	}
	made, err := w.make(ctx, lease)
	defer made.remove()
	result := made.result
	result.Bytes = made.Size()

	const slowest = 10e6 // bytes a second
	ending, stopEnding := context.WithTimeout(context.WithoutCancel(hard), endLimit+time.Duration(float64(result.Bytes)/slowest*float64(time.Second)))
	defer stopEnding()
	outcome, ended := w.end(ending, hard, lease, made.Content, result, err)
	observed(End{Outcome: outcome, Result: made.engine, Err: err})
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
func (w *Worker) end(ctx, hard context.Context, lease job.Lease, image job.Content, result job.Result, err error) (string, error) {
	failure := job.Failure{Kind: fault.KindOf(err), Message: fault.ForClients(fault.Sentence(err))}
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

// made is the result of a job.
type made struct {
	job.Content
	result job.Result
	engine engine.Result
	remove func() // the content
}

// make makes the result of a job. A panic fails this job, not the process.
func (w *Worker) make(ctx context.Context, lease job.Lease) (m made, err error) {
	m = made{Content: bytes.NewReader(nil), remove: func() {}}
	//guard:worker-panic TestPanicIsOnePicturesFailure
	defer func() {
		if cause := recover(); cause != nil {
			w.options.Log.Error("panic in the engine", "job", lease.Job().ID, "panic", cause, "stack", string(debug.Stack()))
			err = fault.New(fault.Internal, "The image could not be processed because of a defect.")
		}
	}()
	var image bytes.Buffer
	switch j := lease.Job(); {
	case j.Film != "":
		m.engine, err = w.part(ctx, lease, &image)
	case j.Options.Film != nil:
		file, result, err := w.film(ctx, lease)
		if err != nil {
			return m, err
		}
		info, err := file.Stat()
		m.remove = func() { _, _ = file.Close(), os.Remove(file.Name()) }
		if err == nil {
			m.Content, m.result = io.NewSectionReader(file, 0, info.Size()), result
		}
		return m, err
	default:
		m.engine, err = w.upscale(ctx, lease, &image)
	}
	if err != nil {
		return made{Content: m.Content, remove: m.remove}, err
	}
	m.Content, m.result = bytes.NewReader(image.Bytes()), resultOf(m.engine)
	if lease.Job().Film != "" {
		m.result.Frames, m.result.Computed = m.engine.Input.Frames, m.engine.Output.Frames
	}
	return m, nil
}

// upscale runs the engine on an image.
func (w *Worker) upscale(ctx context.Context, lease job.Lease, to io.Writer) (engine.Result, error) {
	input, err := lease.Input(ctx)
	if err != nil {
		return engine.Result{}, fmt.Errorf("read input: %w", err)
	}
	request := RequestOf(lease.Job().Options, w.options.Faces)
	request.Input, request.Output, request.Progress = input, to, progress(lease)
	return w.options.Engine.Upscale(ctx, request)
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
		Seconds: r.Stats.Wall.Seconds(), Model: r.Model,
	}
	for _, note := range r.Notes {
		result.Notes = append(result.Notes, fault.ForClients(note))
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
