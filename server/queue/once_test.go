package queue_test

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"upscaled/models/fault"
	"upscaled/server/job"
	"upscaled/server/queue"
)

// once returns a submission of a keyed request.
func once(id, account string, price int64, request string) job.Spec {
	s := spec(id, account, price)
	s.Once = &job.Once{Key: "key-of-" + account, Request: request}
	return s
}

// attach returns another process on a node's folder.
func attach(t *testing.T, dir string, change func(*queue.Options)) node {
	t.Helper()
	c, err := queue.Attach(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return start(t, c, change)
}

// Repetitions at the same moment, on two processes, make one job that is charged
// once; so do those of each part of a request.
func TestOnceConcurrently(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	nodes := []node{start(t, embed(t, dir), nil), attach(t, dir, nil)}
	const rounds, callers, parts, price = 5, 6, 2, 3
	for round := range rounds {
		account := newAccount(t, nodes[0], 100)
		var accepted [parts]atomic.Int64
		var ids [parts]sync.Map
		var all sync.WaitGroup
		for caller := range callers {
			for part := range parts {
				all.Go(func() {
					s := once(fmt.Sprintf("r%d-c%d-p%d", round, caller, part), account, price, "request")
					s.Part = part
					submitted, err := nodes[caller%2].Submit(t.Context(), s, []byte("input"))
					if err != nil {
						t.Error(err)
						return
					}
					ids[part].Store(submitted.Job.ID, true)
					if !submitted.Repeated {
						accepted[part].Add(1)
					}
				})
			}
		}
		all.Wait()
		for part := range parts {
			different := 0
			ids[part].Range(func(any, any) bool { different++; return true })
			if different != 1 || accepted[part].Load() != 1 {
				t.Errorf("part %d: %d jobs, %d accepted", part, different, accepted[part].Load())
			}
		}
		if got := balance(t, nodes[0], account); got != 100-parts*price {
			t.Errorf("%d credits", got)
		}
	}
	if n := nodes[0].Unfinished(); n > rounds*parts {
		t.Errorf("%d jobs", n)
	}
}

// A repetition gets the job in its latest state, also from the next process.
func TestOnceSurvivesRestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := embed(t, dir)
	q := start(t, c, nil)
	id := newAccount(t, q, 10)
	if submitted := submit(t, q, once("a", id, 4, "request")); submitted.Repeated || *submitted.Credits != 6 {
		t.Errorf("%+v", submitted)
	}
	succeed(t, next(t, q), "image")
	_, q = reopen(t, dir, c, q, nil)
	again := submit(t, q, once("b", id, 4, "request"))
	if !again.Repeated || again.Job.ID != "a" || again.Job.State != job.Succeeded || balance(t, q, id) != 6 {
		t.Errorf("%+v, %d credits", again, balance(t, q, id))
	}
	if other := submit(t, q, once("c", "", 0, "request")); other.Repeated {
		t.Error("another caller's key is its own")
	}
}

func TestOnceAnotherRequest(t *testing.T) {
	t.Parallel()
	q := start(t, embed(t, t.TempDir()), nil)
	submit(t, q, once("a", "", 0, "request"))
	if _, err := q.Submit(t.Context(), once("b", "", 0, "another"), nil); fault.KindOf(err) != fault.Conflict {
		t.Errorf("another request: %v", err)
	}
}

// A refused submission leaves its key free for a request that can be accepted.
func TestOnceAfterRefusal(t *testing.T) {
	t.Parallel()
	q := start(t, embed(t, t.TempDir()), nil)
	id := newAccount(t, q, 1)
	if _, err := q.Submit(t.Context(), once("a", id, 4, "request"), nil); fault.KindOf(err) != fault.NoCredits {
		t.Fatal(err)
	}
	if submitted := submit(t, q, once("b", id, 1, "smaller")); submitted.Repeated || balance(t, q, id) != 0 {
		t.Errorf("%+v", submitted)
	}
}

