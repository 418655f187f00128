package queue_test

import (
	"context"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"upscaled/models/fault"
	"upscaled/server/account"
	"upscaled/server/job"
	"upscaled/server/queue"
)

// often sweeps at short intervals.
func often(o *queue.Options) { o.Sweep = 50 * time.Millisecond }

// alone configures the only process that submits.
func alone(o *queue.Options) { o.Orphans = 0 }

// settled waits until the sweepers have settled or refunded every charge.
func settled(t *testing.T, n node) {
	t.Helper()
	eventually(t, func() bool {
		holds, err := n.accounts.Holds(t.Context())
		return err == nil && len(holds) == 0
	})
}

// eventually polls a condition that has no notifications.
func eventually(t *testing.T, is func() bool) {
	t.Helper()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for deadline := time.Now().Add(patience); !is(); <-again.C {
		if time.Now().After(deadline) {
			t.Fatal("it does not come about")
		}
	}
}

// wait returns a final job.
func wait(t *testing.T, q job.Queue, id string) job.Job {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	j, err := q.Wait(ctx, id)
	if err != nil {
		t.Fatalf("wait for %s: %v, %+v", id, err, j)
	}
	return j
}

func result(t *testing.T, q job.Queue, id string) string {
	t.Helper()
	stream, _, err := q.Open(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stream.Close() }()
	image, err := io.ReadAll(stream)
	if err != nil {
		t.Fatal(err)
	}
	return string(image)
}

func succeed(t *testing.T, l job.Lease, image string) {
	t.Helper()
	if err := l.Succeed(t.Context(), strings.NewReader(image), job.Result{OutputWidth: 1}); err != nil {
		t.Fatal(err)
	}
}

// abandon ends, with the test, the heartbeat of a lease whose process counts as dead.
func abandon(t *testing.T, l job.Lease) {
	t.Helper()
	t.Cleanup(func() {
		ctx, stop := context.WithCancel(context.Background())
		stop()
		_ = l.Release(ctx) // changes nothing any more
	})
}

// reopen ends a node's process, as far as this one can, and starts the next.
func reopen(t *testing.T, dir string, c *queue.Connection, n node, change func(*queue.Options)) (*queue.Connection, node) {
	t.Helper()
	n.stop()
	c.Close()
	c = embed(t, dir)
	return c, start(t, c, change)
}

func TestCrashAfterCharge(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := embed(t, dir)
	q := start(t, c, nil)
	id := newAccount(t, q, 10)
	if left, err := q.accounts.Charge(t.Context(), id, "never", account.Terms{Price: 4}); err != nil || *left != 6 {
		t.Fatal(err)
	}
	_, q = reopen(t, dir, c, q, alone)
	settled(t, q)
	if got := balance(t, q, id); got != 10 {
		t.Errorf("%d credits", got)
	}
}

// A charge may be a submission in another process until Orphans is over.
func TestYoungChargeIsLeftAlone(t *testing.T) {
	t.Parallel()
	var ahead atomic.Int64
	sweeps := make(chan struct{}, 100)
	q := start(t, embed(t, t.TempDir()), func(o *queue.Options) {
		often(o)
		o.Orphans = time.Hour
		o.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
		o.Ledger = counting{o.Ledger, sweeps}
	})
	id := newAccount(t, q, 10)
	if _, err := q.accounts.Charge(t.Context(), id, "elsewhere", account.Terms{Price: 4}); err != nil {
		t.Fatal(err)
	}
	for range 4 { // two whole sweeps at least
		<-sweeps
	}
	if got := balance(t, q, id); got != 6 {
		t.Errorf("%d credits: refunded at once", got)
	}
	ahead.Store(int64(time.Hour))
	settled(t, q)
	if got := balance(t, q, id); got != 10 {
		t.Errorf("%d credits", got)
	}
}

// counting signals each sweep.
type counting struct {
	queue.Ledger
	sweeps chan<- struct{}
}

