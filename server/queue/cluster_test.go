package queue_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"upscaled/models/fault"
	"upscaled/server/job"
	"upscaled/server/queue"
)

// The streams by their names on the server.
const (
	recordsStream = "KV_upscaled_jobs_1"
	workStream    = "upscaled_work_1"
)

// submitPatience is how long a client waits for acceptance.
const submitPatience = 10 * time.Second

// hasty are options for nodes that get lost: sweeps follow each other soon.
// No submission lasts as long as Orphans, its withdrawal included.
func hasty(o *queue.Options) {
	brief(o)
	o.Sweep, o.Orphans = 200*time.Millisecond, submitPatience+6*time.Second
}

// fleet is processes on one cluster: two that submit and workers.
type fleet struct {
	*cluster
	apis    []node
	account string
	workers sync.WaitGroup
	stop    context.CancelFunc
	ctx     context.Context
	// ended counts, by job, the leases that ended it.
	mutex sync.Mutex
	ended map[string]int
}

func startFleet(t *testing.T, credits int64) *fleet {
	t.Helper()
	f := &fleet{cluster: startCluster(t, 3), ended: map[string]int{}}
	for range 2 {
		f.apis = append(f.apis, start(t, f.dial(t), hasty))
	}
	f.account = newAccount(t, f.apis[0], credits)
	f.begin(t)
	return f
}

// begin makes the context of the workers, which ends with the test.
func (f *fleet) begin(t *testing.T) {
	f.ctx, f.stop = context.WithCancel(context.Background())
	t.Cleanup(func() {
		f.stop()
		f.workers.Wait()
	})
}

// work runs a worker on a connection of its own until the test ends. Jobs
// whose ID ends in 7 fail.
func (f *fleet) work(t *testing.T) {
	t.Helper()
	f.workOn(t, f.dial(t))
}

// workOn is work on a connection.
func (f *fleet) workOn(t *testing.T, c *queue.Connection) {
	t.Helper()
	f.workQueue(t, start(t, c, hasty))
}

// workQueue is work on a queue that runs.
func (f *fleet) workQueue(t *testing.T, worker node) {
	t.Cleanup(func() { // before its connection closes
		f.stop()
		f.workers.Wait()
	})
	f.workers.Go(func() {
		for {
			lease, err := worker.Next(f.ctx, job.Small)
			if err != nil {
				return
			}
			if err := f.runJob(lease); err == nil {
				f.mutex.Lock()
				f.ended[lease.Job().ID]++
				f.mutex.Unlock()
			} else if !errors.Is(err, job.ErrLost) && f.ctx.Err() == nil { // a lease may outlive its job, and the test
				t.Errorf("end %s: %v", lease.Job().ID, err)
			}
		}
	})
}

func (f *fleet) runJob(lease job.Lease) error {
	ctx, stop := context.WithTimeout(f.ctx, patience)
	defer stop()
	input, err := lease.Input(ctx)
	if fault.KindOf(err) == fault.NotFound {
		return lease.Fail(ctx, bad("no input")) // the lease was lost and another has ended the job, or it is checked
	}
	if err != nil {
		return fmt.Errorf("input: %w", err)
	}
	if id := lease.Job().ID; id[len(id)-1] == '7' {
		return lease.Fail(ctx, bad("a seven"))
	}
	return lease.Succeed(ctx, strings.NewReader("result of "+string(input)), job.Result{OutputWidth: 1})
}

// submitAll submits jobs to both processes in turn and returns which were
// accepted. Each is looked up in the other process at once.
func (f *fleet) submitAll(t *testing.T, prefix string, count int) (accepted []string) {
	t.Helper()
	for i := range count {
		id := fmt.Sprint(prefix, i)
		mine, other := f.apis[i%2], f.apis[(i+1)%2]
		ctx, stop := context.WithTimeout(t.Context(), submitPatience)
		_, err := mine.Submit(ctx, hooked(id, f.account, 1), []byte(id))
		stop()
		if err != nil {
			t.Logf("%s is not accepted: %v", id, err)
			continue
		}
		accepted = append(accepted, id)
		if _, err := other.Get(t.Context(), id); fault.KindOf(err) == fault.NotFound {
			t.Errorf("%s is accepted and not found", id)
		}
	}
	return accepted
}

