package worker_test

import (
	"context"
	"log/slog"
	"slices"
	"testing"

	"upscaled/engine"
	"upscaled/engine/face"
	"upscaled/models/fault"
	"upscaled/server/job"
	"upscaled/server/worker"
)

// After a device was lost the job goes back and the worker takes no other: it
// ends by itself, with the error.
func TestLostDeviceEndsTheWorker(t *testing.T) {
	t.Parallel()
	jobs := source{job.Small: make(chan *lease, 2)}
	first, second := newLease(job.Options{}), newLease(job.Options{})
	jobs[job.Small] <- first
	jobs[job.Small] <- second
	w := worker.New(worker.Options{
		Source: jobs, Lanes: map[job.Lane]int{job.Small: 1, job.Large: 1}, Log: slog.New(slog.DiscardHandler),
		Engine: machine(func(context.Context, engine.Request) (engine.Result, error) {
			return engine.Result{}, fault.New(fault.DeviceLost, "The GPU stopped working.")
		}),
	})
	if err := w.Run(context.Background()); fault.KindOf(err) != fault.DeviceLost {
		t.Errorf("the worker ended with %v", err)
	}
	if first.how != "retry" || first.cause.Kind != fault.DeviceLost || second.how != "" {
		t.Errorf("the first job: %q %+v, the second: %q", first.how, first.cause, second.how)
	}
}

// Every option reaches the engine; a request's own face options lie over the
// server's.
func TestOptionsReachTheEngine(t *testing.T) {
	t.Parallel()
	half, yes := 0.5, true
	l := newLease(job.Options{
		Denoise: &half, FitWidth: 10, FitHeight: 20, Lossless: true, Strip: true, Tile: 99, FaceEnhance: true,
		Face: &job.FaceOptions{Strength: &half, Minimum: 40, OnlyCentre: &yes, At: [][2]float64{{3, 4.5}}, Restorer: "gfpgan", Missing: "error"},
	})
	var got engine.Request
	run(t, func(_ context.Context, q engine.Request) (engine.Result, error) {
		got = q
		return engine.Result{}, nil
	}, 0, l)
	waitFor(t, l)
	if got.Denoise != &half || got.Size.FitWidth != 10 || got.Size.FitHeight != 20 || !got.Lossless || !got.Strip || got.Tile != 99 {
		t.Errorf("%+v", got)
	}
	f := got.Faces
	if f == nil || f.Strength != 0.5 || f.Minimum != 40 || f.OnlyCentre || !slices.Equal(f.At, []face.Point{{X: 3, Y: 4.5}}) || f.Restorer != "gfpgan" || f.Missing != engine.Refuse {
		t.Errorf("faces %+v", f)
	}
}
