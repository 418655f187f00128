package queue_test

import (
	"context"
	"testing"
	"time"

	"upscaled/server/job"
	"upscaled/server/queue"
)

// A worker that stops waiting does not swallow the work that comes next.
func TestAbandonedNextTakesNothing(t *testing.T) {
	t.Parallel()
	c := embed(t, t.TempDir())
	q := start(t, c, func(o *queue.Options) { o.Lease = time.Hour })
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan struct{})
	for range 3 {
		go func() {
			_, _ = q.Next(ctx, job.Small)
			left <- struct{}{}
		}()
	}
	submit(t, q, spec("a", "", 0))
	<-left // the job's
	leave()
	<-left
	<-left
	submit(t, q, spec("b", "", 0))
	soon, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	lease, err := q.Next(soon, job.Small)
	if err != nil || lease.Job().ID != "b" {
		t.Fatalf("job b does not come: %v", err)
	}
}

// A process that starts on the folder of a dead one runs what that one held
// at once, and need not wait for the leases.
func TestReclaim(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := queue.Embed(dir, quiet())
	if err != nil {
		t.Fatal(err)
	}
	long := func(o *queue.Options) { o.Lease = time.Hour }
	q := start(t, first, long)
	submit(t, q, spec("held", "", 0))
	submit(t, q, spec("released", "", 0))
	leases := []job.Lease{next(t, q), next(t, q)}
	if err := leases[1].Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	q.stop()
	first.Close()
	again := start(t, embed(t, dir), long)
	soon, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	for range 2 {
		lease, err := again.Next(soon, job.Small)
		if err != nil {
			t.Fatal(err)
		}
		if want := map[string]int{"held": 2, "released": 1}[lease.Job().ID]; lease.Job().Attempts != want {
			t.Errorf("%s is begun for the %d. time", lease.Job().ID, lease.Job().Attempts)
		}
	}
}

// Cancelling one job leaves others alone that were handed back.
func TestCancelLeavesReleasedJobs(t *testing.T) {
	t.Parallel()
	q := start(t, embed(t, t.TempDir()), func(o *queue.Options) { o.Lease, o.Sweep = time.Hour, time.Hour })
	for _, id := range []string{"a", "b", "c"} {
		submit(t, q, spec(id, "", 0))
	}
	for range 2 {
		if err := next(t, q).Release(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := q.Cancel(t.Context(), "c"); err != nil {
		t.Fatal(err)
	}
	soon, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	for range 2 {
		if _, err := q.Next(soon, job.Small); err != nil {
			t.Fatalf("a released job does not come back: %v", err)
		}
	}
}
