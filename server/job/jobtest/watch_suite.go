package jobtest

import (
	"context"
	"errors"
	"testing"
	"time"

	"upscaled/models/fault"
	"upscaled/server/job"
)

// Watched is a queue whose jobs are watched, and the means to move them.
type Watched struct {
	Subject
	Watcher job.Watcher
	// Progress publishes a running job's progress, which may get lost.
	Progress func(t *testing.T, id string, fraction float64)
}

// TestWatcher checks what job.Watcher promises. Each subject is new.
func TestWatcher(t *testing.T, open func(t *testing.T) Watched) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, Watched){
		"whole life": testWatchLife, "canceled": testWatchCanceled, "final": testWatchFinal, "errors": testWatchErrors,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

// follower receives the changes of a job until its watch ends.
type follower struct {
	changes chan job.Job
	ended   chan error
}

func follow(t *testing.T, w job.Watcher, id string) follower {
	t.Helper()
	f := follower{make(chan job.Job), make(chan error, 1)}
	ctx, stop := context.WithCancel(context.Background())
	t.Cleanup(stop)
	go func() {
		f.ended <- w.Watch(ctx, id, func(j job.Job) error {
			select {
			case f.changes <- j:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	return f
}

// until receives changes until is returns true, and calls again, if not nil, now and
// then.
func (f follower) until(t *testing.T, what string, again func(), is func(job.Job) bool) job.Job {
	t.Helper()
	const patience, pause = 5 * time.Minute, 10 * time.Millisecond
	late := time.After(patience)
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	for {
		select {
		case j := <-f.changes:
			if is(j) {
				return j
			}
		case err := <-f.ended:
			t.Fatalf("the watch ends before %s: %v", what, err)
		case <-ticker.C:
			if again != nil {
				again()
			}
		case <-late:
			t.Fatalf("%s is not reported", what)
		}
	}
}

func (f follower) end(t *testing.T) {
	t.Helper()
	select {
	case err := <-f.ended:
		if err != nil {
			t.Errorf("the watch ends with %v", err)
		}
	case j := <-f.changes:
		t.Errorf("a change after the end: %+v", j)
	}
}

func testWatchLife(t *testing.T, s Watched) {
	submit(t, s.Queue, "a-1")
	f := follow(t, s.Watcher, "a-1")
	if j := <-f.changes; j.State != job.Queued || j.ID != "a-1" || j.InputName != "a.png" {
		t.Errorf("at once: %+v", j)
	}
	s.Begin(t, "a-1")
	f.until(t, "the start", nil, func(j job.Job) bool { return j.State == job.Running })
	for _, fraction := range []float64{0.25, 0.5} {
		j := f.until(t, "progress", func() { s.Progress(t, "a-1", fraction) }, func(j job.Job) bool { return j.Progress == fraction })
		if j.State != job.Running {
			t.Errorf("progress of a job that is %s", j.State)
		}
	}
	s.End(t, "a-1", Outcome{Picture: []byte("p"), Result: &job.Result{Format: "png", Bytes: 1}})
	if j := f.until(t, "the end", nil, func(j job.Job) bool { return j.State.Final() }); j.State != job.Succeeded || j.Result == nil || j.Progress != 1 {
		t.Errorf("%+v", j)
	}
	f.end(t)
}

func testWatchCanceled(t *testing.T, s Watched) {
	submit(t, s.Queue, "a-1")
	first, second := follow(t, s.Watcher, "a-1"), follow(t, s.Watcher, "a-1")
	<-first.changes
	<-second.changes
	if err := s.Queue.Cancel(t.Context(), "a-1"); err != nil {
		t.Fatal(err)
	}
	for _, f := range []follower{first, second} {
		f.until(t, "the end", nil, func(j job.Job) bool { return j.State == job.Canceled })
		f.end(t)
	}
}

func testWatchFinal(t *testing.T, s Watched) {
	submit(t, s.Queue, "a-1")
	s.Begin(t, "a-1")
	s.End(t, "a-1", Outcome{Failure: &job.Failure{Kind: fault.Invalid, Message: "broken"}})
	f := follow(t, s.Watcher, "a-1")
	if j := <-f.changes; j.State != job.Failed || j.Failure == nil {
		t.Errorf("%+v", j)
	}
	f.end(t)
}

func testWatchErrors(t *testing.T, s Watched) {
	submit(t, s.Queue, "a-1")
	enough := errors.New("enough")
	if err := s.Watcher.Watch(t.Context(), "a-1", func(job.Job) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("the caller's error: %v", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	err := s.Watcher.Watch(ctx, "a-1", func(job.Job) error {
		stop()
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a canceled watch: %v", err)
	}
	for _, id := range []string{"a-404", "", "*", ">", "a b", "../a"} {
		err := s.Watcher.Watch(t.Context(), id, func(j job.Job) error {
			t.Errorf("%q is reported: %+v", id, j)
			return nil
		})
		if fault.KindOf(err) != fault.NotFound {
			t.Errorf("watch of %q: %v", id, err)
		}
	}
}
