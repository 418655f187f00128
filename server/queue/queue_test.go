package queue_test

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"upscaled/models/fault"
	"upscaled/server/account"
	"upscaled/server/account/accounttest"
	"upscaled/server/job"
	"upscaled/server/queue"
)

var (
	_ job.Queue    = (*queue.Queue)(nil)
	_ job.Source   = (*queue.Queue)(nil)
	_ queue.Ledger = (*account.Accounts)(nil)
)

// patience limits each wait for something that must come. It only keeps a test
// that hangs from taking all of go test's time.
const patience = 5 * time.Minute

// TestMain runs more tests at once than there are cores: most only wait for
// leases and nodes.
func TestMain(m *testing.M) {
	if limit := flag.Lookup("test.parallel"); limit.Value.String() == limit.DefValue {
		_ = limit.Value.Set("8")
	}
	m.Run()
}

// quiet drops logs.
func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func options(ledger queue.Ledger) queue.Options {
	return queue.Options{
		MaxUnfinished: 100, Retention: time.Hour, Lease: time.Minute, Attempts: 3,
		Ledger: ledger, Orphans: time.Minute, Log: quiet(), Now: time.Now,
	}
}

// brief is for tests that wait for leases to expire. All others have leases that
// outlive them on any machine.
func brief(o *queue.Options) { o.Lease = time.Second }

// node is one process's view of a store.
type node struct {
	*queue.Queue
	accounts *account.Accounts
	stop     func()
}

// start opens a queue on a connection and runs it until stop or the test's
// end; change may alter the options.
func start(t *testing.T, c *queue.Connection, change func(*queue.Options)) node {
	t.Helper()
	store, err := c.Accounts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	accounts := account.New(store, time.Now)
	o := options(accounts)
	if change != nil {
		change(&o)
	}
	queue, err := queue.Open(t.Context(), c, o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := queue.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	stop := sync.OnceFunc(func() {
		cancel()
		running.Wait()
	})
	t.Cleanup(stop)
	select {
	case <-queue.Ready():
	case <-time.After(patience):
		t.Fatal("the queue does not get ready")
	}
	return node{Queue: queue, accounts: accounts, stop: stop}
}

func embed(t *testing.T, dir string) *queue.Connection {
	t.Helper()
	c, err := queue.Embed(dir, quiet())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func spec(id, account string, price int64) job.Spec {
	return job.Spec{ID: id, API: "mnml", Account: account, Price: price}
}

func submit(t *testing.T, q job.Queue, s job.Spec) job.Submitted {
	t.Helper()
	submitted, err := q.Submit(t.Context(), s, []byte("input of "+s.ID))
	if err != nil {
		t.Fatal(err)
	}
	return submitted
}

func next(t *testing.T, q job.Source) job.Lease {
	t.Helper()
	lease, err := q.Next(t.Context(), job.Small)
	if err != nil {
		t.Fatal(err)
	}
	return lease
}

func balance(t *testing.T, n node, id string) int64 {
	t.Helper()
	caller, err := n.accounts.Balance(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return *caller.Credits
}

func newAccount(t *testing.T, n node, credits int64) string {
	t.Helper()
	_, a, err := n.accounts.Create(t.Context(), account.NewOptions{Name: "shop", Credits: credits})
	if err != nil {
		t.Fatal(err)
	}
	return a.ID
}

func TestAccountStore(t *testing.T) {
	t.Parallel()
	store, err := embed(t, t.TempDir()).Accounts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	accounttest.TestStore(t, store)
}

func TestSecondServerOnOneFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := embed(t, dir)
	if _, err := queue.Embed(dir, quiet()); fault.KindOf(err) != fault.Busy {
		t.Errorf("a second server: %v", err)
	}
	attached, err := queue.Attach(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer attached.Close()
	mine, err := first.Secret(t.Context(), "links")
	if err != nil {
		t.Fatal(err)
	}
	if theirs, err := attached.Secret(t.Context(), "links"); err != nil || string(theirs) != string(mine) || len(mine) != 32 {
		t.Errorf("secrets differ: %x and %x, %v", mine, theirs, err)
	}
	if _, err := queue.Attach(t.TempDir()); fault.KindOf(err) != fault.NotFound {
		t.Errorf("nobody to attach to: %v", err)
	}
}

func TestBoundedQueue(t *testing.T) {
	t.Parallel()
	c := embed(t, t.TempDir())
	q := start(t, c, func(o *queue.Options) { o.MaxUnfinished = 3 })
	id := newAccount(t, q, 100)
	accepted := 0
	var mutex sync.Mutex
	var group sync.WaitGroup
	for i := range 20 {
		group.Go(func() {
			_, err := q.Submit(context.Background(), spec(fmt.Sprint("job-", i), id, 1), []byte("x"))
			mutex.Lock()
			defer mutex.Unlock()
			if err == nil {
				accepted++
			} else if fault.KindOf(err) != fault.Busy {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if accepted != 3 || balance(t, q, id) != 97 {
		t.Errorf("%d jobs accepted, %d credits left; want 3 and 97", accepted, balance(t, q, id))
	}
	lease := next(t, q)
	if err := lease.Fail(t.Context(), job.Failure{Kind: fault.Invalid, Message: "bad"}); err != nil {
		t.Fatal(err)
	}
	if _, err := q.Wait(t.Context(), lease.Job().ID); err != nil || balance(t, q, id) != 98 {
		t.Errorf("%v, %d credits", err, balance(t, q, id))
	}
}

func TestSmallJobsHaveTheirOwnLane(t *testing.T) {
	t.Parallel()
	q := start(t, embed(t, t.TempDir()), func(o *queue.Options) {
		o.Large = func(s job.Spec, _ []byte) bool { return s.ID == "large" }
	})
	submit(t, q, spec("large", "", 0))
	submit(t, q, spec("small", "", 0))
	if lease := next(t, q); lease.Job().ID != "small" {
		t.Errorf("the small lane returned %s", lease.Job().ID)
	}
	if lease, err := q.Next(t.Context(), job.Large); err != nil || lease.Job().ID != "large" {
		t.Errorf("the large lane returned %v", err)
	}
}
