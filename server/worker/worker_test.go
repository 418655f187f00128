package worker_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"upscaled/engine"
	"upscaled/engine/face"
	"upscaled/engine/imagedata"
	"upscaled/models/fault"
	"upscaled/server/job"
	"upscaled/server/worker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// source hands out leases and then waits for its context.
type source map[job.Lane]chan *lease

func (s source) Next(ctx context.Context, lane job.Lane) (job.Lease, error) {
	select {
	case l := <-s[lane]:
		return l, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// lease remembers how it was ended.
type lease struct {
	job    job.Job
	ctx    context.Context
	ended  chan struct{}
	how    string
	result job.Result
	cause  job.Failure
	bytes  []byte
}

func newLease(options job.Options) *lease {
	return &lease{
		job: job.Job{Spec: job.Spec{ID: "job-1", Options: options}, Attempts: 1},
		ctx: context.Background(), ended: make(chan struct{}),
	}
}

func (l *lease) end(how string) error {
	l.how = how
	close(l.ended)
	return nil
}

func (l *lease) Job() job.Job                          { return l.job }
func (l *lease) Context() context.Context              { return l.ctx }
func (l *lease) Input(context.Context) ([]byte, error) { return []byte("input"), nil }
func (l *lease) Progress(float64)                      {}
func (l *lease) Release(context.Context) error         { return l.end("release") }
func (l *lease) Fail(_ context.Context, f job.Failure) error {
	l.cause = f
	return l.end("fail")
}
func (l *lease) Retry(_ context.Context, f job.Failure) error {
	l.cause = f
	return l.end("retry")
}
func (l *lease) OpenFilm(context.Context) (io.ReadCloser, error) {
	return nil, fault.New(fault.NotFound, "The film has expired.")
}
func (l *lease) Succeed(_ context.Context, p job.Content, r job.Result) error {
	l.bytes, l.result = make([]byte, p.Size()), r
	if _, err := p.ReadAt(l.bytes, 0); err != nil && len(l.bytes) > 0 {
		return err
	}
	return l.end("succeed")
}

// machine is an engine made of one function.
type machine func(context.Context, engine.Request) (engine.Result, error)

func (m machine) Upscale(ctx context.Context, q engine.Request) (engine.Result, error) {
	return m(ctx, q)
}

// run puts leases into the small lane of a worker and returns a function that stops it.
func run(t *testing.T, m machine, grace time.Duration, leases ...*lease) (stop context.CancelFunc) {
	t.Helper()
	s := source{job.Small: make(chan *lease, len(leases))}
	for _, l := range leases {
		s[job.Small] <- l
	}
	w := worker.New(worker.Options{
		Source: s, Engine: m, Lanes: map[job.Lane]int{job.Small: 2, job.Large: 1}, Grace: grace, Faces: engine.Faces{Strength: 0.5}, Log: slog.New(slog.DiscardHandler),
	})
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = w.Run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
	return cancel
}

func waitFor(t *testing.T, l *lease) {
	t.Helper()
	select {
	case <-l.ended:
	case <-time.After(5 * time.Minute):
		t.Fatal("the job does not end")
	}
}

func TestSuccess(t *testing.T) {
	t.Parallel()
	l := newLease(job.Options{Model: "m", Longest: 2048, Format: "webp", Quality: 80, MaxInputWidth: 1400, FaceEnhance: true})
	var got engine.Request
	run(t, func(_ context.Context, q engine.Request) (engine.Result, error) {
		got = q
		_, err := q.Output.Write([]byte("picture"))
		return engine.Result{
			Input: imagedata.Info{Width: 3, Height: 4}, Output: imagedata.Info{Width: 6, Height: 8, Format: imagedata.WebP},
			Model: "m", Notes: []string{"Not restored: 'upscaled models pull x' installs one."}, Faces: &engine.FaceResult{Found: 2, Enhanced: 1, Restorer: "x", Refined: true, List: []engine.FoundFace{{Face: face.Face{
				Left: 1.23, Width: 30.06, Score: 0.98765, Landmarks: face.Landmarks{{X: 9.99, Y: -0.51}},
			}, Enhanced: true}}},
		}, err
	}, 0, l)
	waitFor(t, l)
	if got.Model != "m" || got.Size.Longest != 2048 || got.Format != imagedata.WebP || got.Quality != 80 || got.MaxInputWidth != 1400 || string(got.Input) != "input" {
		t.Errorf("asked %+v", got)
	}
	if l.how != "succeed" || !bytes.Equal(l.bytes, []byte("picture")) || l.result.Bytes != 7 || l.result.OutputHeight != 8 || l.result.InputWidth != 3 || l.result.Format != "webp" {
		t.Errorf("%s %+v", l.how, l.result)
	}
	if notes := l.result.Notes; len(notes) != 1 || notes[0] != "Not restored." {
		t.Errorf("notes %q", notes)
	}
	want := job.Face{Left: 1.2, Width: 30.1, Score: 0.988, Frontal: 1, Points: [5][2]float64{{10, -0.5}}, Enhanced: true}
	if list := l.result.Faces.List; len(list) != 1 || list[0] != want {
		t.Errorf("the listed faces are %+v", list)
	}
	if got.Faces == nil || got.Faces.Strength != 0.5 || l.result.Faces == nil || l.result.Faces.Header() != "x; refined" {
		t.Errorf("faces asked %+v, made %+v", got.Faces, l.result.Faces)
	}
}

func TestFailuresAreTriedAgainByKind(t *testing.T) {
	t.Parallel()
	for kind, how := range map[fault.Kind]string{
		fault.Invalid: "fail", fault.TooLarge: "fail", fault.Unsupported: "fail", fault.NotFound: "fail",
		fault.Internal: "retry", fault.DeviceMemory: "retry", fault.DeviceLost: "retry", fault.ModelMissing: "retry", fault.FetchFailed: "retry",
	} {
		l := newLease(job.Options{})
		run(t, func(context.Context, engine.Request) (engine.Result, error) {
			return engine.Result{}, fault.New(kind, "A sentence; use --tile.")
		}, 0, l)
		waitFor(t, l)
		if l.how != how || l.cause.Kind != kind || l.cause.Message != "A sentence." {
			t.Errorf("%s: %s, %+v", kind, l.how, l.cause)
		}
	}
}

func TestPanicIsOnePicturesFailure(t *testing.T) {
	t.Parallel()
	first, second := newLease(job.Options{}), newLease(job.Options{Model: "good"})
	run(t, func(_ context.Context, q engine.Request) (engine.Result, error) {
		if q.Model == "" {
			panic("secret detail")
		}
		return engine.Result{}, nil
	}, 0, first, second)
	waitFor(t, first)
	waitFor(t, second)
	if first.how != "retry" || first.cause.Kind != fault.Internal || strings.Contains(first.cause.Message, "secret") || second.how != "succeed" {
		t.Errorf("%s %+v, then %s", first.how, first.cause, second.how)
	}
}

// block runs until its context ends, and reports its start.
func block(begun chan<- struct{}) machine {
	return func(ctx context.Context, _ engine.Request) (engine.Result, error) {
		begun <- struct{}{}
		<-ctx.Done()
		return engine.Result{}, fault.Wrap(fault.Canceled, ctx.Err(), "The operation was canceled.")
	}
}

func TestStopHandsBack(t *testing.T) {
	t.Parallel()
	l, begun := newLease(job.Options{}), make(chan struct{}, 1)
	stop := run(t, block(begun), time.Millisecond, l)
	<-begun
	stop()
	waitFor(t, l)
	if l.how != "release" {
		t.Errorf("ended by %s", l.how)
	}
}

func TestStopLetsJobsFinishWithinGrace(t *testing.T) {
	t.Parallel()
	l, begun, finish := newLease(job.Options{}), make(chan struct{}), make(chan struct{})
	stop := run(t, func(ctx context.Context, _ engine.Request) (engine.Result, error) {
		close(begun)
		<-finish
		return engine.Result{}, ctx.Err()
	}, time.Hour, l)
	<-begun
	stop()
	close(finish)
	waitFor(t, l)
	if l.how != "succeed" {
		t.Errorf("ended by %s", l.how)
	}
}

func TestCanceledJobStopsTheEngine(t *testing.T) {
	t.Parallel()
	l, begun := newLease(job.Options{}), make(chan struct{}, 1)
	var cancel context.CancelCauseFunc
	l.ctx, cancel = context.WithCancelCause(context.Background())
	run(t, block(begun), time.Hour, l)
	<-begun
	cancel(errors.New("by the client"))
	waitFor(t, l)
	if l.how != "release" {
		t.Errorf("ended by %s", l.how)
	}
}