func (c counting) Holds(ctx context.Context) ([]account.Hold, error) {
	select {
	case c.sweeps <- struct{}{}:
	default:
	}
	return c.Ledger.Holds(ctx)
}

func TestCrashBeforeWorkItem(t *testing.T) {
	t.Parallel()
	q := start(t, embed(t, t.TempDir()), often)
	id := newAccount(t, q, 10)
	if err := q.RecordOnly(t.Context(), spec("a", id, 3), []byte("input")); err != nil {
		t.Fatal(err)
	}
	lease := next(t, q)
	if input, err := lease.Input(t.Context()); err != nil || string(input) != "input" {
		t.Errorf("%q, %v", input, err)
	}
	succeed(t, lease, "image")
	if wait(t, q, "a").State != job.Succeeded || balance(t, q, id) != 7 {
		t.Errorf("%d credits", balance(t, q, id))
	}
}

// closed is a ledger of which a crash keeps the ends of jobs.
type closed struct{ queue.Ledger }

// errCrash is of a kind that is not tried again.
var errCrash = fault.New(fault.Busy, "crash")

func (closed) Settle(context.Context, string, string) error { return errCrash }
func (closed) Refund(context.Context, string, string) error { return errCrash }

func TestCrashBeforeLedger(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := embed(t, dir)
	q := start(t, c, func(o *queue.Options) { o.Ledger = closed{o.Ledger} })
	id := newAccount(t, q, 100)
	for i, name := range []string{"succeeds", "fails", "canceled"} {
		submit(t, q, spec(name, id, []int64{1, 10, 30}[i]))
	}
	succeed(t, next(t, q), "image")
	if err := next(t, q).Fail(t.Context(), bad("it broke")); err != nil {
		t.Fatal(err)
	}
	if err := q.Cancel(t.Context(), "canceled"); err != nil {
		t.Fatal(err)
	}
	if holds, err := q.accounts.Holds(t.Context()); err != nil || len(holds) != 3 {
		t.Errorf("%v, %v: nothing to sweep", holds, err)
	}
	_, q = reopen(t, dir, c, q, nil)
	settled(t, q)
	if got := balance(t, q, id); got != 99 {
		t.Errorf("%d credits", got)
	}
}

func TestCrashWhileRunning(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	q := start(t, embed(t, dir), brief)
	id := newAccount(t, q, 10)
	submit(t, q, spec("a", id, 3))
	other, err := queue.Attach(dir)
	if err != nil {
		t.Fatal(err)
	}
	worker := start(t, other, brief)
	abandon(t, next(t, worker))
	worker.stop()
	other.Close()
	lease := next(t, q)
	if lease.Job().Attempts != 2 {
		t.Errorf("%+v", lease.Job())
	}
	succeed(t, lease, "image")
	if wait(t, q, "a").State != job.Succeeded || result(t, q, "a") != "image" || balance(t, q, id) != 7 {
		t.Errorf("%d credits", balance(t, q, id))
	}
}