// check waits for all jobs and compares results and credits.
func (f *fleet) check(t *testing.T, ids []string, credits int64) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	for i, id := range ids {
		api := f.apis[i%2]
		j, err := api.Wait(ctx, id)
		switch {
		case err != nil:
			t.Errorf("wait for %s: %v, %+v", id, err, j)
		case id[len(id)-1] == '7':
			if j.State != job.Failed || j.Failure.Message != "a seven" {
				t.Errorf("%s: %+v", id, j)
			}
		case j.State != job.Succeeded:
			t.Errorf("%s: %+v", id, j)
		default:
			credits--
			checkResult(ctx, t, api, id)
		}
	}
	f.awaitDeliveries(ctx, t, ids)
	for _, api := range f.apis {
		f.checkListed(ctx, t, api, ids)
	}
	settled(t, f.apis[0])
	if got := balance(t, f.apis[0], f.account); got != credits {
		t.Errorf("%d credits, want %d", got, credits)
	}
	f.mutex.Lock()
	defer f.mutex.Unlock()
	for id, times := range f.ended {
		if times != 1 {
			t.Errorf("%s ended %d times", id, times)
		}
	}
}

// awaitDeliveries takes deliveries until every job's end is reported. Those of jobs
// that ran although they were not accepted, and repeated ones, come in between.
func (f *fleet) awaitDeliveries(ctx context.Context, t *testing.T, ids []string) {
	t.Helper()
	missing := map[string]bool{}
	for _, id := range ids {
		missing[id] = true
	}
	for len(missing) > 0 {
		n, err := f.apis[1].NextDelivery(ctx)
		if err != nil {
			t.Errorf("%v are not reported: %v", keys(missing), err)
			return
		}
		if !n.Job().State.Final() {
			t.Errorf("reported: %+v", n.Job())
		}
		delete(missing, n.Job().ID)
		done(t, n)
	}
}

// checkListed looks for all jobs in a process's list, which soon has them.
func (f *fleet) checkListed(ctx context.Context, t *testing.T, q job.Lister, ids []string) {
	t.Helper()
	eventually(t, func() bool {
		found, _, err := q.List(ctx, job.Page{API: "mnml", Account: f.account, Limit: job.LongestPage})
		missing := map[string]bool{}
		for _, id := range ids {
			missing[id] = true
		}
		for _, j := range found {
			delete(missing, j.ID)
		}
		return err == nil && len(missing) == 0
	})
}

func checkResult(ctx context.Context, t *testing.T, q job.Queue, id string) {
	t.Helper()
	result, _, err := q.Open(ctx, id)
	if err != nil {
		t.Errorf("open %s: %v", id, err)
		return
	}
	defer func() { _ = result.Close() }()
	if image, err := io.ReadAll(result); err != nil || string(image) != "result of "+id {
		t.Errorf("result of %s: %q, %v", id, image, err)
	}
}

func TestReplicas(t *testing.T) {
	t.Parallel()
	for nodes, want := range map[int]int{1: 1, 3: 3} {
		t.Run(fmt.Sprint(nodes), func(t *testing.T) {
			t.Parallel()
			c := startCluster(t, nodes)
			q := start(t, c.dial(t), nil)
			if _, err := c.dial(t).Secret(t.Context(), "links"); err != nil {
				t.Fatal(err)
			}
			submit(t, q, spec("a", newAccount(t, q, 1), 1))
			if streams := len(c.infos(t)); streams != 9 {
				t.Errorf("%d streams", streams)
			}
			c.checkReplicas(t, want)
		})
	}
}

// A node is lost while jobs are submitted and run, and a worker dies in the
// middle of one.
func TestLostNode(t *testing.T) {
	t.Parallel()
	for name, leads := range map[string]bool{"leader": true, "follower": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := startFleet(t, 100)
			ids := f.submitAll(t, "first-", 1)
			f.dieWorking(t)
			f.work(t)
			f.work(t)
			ids = append(ids, f.submitAll(t, "before-", 4)...)
			if len(ids) != 5 {
				t.Fatalf("only %v accepted by three nodes", ids)
			}
			var submitting sync.WaitGroup
			var during []string
			submitting.Go(func() { during = f.submitAll(t, "during-", 10) })
			f.shutdown(t, recordsStream, leads)
			submitting.Wait()
			ids = append(ids, during...)
			after := f.submitAll(t, "after-", 5)
			if len(after) == 0 {
				t.Error("two nodes accept nothing")
			}
			f.check(t, append(ids, after...), 100)
		})
	}
}

// dieWorking takes a job in a process that dies at once.
func (f *fleet) dieWorking(t *testing.T) {
	t.Helper()
	connection := f.dial(t)
	worker := start(t, connection, hasty)
	abandon(t, next(t, worker))
	worker.stop()
	connection.Close()
}
