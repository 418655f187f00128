package queue_test

import (
	"sync/atomic"
	"testing"
	"time"

	"upscaled/server/job"
	"upscaled/server/queue"
)

// synchronous returns a job whose result only the submitting call can return.
func synchronous(id, account string) job.Spec {
	s := spec(id, account, 1)
	s.Sync = true
	return s
}

// Jobs of calls that died with their server are canceled and refunded by the next
// one, whether they ran or not.
func TestCallersThatDied(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := embed(t, dir)
	q := start(t, c, func(o *queue.Options) { o.Lease = time.Hour })
	id := newAccount(t, q, 10)
	submit(t, q, synchronous("running", id))
	abandon(t, next(t, q))
	submit(t, q, synchronous("queued", id))
	submit(t, q, spec("asynchronous", id, 1))
	_, q = reopen(t, dir, c, q, alone)
	for _, name := range []string{"running", "queued"} {
		if j := wait(t, q, name); j.State != job.Canceled {
			t.Errorf("%s is %s", name, j.State)
		}
	}
	lease := next(t, q)
	if lease.Job().ID != "asynchronous" {
		t.Errorf("%s is run", lease.Job().ID)
	}
	succeed(t, lease, "image")
	settled(t, q)
	if got := balance(t, q, id); got != 9 {
		t.Errorf("%d credits, want 9", got)
	}
	nothingLeft(t, dir)
}

// If several processes submit, one that is silent for long counts as dead, and one
// that lives does not.
func TestSilentCaller(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var ahead atomic.Int64
	q := start(t, embed(t, dir), func(o *queue.Options) {
		o.Sweep = 20 * time.Millisecond
		o.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	})
	id := newAccount(t, q, 10)
	attached, err := queue.Attach(dir)
	if err != nil {
		t.Fatal(err)
	}
	other := start(t, attached, nil)
	submit(t, other, synchronous("theirs", id))
	submit(t, q, synchronous("mine", id))
	sweep := q.SweepCallers()
	for range 3 { // with a clock that makes any silence long
		ahead.Add(int64(time.Minute))
		sweep(t.Context())
	}
	for _, name := range []string{"theirs", "mine"} {
		if j, err := q.Get(t.Context(), name); err != nil || j.State != job.Queued {
			t.Errorf("%s: %+v, %v", name, j, err)
		}
	}
	other.stop()
	attached.Close()
	eventually(t, func() bool {
		ahead.Add(int64(time.Second)) // so slowly that no job expires meanwhile
		j, err := q.Get(t.Context(), "theirs")
		return err == nil && j.State == job.Canceled
	})
	eventually(t, func() bool { return balance(t, q, id) == 9 })
	if j, err := q.Get(t.Context(), "mine"); err != nil || j.State != job.Queued {
		t.Errorf("%+v, %v", j, err)
	}
}
