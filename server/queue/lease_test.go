package queue_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"upscaled/models/fault"
	"upscaled/server/job"
	"upscaled/server/queue"
)

func bad(message string) job.Failure { return job.Failure{Kind: fault.Internal, Message: message} }

func TestRetriesEnd(t *testing.T) {
	t.Parallel()
	q := start(t, embed(t, t.TempDir()), nil)
	id := newAccount(t, q, 10)
	if submitted := submit(t, q, spec("poison", id, 4)); *submitted.Credits != 6 {
		t.Errorf("%d credits returned", *submitted.Credits)
	}
	for try := 1; try <= 3; try++ {
		lease := next(t, q)
		if lease.Job().Attempts != try {
			t.Errorf("try %d counts as %d", try, lease.Job().Attempts)
		}
		if err := lease.Retry(t.Context(), bad("it broke")); err != nil {
			t.Fatal(err)
		}
	}
	j, err := q.Wait(t.Context(), "poison")
	if err != nil || j.State != job.Failed || j.Failure.Message != "it broke" || balance(t, q, id) != 10 {
		t.Errorf("%+v, %v, %d credits", j, err, balance(t, q, id))
	}
}

func TestReleaseIsNoTry(t *testing.T) {
	t.Parallel()
	q := start(t, embed(t, t.TempDir()), nil)
	submit(t, q, spec("a", "", 0))
	for range 5 {
		lease := next(t, q)
		if lease.Job().Attempts != 1 {
			t.Fatalf("try %d", lease.Job().Attempts)
		}
		if err := lease.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCancelReachesTheWorker(t *testing.T) {
	t.Parallel()
	c := embed(t, t.TempDir())
	api, worker := start(t, c, nil), start(t, c, nil)
	id := newAccount(t, api, 10)
	submit(t, api, spec("a", id, 3))
	lease := next(t, worker)
	if err := api.Cancel(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	select {
	case <-lease.Context().Done():
	case <-time.After(patience):
		t.Fatal("the worker does not notice")
	}
	if err := lease.Succeed(t.Context(), strings.NewReader("late"), job.Result{}); !errors.Is(err, job.ErrLost) {
		t.Errorf("a late result: %v", err)
	}
	if got := balance(t, api, id); got != 10 {
		t.Errorf("%d credits", got)
	}
}

// A worker that sleeps through its lease finds its job taken over: only its new owner
// ends it.
func TestTakeover(t *testing.T) {
	t.Parallel()
	c := embed(t, t.TempDir())
	q := start(t, c, brief)
	id := newAccount(t, q, 10)
	submit(t, q, spec("a", id, 3))
	asleep := start(t, c, func(o *queue.Options) { o.Lease = time.Hour }) // beats far too seldom
	first := next(t, asleep)
	awake := start(t, c, brief) // sets the lease back to a second
	second := next(t, awake)
	if second.Job().Attempts != 2 || first.Job().ID != second.Job().ID {
		t.Errorf("%+v", second.Job())
	}
	if err := first.Succeed(t.Context(), strings.NewReader("first"), job.Result{OutputWidth: 1}); !errors.Is(err, job.ErrLost) {
		t.Errorf("the sleeper's result: %v", err)
	}
	if err := second.Succeed(t.Context(), strings.NewReader("second"), job.Result{OutputWidth: 2}); err != nil {
		t.Fatal(err)
	}
	j, err := q.Wait(t.Context(), "a")
	if err != nil || j.State != job.Succeeded || j.Result.OutputWidth != 2 || balance(t, q, id) != 7 {
		t.Errorf("%+v, %v", j, err)
	}
}

// Three workers die without a word: the job fails, and its credits are refunded.
func TestPoisonThatKillsWorkers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	q := start(t, embed(t, dir), brief)
	id := newAccount(t, q, 10)
	submit(t, q, spec("poison", id, 3))
	for try := range 3 {
		other, err := queue.Attach(dir)
		if err != nil {
			t.Fatal(err)
		}
		worker := start(t, other, brief)
		lease, err := worker.Next(t.Context(), job.Small)
		if err != nil || lease.Job().Attempts != try+1 {
			t.Fatalf("try %d: %v", try, err)
		}
		worker.stop()
		other.Close() // the heartbeat reaches nobody any more
	}
	waiting, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	worker, end := context.WithCancel(t.Context())
	defer end()
	go func() { _, _ = q.Next(worker, job.Small) }()
	j, err := q.Wait(waiting, "poison")
	settled(t, q)
	if err != nil || j.State != job.Failed || balance(t, q, id) != 10 {
		t.Errorf("%+v, %v, %d credits", j, err, balance(t, q, id))
	}
}

func TestProgressIsReceived(t *testing.T) {
	t.Parallel()
	c := embed(t, t.TempDir())
	api, worker := start(t, c, nil), start(t, c, nil)
	submit(t, api, spec("a", "", 0))
	lease := next(t, worker)
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		lease.Progress(0.5)
		if j, err := api.Get(t.Context(), "a"); err == nil && j.Progress == 0.5 {
			return
		}
	}
	t.Error("no progress was received")
}

// A part of a film is listed nowhere, waits in a lane of its own with its film's priority
// and ends with it, also while it runs.
func TestPartsEndWithTheirFilm(t *testing.T) {
	t.Parallel()
	q := start(t, embed(t, t.TempDir()), nil)
	film := job.Spec{ID: "film", API: "mnml", Options: job.Options{Film: &job.FilmOptions{}}, File: strings.NewReader("a film")}
	if _, err := q.Submit(t.Context(), film, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := q.Prioritize(t.Context(), "film", job.High); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"film-0", "film-1", "film-2"} {
		submit(t, q, job.Spec{ID: id, API: "mnml", Film: "film"})
	}
	lease, err := q.Next(t.Context(), job.Films)
	if err != nil || lease.Job().ID != "film" {
		t.Fatalf("%v, %v", lease, err)
	}
	done, err := q.Next(t.Context(), job.Parts)
	if err != nil || done.Job().Priority != job.High {
		t.Fatalf("%v, %v", done, err)
	}
	content, err := done.OpenFilm(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(content); string(text) != "a film" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
	if err := done.Succeed(t.Context(), strings.NewReader("part"), job.Result{}); err != nil {
		t.Fatal(err)
	}
	running, err := q.Next(t.Context(), job.Parts)
	if err != nil {
		t.Fatal(err)
	}
	if d := q.Depth(); d.Running != 1 || d.Queued != 0 {
		t.Errorf("%+v", d)
	}
	if found, _, err := q.Find(t.Context(), job.Filter{Limit: 10}); err != nil || len(found) != 1 {
		t.Errorf("%v, %v", found, err)
	}
	if listed, _, err := q.List(t.Context(), job.Page{API: "mnml", Limit: 10}); err != nil || len(listed) != 1 {
		t.Errorf("%v, %v", listed, err)
	}
	if err := q.Cancel(t.Context(), "film"); err != nil {
		t.Fatal(err)
	}
	<-running.Context().Done()
	_ = running.Release(t.Context())
	eventually(t, func() bool {
		soon, stop := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer stop()
		if lease, err := q.Next(soon, job.Parts); err == nil {
			t.Errorf("%s was begun after its film had ended", lease.Job().ID)
		}
		for _, id := range []string{"film-1", "film-2"} {
			if j, err := q.Get(t.Context(), id); err != nil || j.State != job.Canceled {
				return false
			}
		}
		return true
	})
	if names, err := q.Images(t.Context()); err != nil || slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(name, "film/") }) {
		t.Errorf("%v are left, %v", names, err)
	}
}
