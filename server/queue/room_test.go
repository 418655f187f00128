package queue_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"upscaled/models/fault"
	"upscaled/server/job"
	"upscaled/server/queue"
)

// Nobody takes over the queued job, nor the one whose worker died.
func TestNobodyRunsIt(t *testing.T) {
	t.Parallel()
	var ahead atomic.Int64
	q := start(t, embed(t, t.TempDir()), func(o *queue.Options) {
		often(o)
		o.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	})
	id := newAccount(t, q, 10)
	submit(t, q, spec("running", id, 1))
	lease := next(t, q)
	submit(t, q, spec("queued", id, 3))
	ahead.Store(int64(time.Hour)) // Retention
	j := wait(t, q, "queued")
	if j.State != job.Failed || j.Failure.Kind != fault.Busy {
		t.Errorf("%+v", j)
	}
	if j, err := q.Get(t.Context(), "running"); err != nil || j.State != job.Running {
		t.Errorf("a running job expires with its input: %+v, %v", j, err)
	}
	ahead.Store(int64(90 * time.Minute))
	if j := wait(t, q, "running"); j.State != job.Failed {
		t.Errorf("%+v", j)
	}
	<-lease.Context().Done()
	settled(t, q)
	if got := balance(t, q, id); got != 10 {
		t.Errorf("%d credits", got)
	}
}

// The limit of another process applies only when the work item is written.
func TestNoRoomForWorkItem(t *testing.T) {
	t.Parallel()
	c := embed(t, t.TempDir())
	q := start(t, c, nil)
	start(t, c, func(o *queue.Options) { o.MaxUnfinished = 1 })
	id := newAccount(t, q, 10)
	submit(t, q, spec("fits", id, 1))
	_, err := q.Submit(t.Context(), spec("late", id, 3), []byte("input"))
	if fault.KindOf(err) != fault.Busy {
		t.Fatalf("no room: %v", err)
	}
	if _, err := q.Get(t.Context(), "late"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("the record stays: %v", err)
	}
	if has, err := q.HasInput(t.Context(), "late"); err != nil || has {
		t.Errorf("the input stays: %v, %v", has, err)
	}
	holds, err := q.accounts.Holds(t.Context())
	if err != nil || len(holds) != 1 || balance(t, q, id) != 9 {
		t.Errorf("holds %v, %d credits, %v", holds, balance(t, q, id), err)
	}
	succeed(t, next(t, q), "image")
	submit(t, q, spec("later", id, 3))
	if items, err := q.WorkItems(t.Context()); err != nil || items != 1 {
		t.Errorf("%d work items, %v", items, err)
	}
}

// A sweeper may find room between a refusal and the withdrawal: the job that
// a worker has begun stays.
func TestWithdrawalComesTooLate(t *testing.T) {
	t.Parallel()
	q := start(t, embed(t, t.TempDir()), nil)
	id := newAccount(t, q, 10)
	submit(t, q, spec("a", id, 3))
	var lease job.Lease
	withdrawn, err := q.Withdraw(t.Context(), "a", func() { lease = next(t, q) })
	if err != nil || withdrawn {
		t.Fatalf("withdrawn: %v, %v", withdrawn, err)
	}
	succeed(t, lease, "image")
	if result(t, q, "a") != "image" || balance(t, q, id) != 7 {
		t.Errorf("%d credits", balance(t, q, id))
	}
	submit(t, q, spec("b", id, 3))
	if withdrawn, err = q.Withdraw(t.Context(), "b", func() {}); err != nil || !withdrawn || balance(t, q, id) != 7 {
		t.Errorf("withdrawn: %v, %v, %d credits", withdrawn, err, balance(t, q, id))
	}
}

// A worker that cannot store its result must not keep the job: others try.
func TestResultThatCannotBeStored(t *testing.T) {
	t.Parallel()
	q := start(t, embed(t, t.TempDir()), brief)
	submit(t, q, spec("a", "", 0))
	lease := next(t, q)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := lease.Succeed(ctx, strings.NewReader("image"), job.Result{}); err == nil {
		t.Fatal("stored within no time")
	}
	<-lease.Context().Done()
	succeed(t, next(t, q), "second")
	if result(t, q, "a") != "second" {
		t.Error("another result")
	}
}