// A revoked job costs nothing, whatever its state.
func TestRevokedJobsAreRefunded(t *testing.T) {
	t.Parallel()
	q := start(t, embed(t, t.TempDir()), nil)
	id := newAccount(t, q, 10)
	for _, name := range []string{"finished", "running", "queued", "kept"} {
		submit(t, q, spec(name, id, 1))
	}
	succeed(t, next(t, q), "image")
	abandon(t, next(t, q))
	for _, name := range []string{"finished", "running", "queued"} {
		if err := q.Revoke(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	if left := balance(t, q, id); left != 9 {
		t.Errorf("%d credits", left)
	}
}

func TestReopen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := embed(t, dir)
	q := start(t, c, nil)
	id := newAccount(t, q, 10)
	for _, name := range []string{"finished", "running", "queued"} {
		submit(t, q, spec(name, id, 1))
	}
	succeed(t, next(t, q), "image")
	abandon(t, next(t, q))
	_, q = reopen(t, dir, c, q, nil)
	for name, final := range map[string]bool{"finished": true, "running": false, "queued": false} {
		if j, err := q.Get(t.Context(), name); err != nil || j.State.Final() != final {
			t.Errorf("%s: %+v, %v", name, j, err)
		}
	}
	if result(t, q, "finished") != "image" || q.Unfinished() != 2 || balance(t, q, id) != 7 {
		t.Errorf("%d unfinished, %d credits", q.Unfinished(), balance(t, q, id))
	}
	for range 2 {
		lease := next(t, q)
		if input, err := lease.Input(t.Context()); err != nil || string(input) != "input of "+lease.Job().ID {
			t.Errorf("%q, %v", input, err)
		}
		succeed(t, lease, "late "+lease.Job().ID)
	}
	if result(t, q, "running") != "late running" || result(t, q, "queued") != "late queued" || balance(t, q, id) != 7 {
		t.Errorf("%d credits", balance(t, q, id))
	}
}

// A submission whose ID is taken, as clients may choose them, leaves the first one's
// job, its image and its charge alone.
func TestTakenIDs(t *testing.T) {
	t.Parallel()
	q := start(t, embed(t, t.TempDir()), nil)
	id := newAccount(t, q, 10)
	refused := func(err error) bool { return fault.KindOf(err) == fault.Conflict }
	var accepted atomic.Int32
	var several sync.WaitGroup
	for range 5 {
		several.Go(func() {
			_, err := q.Submit(t.Context(), spec("a", id, 3), []byte("input of a"))
			if err == nil {
				accepted.Add(1)
			} else if !refused(err) {
				t.Error(err)
			}
		})
	}
	several.Wait()
	if _, err := q.Submit(t.Context(), spec("a", id, 3), []byte("other")); !refused(err) || accepted.Load() != 1 {
		t.Fatalf("%d accepted, %v", accepted.Load(), err)
	}
	lease := next(t, q)
	if input, err := lease.Input(t.Context()); err != nil || string(input) != "input of a" {
		t.Errorf("%q, %v", input, err)
	}
	succeed(t, lease, "image")
	if left := balance(t, q, id); left != 7 || result(t, q, "a") != "image" {
		t.Errorf("%d credits", left)
	}
}

// Of two processes that accept one ID at the same instant, the first to record the job
// has it: its input is its own, and another account that was charged is refunded.
func TestOneIDInTwoProcesses(t *testing.T) {
	t.Parallel()
	for _, step := range []queue.Failpoint{queue.AfterCharge, queue.AfterInput} {
		dir := t.TempDir()
		c := embed(t, dir)
		attached, err := queue.Attach(dir)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(attached.Close)
		first := start(t, attached, nil)
		mine, other := newAccount(t, first, 10), newAccount(t, first, 10)
		second := start(t, c, func(o *queue.Options) {
			o.Failpoint = func(at queue.Failpoint, id string) {
				if at == step && id == "chosen" {
					s := spec("chosen", mine, 3)
					s.ClientID = true
					if _, err := first.Submit(t.Context(), s, []byte("of the first")); err != nil {
						t.Error(err)
					}
				}
			}
		})
		late := spec("chosen", other, 3)
		late.ClientID = true
		if _, err := second.Submit(t.Context(), late, []byte("of the second")); fault.KindOf(err) != fault.Conflict {
			t.Errorf("step %v: %v", step, err)
		}
		lease := next(t, first)
		if input, err := lease.Input(t.Context()); err != nil || string(input) != "of the first" {
			t.Errorf("step %v: the input is %q, %v", step, input, err)
		}
		succeed(t, lease, "image")
		if paid, kept := balance(t, first, mine), balance(t, first, other); paid != 7 || kept != 10 {
			t.Errorf("step %v: %d and %d credits", step, paid, kept)
		}
		if names, err := first.Images(t.Context()); err != nil || len(names) != 1 {
			t.Errorf("step %v: images %q, %v", step, names, err)
		}
	}
}
