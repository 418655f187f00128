package queue_test

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"upscaled/server/job"
	"upscaled/server/queue"
)

// world is the queue of one folder and the expected state of one account's jobs.
type world struct {
	*testing.T
	dir        string
	connection *queue.Connection
	queue      node
	account    string
	jobs       map[string]*expected
	leases     map[string]job.Lease
	submitted  int // of all sequences, so that IDs are unique
}

// expected is one job. Which of the two states that are not final it has is
// left open: after a restart it changes on its own.
type expected struct {
	price int64
	final job.State // "" until it is
	// ready says that it can be taken at once.
	ready bool
}

const worth = 1000

// TestAnySequence does whatever may be done with one account's jobs, the end
// of the process included, and counts the credits after each step. At last
// every job's end is reported to its webhook.
func TestAnySequence(t *testing.T) {
	t.Parallel()
	if err := flag.Set("rapid.checks", "60"); err != nil { // each has some 30 steps on the disk
		t.Fatal(err)
	}
	w := &world{T: t, dir: t.TempDir()}
	w.connection = embed(t, w.dir)
	w.queue = start(t, w.connection, w.options)
	rapid.Check(t, func(r *rapid.T) {
		w.account = newAccount(t, w.queue, worth)
		w.jobs, w.leases = map[string]*expected{}, map[string]job.Lease{}
		r.Repeat(map[string]func(*rapid.T){
			"": w.check, "submit": w.submit, "next": w.next, "cancel": w.cancel, "reopen": w.reopen,
			"succeed": w.succeed, "fail": w.fail, "retry": w.retry, "release": w.release,
		})
		for id := range w.jobs { // nothing is left to the next sequence
			w.cancelJob(r, id)
		}
		w.check(r)
		w.awaitDeliveries(r)
	})
}

// awaitDeliveries takes deliveries until every job's end is reported.
func (w *world) awaitDeliveries(r *rapid.T) {
	ctx, stop := context.WithTimeout(w.Context(), patience)
	defer stop()
	missing := maps.Clone(w.jobs)
	for len(missing) > 0 {
		n, err := w.queue.NextDelivery(ctx)
		if err != nil {
			r.Fatalf("%v are not reported: %v", keys(missing), err)
		}
		j := n.Job()
		if missing[j.ID] == nil || missing[j.ID].final != j.State {
			r.Fatalf("reported: %s, %s", j.ID, j.State)
		}
		delete(missing, j.ID)
		if err := n.Done(ctx); err != nil {
			r.Fatal(err)
		}
	}
}

func (w *world) options(o *queue.Options) { o.Attempts = 1 << 20 }

func (w *world) check(r *rapid.T) {
	want := int64(worth)
	for id, e := range w.jobs {
		j, err := w.queue.Get(w.Context(), id)
		if err != nil || j.State.Final() != (e.final != "") || e.final != "" && j.State != e.final {
			r.Fatalf("%s is %s, want %q, %v", id, j.State, e.final, err)
		}
		if e.final == "" || e.final == job.Succeeded {
			want -= e.price
		}
	}
	if caller, err := w.queue.accounts.Balance(w.Context(), w.account); err != nil || *caller.Credits != want {
		r.Fatalf("%d credits, want %d, %v", *caller.Credits, want, err)
	}
}

func (w *world) submit(r *rapid.T) {
	w.submitted++
	id, price := fmt.Sprint("job-", w.submitted), rapid.Int64Range(0, 20).Draw(r, "price")
	if _, err := w.queue.Submit(w.Context(), hooked(id, w.account, price), []byte("input")); err != nil {
		r.Fatal(err)
	}
	w.jobs[id] = &expected{price: price, ready: true}
}

func (w *world) next(r *rapid.T) {
	for id, e := range w.jobs {
		if !e.ready || e.final != "" || w.leases[id] != nil {
			continue
		}
		soon, stop := context.WithTimeout(w.Context(), patience)
		lease, err := w.queue.Next(soon, job.Small)
		stop()
		if err != nil {
			r.Fatalf("%s does not come: %v", id, err)
		}
		id = lease.Job().ID // maybe another's that was delayed
		if w.jobs[id] == nil || w.jobs[id].final != "" || w.leases[id] != nil {
			r.Fatalf("%s is not to be run", id)
		}
		w.leases[id] = lease
		return
	}
	r.Skip("nothing is waiting")
}

// end ends some held lease.
func (w *world) end(r *rapid.T, how func(job.Lease) error, final job.State, ready bool) {
	held := keys(w.leases)
	if len(held) == 0 {
		r.Skip("nothing is held")
	}
	id := rapid.SampledFrom(held).Draw(r, "job")
	if err := how(w.leases[id]); err != nil {
		r.Fatal(err)
	}
	delete(w.leases, id)
	w.jobs[id].final, w.jobs[id].ready = final, ready
}

func (w *world) succeed(r *rapid.T) {
	w.end(r, func(l job.Lease) error { return l.Succeed(w.Context(), strings.NewReader("p"), job.Result{}) }, job.Succeeded, false)
}

func (w *world) fail(r *rapid.T) {
	w.end(r, func(l job.Lease) error { return l.Fail(w.Context(), bad("x")) }, job.Failed, false)
}

func (w *world) retry(r *rapid.T) {
	w.end(r, func(l job.Lease) error { return l.Retry(w.Context(), bad("x")) }, "", false)
}

func (w *world) release(r *rapid.T) {
	w.end(r, func(l job.Lease) error { return l.Release(w.Context()) }, "", true)
}

// cancel also picks final jobs, which do not change.
func (w *world) cancel(r *rapid.T) {
	if len(w.jobs) == 0 {
		r.Skip("no jobs")
	}
	w.cancelJob(r, rapid.SampledFrom(keys(w.jobs)).Draw(r, "job"))
}

func (w *world) cancelJob(r *rapid.T, id string) {
	if err := w.queue.Cancel(w.Context(), id); err != nil {
		r.Fatal(err)
	}
	if w.jobs[id].final == "" {
		w.jobs[id].final = job.Canceled
	}
	if lease := w.leases[id]; lease != nil {
		if err := lease.Succeed(w.Context(), strings.NewReader("late"), job.Result{}); err != job.ErrLost {
			r.Fatalf("a result of a canceled job: %v", err)
		}
		delete(w.leases, id)
	}
}

// reopen lets the process die, which is rare: it takes long.
func (w *world) reopen(r *rapid.T) {
	if rapid.IntRange(0, 7).Draw(r, "whether") != 0 {
		r.Skip("not now")
	}
	dead, stop := context.WithCancel(w.Context())
	stop()
	for id, lease := range w.leases {
		_ = lease.Release(dead) // ends its heartbeat, changes nothing
		w.jobs[id].ready = true
	}
	w.leases = map[string]job.Lease{}
	w.connection, w.queue = reopen(w.T, w.dir, w.connection, w.queue, w.options)
}

// keys are sorted, so that a repeated sequence has the same order.
func keys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
