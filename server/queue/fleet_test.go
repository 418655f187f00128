package queue_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"upscaled/models/fault"
	"upscaled/server/job"
	"upscaled/server/queue"
)

// attend lists a node as a worker with some models until stop.
func attend(t *testing.T, n node, models ...string) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		n.Attend(ctx, "box.example.com", func(w *job.Worker) {
			w.Version, w.Ready, w.Models = "1.2.3", true, nil
			for _, name := range models {
				w.Models = append(w.Models, job.Model{Name: name, Installed: true})
			}
		})
	})
	stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
	})
	t.Cleanup(stop)
	return stop
}

// awaitWorkers waits until the list of workers, as "NAME STATE", is the wanted one.
func awaitWorkers(t *testing.T, n node, want ...string) []job.Worker {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		all, err := n.Workers(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, w := range all {
			got = append(got, w.Name+" "+string(w.State))
		}
		if slices.Equal(got, want) {
			return all
		}
		if time.Now().After(deadline) {
			t.Fatalf("workers are %q, want %q", got, want)
		}
	}
}

// Workers of one machine get names of their own; a name whose process is gone is
// taken again. They are seen from every process.
func TestWorkersOfOneMachine(t *testing.T) {
	t.Parallel()
	c := embed(t, t.TempDir())
	api, first, second, third := start(t, c, nil), start(t, c, nil), start(t, c, nil), start(t, c, nil)
	leave := attend(t, first, "a")
	awaitWorkers(t, api, "box ready")
	attend(t, second, "b")
	all := awaitWorkers(t, api, "box ready", "box-2 ready")
	if w := all[1]; w.Version != "1.2.3" || len(w.Models) != 1 || w.Models[0].Name != "b" || time.Since(w.Heartbeat) > time.Minute {
		t.Errorf("%+v", w)
	}
	leave()
	awaitWorkers(t, api, "box-2 ready")
	attend(t, third)
	awaitWorkers(t, api, "box ready", "box-2 ready")
}

// A worker that dies is listed as lost, and who takes its name stays drained.
func TestFleet(t *testing.T) {
	t.Parallel()
	c := embed(t, t.TempDir())
	api := start(t, c, nil)
	queue.Forge(t, api.Queue, job.Worker{Name: "box", Ready: true, Draining: true})
	w := awaitWorkers(t, api, "box drained")[0]
	if got := queue.Seen(w, time.Now().Add(-13*time.Second)); got.State != job.WorkerLost {
		t.Errorf("after 13 s: %s", got.State)
	}
	if got := queue.Seen(w, time.Now().Add(-10*time.Second)); got.State != job.WorkerDrained {
		t.Errorf("after 10 s: %s", got.State)
	}
	if _, err := api.Drain(t.Context(), "box", true); fault.KindOf(err) != fault.NotFound {
		t.Errorf("drain of a dead worker: %v", err)
	}
	for _, name := range []string{"", "*", "a.b", strings.Repeat("x", 300)} {
		if _, err := api.Drain(t.Context(), name, true); fault.KindOf(err) != fault.NotFound {
			t.Errorf("drain of %q: %v", name, err)
		}
	}
	attend(t, api)
	for awaitWorkers(t, api, "box drained")[0].Version == "" { // the dead one's
		time.Sleep(5 * time.Millisecond)
	}
	if w, err := api.Drain(t.Context(), "box", false); err != nil || w.State != job.WorkerReady {
		t.Errorf("%+v, %v", w, err)
	}
}