// A repetition that arrives after the job was deleted, as a proxy may send it, does not
// bring it back, nor does it cost anything.
func TestOnceAfterDeletion(t *testing.T) {
	t.Parallel()
	q := start(t, embed(t, t.TempDir()), nil)
	id := newAccount(t, q, 10)
	submit(t, q, once("a", id, 4, "request"))
	succeed(t, next(t, q), "image")
	wait(t, q, "a")
	if err := q.Delete(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if _, err := q.Submit(t.Context(), once("b", id, 4, "request"), []byte("input")); fault.KindOf(err) != fault.Conflict || balance(t, q, id) != 6 {
		t.Errorf("%v, %d credits", err, balance(t, q, id))
	}
	if images, err := q.Images(t.Context()); err != nil || len(images) != 0 {
		t.Errorf("images %q, %v", images, err)
	}
}

// A key is forgotten after a day. A job that is forgotten earlier is not made again.
func TestOnceExpires(t *testing.T) {
	t.Parallel()
	var ahead atomic.Int64
	q := start(t, embed(t, t.TempDir()), func(o *queue.Options) {
		o.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
		o.Retention = 2 * time.Hour
	})
	submit(t, q, once("a", "", 0, "request"))
	succeed(t, next(t, q), "image")
	for _, c := range []struct {
		passed time.Duration
		job    string
	}{{time.Hour, "a"}, {23 * time.Hour, ""}, {24 * time.Hour, "b"}} {
		ahead.Store(int64(c.passed))
		submitted, err := q.Submit(t.Context(), once("b", "", 0, "request"), nil)
		if submitted.Job.ID != c.job || (c.job == "") != (fault.KindOf(err) == fault.Conflict) {
			t.Errorf("after %s: %+v, %v", c.passed, submitted, err)
		}
	}
}

// The submission dies after each of its steps: the next one with its key makes the
// job, or finds it, and one is paid.
func TestOnceDies(t *testing.T) {
	t.Parallel()
	for step, found := range map[queue.Failpoint]bool{
		queue.AfterClaim: false, queue.AfterCharge: false, queue.AfterInput: false, queue.AfterRecord: true, queue.AfterQueue: true,
	} {
		t.Run(string(step), func(t *testing.T) {
			t.Parallel()
			var died atomic.Bool
			q := start(t, embed(t, t.TempDir()), func(o *queue.Options) {
				often(o)
				o.Failpoint = func(at queue.Failpoint, _ string) {
					if at == step && died.CompareAndSwap(false, true) {
						runtime.Goexit()
					}
				}
			})
			id := newAccount(t, q, 10)
			var first sync.WaitGroup
			first.Go(func() {
				_, _ = q.Submit(t.Context(), once("a", id, 4, "request"), []byte("input"))
				t.Error("it lives")
			})
			first.Wait()
			again := submit(t, q, once("b", id, 4, "request"))
			if again.Repeated != found || (again.Job.ID == "a") != found {
				t.Errorf("%+v", again)
			}
			succeed(t, next(t, q), "image")
			if settled(t, q); balance(t, q, id) != 6 {
				t.Errorf("%d credits", balance(t, q, id))
			}
		})
	}
}

// A submission that is taken for dead, but is only slow, cannot make a second job.
func TestOnceTakenOver(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	charged, proceed := make(chan struct{}), make(chan struct{})
	slow := start(t, embed(t, dir), func(o *queue.Options) {
		o.Failpoint = func(at queue.Failpoint, _ string) {
			if at == queue.AfterCharge {
				close(charged)
				<-proceed
			}
		}
	})
	other := attach(t, dir, func(o *queue.Options) {
		o.Now = func() time.Time { return time.Now().Add(10 * time.Minute) }
	})
	id := newAccount(t, slow, 10)
	var first sync.WaitGroup
	first.Go(func() {
		if _, err := slow.Submit(t.Context(), once("a", id, 4, "request"), []byte("input")); fault.KindOf(err) != fault.Busy {
			t.Errorf("the slow one: %v", err)
		}
	})
	<-charged
	if taken := submit(t, other, once("b", id, 4, "request")); taken.Repeated || taken.Job.ID != "b" {
		t.Errorf("%+v", taken)
	}
	close(proceed)
	first.Wait()
	if again := submit(t, slow, once("c", id, 4, "request")); !again.Repeated || again.Job.ID != "b" || balance(t, slow, id) != 6 {
		t.Errorf("%+v, %d credits", again, balance(t, slow, id))
	}
	jobs, _, err := other.List(t.Context(), job.Page{API: "mnml", Account: id, Limit: 9})
	if err != nil || len(jobs) != 1 {
		t.Errorf("%d jobs are listed, %v", len(jobs), err)
	}
}
