package queue_test

import (
	"context"
	"testing"
	"time"

	"upscaled/server/job"
	"upscaled/server/queue"
)

// hooked returns a job with a webhook.
func hooked(id, account string, price int64) job.Spec {
	s := spec(id, account, price)
	s.Webhook = &job.Webhook{URL: "https://example.com/hook"}
	return s
}

// notified takes the next delivery, which must be of this job and state.
func notified(t *testing.T, q job.Deliveries, id string, state job.State) job.Delivery {
	t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), patience)
	t.Cleanup(stop)
	n, err := q.NextDelivery(ctx)
	if err != nil || n.Job().ID != id || n.Job().State != state {
		t.Fatalf("%v: %+v, want %s %s", err, n, id, state)
	}
	return n
}

func done(t *testing.T, n job.Delivery) {
	t.Helper()
	if err := n.Done(t.Context()); err != nil {
		t.Error(err)
	}
}

// nothingDue checks that no call is due.
func nothingDue(t *testing.T, q node) {
	t.Helper()
	if due, err := q.DueDeliveries(t.Context()); err != nil || due != 0 {
		t.Errorf("%d calls are due, %v", due, err)
	}
}

// A process dies between the announcement of a job's end and the final record:
// the call waits for the end that another brings, and is made once.
func TestCrashAfterAnnouncement(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := embed(t, dir)
	q := start(t, c, nil)
	submit(t, q, hooked("a", "", 0))
	abandon(t, next(t, q))
	if err := q.AnnounceEnd(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	_, q = reopen(t, dir, c, q, often)
	early, stop := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer stop()
	if n, err := q.NextDelivery(early); err == nil {
		t.Fatalf("an end is reported that has not happened: %+v", n.Job())
	}
	succeed(t, next(t, q), "image")
	done(t, notified(t, q, "a", job.Succeeded))
	nothingDue(t, q)
}

// Calls that are due survive the process that announced them, and the one that was
// making them.
func TestCrashWhileCalling(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := embed(t, dir)
	q := start(t, c, brief)
	submit(t, q, hooked("a", "", 0))
	succeed(t, next(t, q), "image")
	c, q = reopen(t, dir, c, q, brief)
	other, err := queue.Attach(dir)
	if err != nil {
		t.Fatal(err)
	}
	sender := start(t, other, brief)
	if n := notified(t, sender, "a", job.Succeeded); n.Attempt() != 1 {
		t.Errorf("try %d", n.Attempt())
	}
	sender.stop()
	other.Close() // its heartbeats reach nobody any more
	n := notified(t, q, "a", job.Succeeded)
	if n.Attempt() != 2 {
		t.Errorf("try %d", n.Attempt())
	}
	done(t, n)
	_, q = reopen(t, dir, c, q, brief)
	nothingDue(t, q)
}

// A sender that needs longer than a lease keeps its delivery.
func TestDeliveryIsKept(t *testing.T) {
	t.Parallel()
	q := start(t, embed(t, t.TempDir()), func(o *queue.Options) { o.Lease = 3 * time.Second })
	submit(t, q, hooked("a", "", 0))
	if err := q.Cancel(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	n := notified(t, q, "a", job.Canceled)
	twice, stop := context.WithTimeout(t.Context(), 5*time.Second)
	defer stop()
	if n, err := q.NextDelivery(twice); err == nil {
		t.Errorf("handed out twice: try %d", n.Attempt())
	}
	done(t, n)
	nothingDue(t, q)
}

// Other ends are reported as well: of a job that used its attempts and of one that
// waited too long. A call whose job is forgotten is dropped.
func TestDeliveriesOfOtherEnds(t *testing.T) {
	t.Parallel()
	q := start(t, embed(t, t.TempDir()), func(o *queue.Options) { o.Attempts = 1 })
	submit(t, q, hooked("tried", "", 0))
	if err := next(t, q).Retry(t.Context(), bad("it broke")); err != nil {
		t.Fatal(err)
	}
	done(t, notified(t, q, "tried", job.Failed))
	submit(t, q, hooked("forgotten", "", 0))
	if err := q.Cancel(t.Context(), "forgotten"); err != nil {
		t.Fatal(err)
	}
	if err := q.Forget(t.Context(), "forgotten"); err != nil {
		t.Fatal(err)
	}
	submit(t, q, hooked("late", "", 0))
	if err := q.Expire(t.Context(), "late"); err != nil {
		t.Fatal(err)
	}
	done(t, notified(t, q, "late", job.Failed))
	nothingDue(t, q)
}