// A draining worker finishes its job and takes no other one until it is undrained.
func TestDrain(t *testing.T) {
	t.Parallel()
	c := embed(t, t.TempDir())
	api, worker := start(t, c, nil), start(t, c, nil)
	attend(t, worker)
	awaitWorkers(t, api, "box ready")
	submit(t, api, spec("first", "", 0))
	lease := next(t, worker)
	if w := awaitWorkers(t, api, "box ready"); lease.Job().Worker != "box" {
		t.Errorf("%+v, run by %q", w, lease.Job().Worker)
	}
	waiting := make(chan job.Lease, 1)
	var slot sync.WaitGroup
	slot.Go(func() { // its request is on its way when the worker is drained
		lease, err := worker.Next(context.Background(), job.Small)
		if err == nil {
			waiting <- lease
		}
	})
	for queue.WaitingSlots(worker.Queue) == 0 {
		time.Sleep(time.Millisecond)
	}
	if w, err := api.Drain(t.Context(), "box", true); err != nil || w.State != job.WorkerDraining && w.State != job.WorkerDrained {
		t.Fatalf("%+v, %v", w, err)
	}
	submit(t, api, spec("second", "", 0))
	awaitWorkers(t, api, "box draining")
	if err := lease.Succeed(t.Context(), strings.NewReader("x"), job.Result{}); err != nil {
		t.Fatal(err)
	}
	if w := awaitWorkers(t, api, "box drained"); w[0].Succeeded != 1 || len(w[0].Jobs) != 0 {
		t.Errorf("%+v", w)
	}
	select {
	case lease := <-waiting:
		t.Errorf("a drained worker took %s", lease.Job().ID)
	case <-time.After(300 * time.Millisecond):
	}
	if _, err := api.Drain(t.Context(), "box", false); err != nil {
		t.Fatal(err)
	}
	slot.Wait()
	if lease := <-waiting; lease.Job().ID != "second" || lease.Job().Attempts != 1 {
		t.Errorf("%+v", lease.Job())
	} else if err := lease.Release(t.Context()); err != nil {
		t.Error(err)
	}
}

// A job goes to a worker with its model, however often the other one is asked
// first; it waits for one that is drained, and fails once no worker ever had it.
func TestModelsGoToTheirWorkers(t *testing.T) {
	t.Parallel()
	c := embed(t, t.TempDir())
	late := func(o *queue.Options) { o.Now = func() time.Time { return time.Now().Add(time.Minute) } }
	api, a, b := start(t, c, nil), start(t, c, late), start(t, c, late)
	attend(t, a, "only-a")
	awaitWorkers(t, api, "box ready")
	attend(t, b, "only-b")
	awaitWorkers(t, api, "box ready", "box-2 ready")
	ctx, stop := context.WithCancel(t.Context())
	var slots sync.WaitGroup
	defer slots.Wait()
	defer stop()
	took := make(chan string, 100)
	work := func(n node, name string) {
		slots.Go(func() {
			for {
				lease, err := n.Next(ctx, job.Small)
				if err != nil {
					return
				}
				took <- name + " " + lease.Job().Options.Model
				_ = lease.Succeed(context.Background(), strings.NewReader("x"), job.Result{})
			}
		})
	}
	work(a, "a")
	work(b, "b")
	for n, model := range []string{"only-a", "Only_B", "only-b", "only-b", "only-a=0.5,Only_A=0.5", "only-b"} {
		s := spec("job"+string(rune('0'+n)), "", 0)
		s.Options.Model = model
		submit(t, api, s)
		if got, want := <-took, strings.ToLower(model[5:6])+" "+model; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	b.SetDraining(true)
	awaitWorkers(t, api, "box ready", "box-2 drained")
	waits, fails := spec("waits", "", 0), spec("fails", "", 0)
	waits.Options.Second, fails.Options.Model = &job.Layer{Model: "only-b"}, "nobodys"
	submit(t, api, waits)
	submit(t, api, fails)
	ended, err := api.Wait(t.Context(), "fails")
	if err != nil || ended.State != job.Failed || ended.Failure.Kind != fault.ModelMissing || !strings.Contains(ended.Failure.Message, `"nobodys"`) {
		t.Errorf("%+v, %v", ended, err)
	}
	if j, err := api.Get(t.Context(), "waits"); err != nil || j.State != job.Queued || j.Attempts != 0 {
		t.Errorf("%+v, %v", j, err)
	}
	b.SetDraining(false)
	if j, err := api.Wait(t.Context(), "waits"); err != nil || j.State != job.Succeeded || j.Worker != "box-2" {
		t.Errorf("%+v, %v", j, err)
	}
}
