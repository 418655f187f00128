package queue_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"upscaled/models/fault"
	"upscaled/server/job"
	"upscaled/server/queue"
)

var _ job.Operator = (*queue.Queue)(nil)

// Whatever waits, the job of the highest priority begins first, and within one
// the oldest.
func TestPriorities(t *testing.T) {
	t.Parallel()
	q := start(t, embed(t, t.TempDir()), func(o *queue.Options) { o.HoldBack = time.Minute })
	for n, p := range slices.Repeat([]job.Priority{job.Low, job.Normal, job.High, job.Normal, job.Low, job.High}, 2) {
		s := spec(fmt.Sprint("job", n), "", 0)
		submit(t, q, s)
		if j, err := q.Prioritize(t.Context(), s.ID, p); err != nil || j.Priority != p || j.State != job.Queued {
			t.Fatalf("%+v, %v", j, err)
		}
	}
	var order []string
	for range 12 {
		lease := next(t, q)
		order = append(order, lease.Job().ID)
		if err := lease.Succeed(t.Context(), strings.NewReader("x"), job.Result{}); err != nil {
			t.Fatal(err)
		}
	}
	if want := strings.Fields("job2 job5 job8 job11 job1 job3 job7 job9 job0 job4 job6 job10"); !slices.Equal(order, want) {
		t.Errorf("%v, want %v", order, want)
	}
	if j, err := q.Prioritize(t.Context(), "job0", job.High); err != nil || j.Priority != job.Low || j.State != job.Succeeded {
		t.Errorf("a final job: %+v, %v", j, err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if items, err := q.WorkItems(t.Context()); err == nil && items == 0 {
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("%d items are left, %v", items, err)
		}
	}
}

// An idle worker begins a job of any priority at once.
func TestIdleWorkerTakesAnyPriority(t *testing.T) {
	t.Parallel()
	q := start(t, embed(t, t.TempDir()), nil)
	for _, p := range []job.Priority{job.Low, job.High, job.Normal} {
		taken := make(chan job.Lease, 1)
		var slot sync.WaitGroup
		slot.Go(func() {
			if lease, err := q.Next(context.Background(), job.Small); err == nil {
				taken <- lease
			}
		})
		queue.SubmitAs(t, q.Queue, spec("as-"+string(p), "", 0), p)
		slot.Wait()
		if lease := <-taken; lease.Job().Priority != p {
			t.Errorf("%+v", lease.Job())
		} else if err := lease.Fail(t.Context(), job.Failure{Kind: fault.Invalid, Message: "x"}); err != nil {
			t.Error(err)
		}
	}
}

// The item of the old priority begins nothing, also if a process died before it
// removed it, and a running job is not taken from its worker.
func TestPriorityOfAJobInHand(t *testing.T) {
	t.Parallel()
	q := start(t, embed(t, t.TempDir()), func(o *queue.Options) { o.Sweep = 50 * time.Millisecond })
	submit(t, q, spec("a", "", 0))
	queue.RepriorityOnly(t, q.Queue, "a", job.High)
	first := next(t, q)
	if j := first.Job(); j.Priority != job.High || j.Attempts != 1 {
		t.Fatalf("%+v", j)
	}
	if j, err := q.Prioritize(t.Context(), "a", job.Low); err != nil || j.State != job.Running || j.Priority != job.High {
		t.Errorf("%+v, %v", j, err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer stop()
	if second, err := q.Next(ctx, job.Small); err == nil {
		t.Errorf("%+v was begun twice", second.Job())
	}
	if err := first.Succeed(t.Context(), strings.NewReader("x"), job.Result{}); err != nil {
		t.Error(err)
	}
}

// failJob makes the next job fail for good.
func failJob(t *testing.T, q node) {
	t.Helper()
	if err := next(t, q).Fail(t.Context(), job.Failure{Kind: fault.Internal, Message: "It broke."}); err != nil {
		t.Fatal(err)
	}
}

// A failed job runs again with its image, and costs once, whatever happens to the
// second run and however many operators ask for it at a time.
func TestRetryIsChargedOnce(t *testing.T) {
	t.Parallel()
	c := embed(t, t.TempDir())
	q, other := start(t, c, nil), start(t, c, nil)
	account := newAccount(t, q, 100)
	submit(t, q, spec("a", account, 3))
	failJob(t, q)
	if got := balance(t, q, account); got != 100 {
		t.Fatalf("%d after the failure", got)
	}
	var operators sync.WaitGroup
	for n := range 8 {
		operators.Go(func() {
			from := q
			if n%2 == 0 {
				from = other
			}
			if j, err := from.Retry(context.Background(), "a"); err != nil || j.State.Final() && j.State != job.Succeeded {
				t.Errorf("%+v, %v", j, err)
			}
		})
	}
	lease := next(t, q)
	if input, err := lease.Input(t.Context()); err != nil || string(input) != "input of a" || lease.Job().Attempts != 1 {
		t.Errorf("%q, %+v, %v", input, lease.Job(), err)
	}
	if err := lease.Succeed(t.Context(), strings.NewReader("x"), job.Result{}); err != nil {
		t.Fatal(err)
	}
	operators.Wait()
	if got := balance(t, q, account); got != 97 {
		t.Errorf("%d credits are left of 100", got)
	}
	holds, err := q.accounts.Holds(t.Context())
	if err != nil || len(holds) != 0 {
		t.Errorf("%v, %v", holds, err)
	}
	if _, err := q.Retry(t.Context(), "a"); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a job that succeeded: %v", err)
	}
	if names, err := q.Images(t.Context()); err != nil || slices.Contains(names, "a/input") {
		t.Errorf("%v, %v", names, err)
	}
}

func TestRetryThatFails(t *testing.T) {
	t.Parallel()
	q := start(t, embed(t, t.TempDir()), nil)
	account := newAccount(t, q, 3)
	submit(t, q, spec("a", account, 3))
	for range 3 {
		failJob(t, q)
		if got := balance(t, q, account); got != 3 {
			t.Fatalf("%d", got)
		}
		if j, err := q.Retry(t.Context(), "a"); err != nil || j.State != job.Queued || j.Failure != nil {
			t.Fatalf("%+v, %v", j, err)
		}
		if j, err := q.Retry(t.Context(), "a"); err != nil || j.State != job.Queued || balance(t, q, account) != 0 {
			t.Errorf("again: %+v, %v", j, err)
		}
	}
	if err := q.Cancel(t.Context(), "a"); err != nil || balance(t, q, account) != 3 {
		t.Errorf("canceled: %v", err)
	}
	if names, err := q.Images(t.Context()); err != nil || len(names) != 0 {
		t.Errorf("%v, %v", names, err)
	}
	waited := spec("sync", account, 3)
	waited.Sync = true
	submit(t, q, waited)
	failJob(t, q)
	submit(t, q, spec("poor", account, 3))
	failJob(t, q)
	submit(t, q, spec("other", account, 1))
	for id, want := range map[string]fault.Kind{"a": fault.Invalid, "sync": fault.Invalid, "poor": fault.NoCredits, "none": fault.NotFound} {
		if _, err := q.Retry(t.Context(), id); fault.KindOf(err) != want {
			t.Errorf("%s: %v", id, err)
		}
	}
	if names, err := q.Images(t.Context()); err != nil || len(names) != 2 { // of other, and poor's
		t.Errorf("%v, %v", names, err)
	}
	if err := q.DropInput(t.Context(), "poor"); err != nil {
		t.Fatal(err)
	}
	if _, err := q.Retry(t.Context(), "poor"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("an expired image: %v", err)
	}
}

// The charge for a run that was never recorded is refunded, but not before the
// command that is about to record it must have ended.
func TestCrashWhileRetrying(t *testing.T) {
	t.Parallel()
	var late time.Duration
	var mutex sync.Mutex
	now := func() time.Time {
		mutex.Lock()
		defer mutex.Unlock()
		return time.Now().Add(late)
	}
	q := start(t, embed(t, t.TempDir()), func(o *queue.Options) { o.Sweep, o.Orphans, o.Now = 20*time.Millisecond, 0, now })
	account := newAccount(t, q, 10)
	submit(t, q, spec("a", account, 3))
	failJob(t, q)
	queue.RetryChargeOnly(t, q.Queue, "a")
	time.Sleep(200 * time.Millisecond) // some sweeps
	if got := balance(t, q, account); got != 7 {
		t.Fatalf("%d: refunded under the command", got)
	}
	mutex.Lock()
	late = 3 * time.Minute
	mutex.Unlock()
	for deadline := time.Now().Add(20 * time.Second); balance(t, q, account) != 10; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the charge is not refunded")
		}
	}
	if j, err := q.Get(t.Context(), "a"); err != nil || j.State != job.Failed {
		t.Errorf("%+v, %v", j, err)
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	q := start(t, embed(t, t.TempDir()), nil)
	for n := range 7 {
		s := spec(fmt.Sprint("j", n), "", 0)
		s.Options.Model, s.API = []string{"model-a", "model-b"}[n%2], []string{"mnml", "native", "maskr"}[n%3]
		submit(t, q, s)
	}
	failJob(t, q)
	if err := q.Cancel(t.Context(), "j6"); err != nil {
		t.Fatal(err)
	}
	// A command beside the server sees the same.
	operator, err := queue.NewOperator(t.Context(), q.Connection(), nil, quiet())
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		filter job.Filter
		want   string
	}{
		"all":      {job.Filter{Limit: 100}, "j6 j5 j4 j3 j2 j1 j0"},
		"failed":   {job.Filter{Limit: 100, State: job.Failed}, "j0"},
		"canceled": {job.Filter{Limit: 100, State: job.Canceled}, "j6"},
		"queued":   {job.Filter{Limit: 100, State: job.Queued}, "j5 j4 j3 j2 j1"},
		"model":    {job.Filter{Limit: 100, Model: "Model_B"}, "j5 j3 j1"},
		"api":      {job.Filter{Limit: 100, API: "maskr"}, "j5 j2"},
		"both":     {job.Filter{Limit: 100, API: "maskr", Model: "model-a"}, "j2"},
		"account":  {job.Filter{Limit: 100, Account: "nobody"}, ""},
		"old":      {job.Filter{Limit: 100, MinAge: time.Hour}, ""},
		"young":    {job.Filter{Limit: 100, MaxAge: time.Hour}, "j6 j5 j4 j3 j2 j1 j0"},
		"pages":    {job.Filter{Limit: 3}, "j6 j5 j4 j3 j2 j1 j0"},
	} {
		for _, from := range []interface {
			Find(context.Context, job.Filter) ([]job.Job, string, error)
		}{q, operator} {
			var got []string
			for {
				jobs, next, err := from.Find(t.Context(), c.filter)
				if err != nil || len(jobs) > c.filter.Limit {
					t.Fatalf("%d, %v", len(jobs), err)
				}
				for _, j := range jobs {
					got = append(got, j.ID)
				}
				if c.filter.Before = next; next == "" {
					break
				}
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("%s: %v, want %s", name, got, c.want)
			}
		}
	}
	if _, _, err := q.Find(t.Context(), job.Filter{Before: "nonsense"}); fault.KindOf(err) != fault.Invalid {
		t.Error(err)
	}
}
