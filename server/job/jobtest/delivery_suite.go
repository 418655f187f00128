package jobtest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"upscaled/models/fault"
	"upscaled/server/job"
)

// Delivering is a queue with webhook calls, and the means to move its jobs.
type Delivering struct {
	Subject
	Deliveries job.Deliveries
}

// TestDeliveries checks what job.Deliveries promises. Each subject is new and has room
// for at least ten jobs.
func TestDeliveries(t *testing.T, open func(t *testing.T) Delivering) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, Delivering){
		"ends": testDeliveryEnds, "begin": testDeliveryBegin, "again": testDeliveryAgain,
		"shared": testDeliveriesShared, "context": testDeliveryContext,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

func submitHooked(t *testing.T, q job.Queue, id string, hook *job.Webhook) {
	t.Helper()
	if _, err := q.Submit(t.Context(), job.Spec{ID: id, API: "mnml", Webhook: hook}, []byte("input")); err != nil {
		t.Fatal(err)
	}
}

// next takes the next delivery, which must be of this job, state and attempt.
func (s Delivering) next(t *testing.T, id string, state job.State, attempt int) job.Delivery {
	t.Helper()
	const patience = 5 * time.Minute
	ctx, stop := context.WithTimeout(context.Background(), patience)
	t.Cleanup(stop) // deliveries are held while it lasts
	n, err := s.Deliveries.NextDelivery(ctx)
	if err != nil {
		t.Fatalf("no delivery of %s: %v", id, err)
	}
	if j := n.Job(); j.ID != id || j.State != state || n.Attempt() != attempt || j.Webhook == nil || j.Webhook.URL != hookURL {
		t.Fatalf("attempt %d of %+v; want attempt %d of %s %s", n.Attempt(), j, attempt, id, state)
	}
	return n
}

func done(t *testing.T, n job.Delivery) {
	t.Helper()
	if err := n.Done(t.Context()); err != nil {
		t.Error(err)
	}
}

const hookURL = "https://example.com/hook?x=1"

func testDeliveryEnds(t *testing.T, s Delivering) {
	submitHooked(t, s.Queue, "silent", nil)
	s.Begin(t, "silent")
	s.End(t, "silent", Outcome{Picture: []byte("p"), Result: &job.Result{Format: "png"}})
	hook := &job.Webhook{URL: hookURL}
	submitHooked(t, s.Queue, "good", hook)
	s.Begin(t, "good")
	s.End(t, "good", Outcome{Picture: []byte("p"), Result: &job.Result{Format: "png", OutputWidth: 7}})
	n := s.next(t, "good", job.Succeeded, 1)
	if j := n.Job(); j.Result == nil || j.Result.OutputWidth != 7 || j.Finished.IsZero() {
		t.Errorf("%+v", j)
	}
	done(t, n)
	submitHooked(t, s.Queue, "bad", hook)
	s.Begin(t, "bad")
	s.End(t, "bad", Outcome{Failure: &job.Failure{Kind: fault.Invalid, Message: "broken"}})
	n = s.next(t, "bad", job.Failed, 1)
	if j := n.Job(); j.Failure == nil || j.Failure.Message != "broken" {
		t.Errorf("%+v", j)
	}
	done(t, n)
	for _, id := range []string{"canceled", "stopped"} {
		submitHooked(t, s.Queue, id, hook)
		if id == "stopped" {
			s.Begin(t, id)
		}
		for range 2 {
			if err := s.Queue.Cancel(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}
		if id == "stopped" {
			s.End(t, id, Outcome{Failure: &job.Failure{Kind: fault.Invalid, Message: "too late"}})
		}
		done(t, s.next(t, id, job.Canceled, 1))
	}
}

func testDeliveryBegin(t *testing.T, s Delivering) {
	hook := &job.Webhook{URL: hookURL, Started: true}
	submitHooked(t, s.Queue, "a-1", hook)
	s.Begin(t, "a-1")
	n := s.next(t, "a-1", job.Running, 1)
	if j := n.Job(); j.Started.IsZero() || !j.Finished.IsZero() || j.Result != nil {
		t.Errorf("%+v", j)
	}
	done(t, n)
	s.End(t, "a-1", Outcome{Picture: []byte("p"), Result: &job.Result{Format: "png"}})
	done(t, s.next(t, "a-1", job.Succeeded, 1))
	// A start is reported as it was, even if the job has ended meanwhile.
	submitHooked(t, s.Queue, "a-2", hook)
	s.Begin(t, "a-2")
	s.End(t, "a-2", Outcome{Picture: []byte("p"), Result: &job.Result{Format: "png"}})
	n = s.next(t, "a-2", job.Running, 1)
	if j := n.Job(); !j.Finished.IsZero() || j.Result != nil || j.Progress != 0 {
		t.Errorf("%+v", j)
	}
	done(t, n)
	done(t, s.next(t, "a-2", job.Succeeded, 1))
	// A job that never begins has no start to report.
	submitHooked(t, s.Queue, "a-3", hook)
	if err := s.Queue.Cancel(t.Context(), "a-3"); err != nil {
		t.Fatal(err)
	}
	done(t, s.next(t, "a-3", job.Canceled, 1))
}

func testDeliveryAgain(t *testing.T, s Delivering) {
	submitHooked(t, s.Queue, "a-1", &job.Webhook{URL: hookURL})
	if err := s.Queue.Cancel(t.Context(), "a-1"); err != nil {
		t.Fatal(err)
	}
	n := s.next(t, "a-1", job.Canceled, 1)
	const delay = 100 * time.Millisecond
	begun := time.Now()
	if err := n.Retry(t.Context(), delay); err != nil {
		t.Fatal(err)
	}
	n = s.next(t, "a-1", job.Canceled, 2)
	if took := time.Since(begun); took < delay {
		t.Errorf("retried after %s", took)
	}
	if err := n.Retry(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	done(t, s.next(t, "a-1", job.Canceled, 3))
	submitHooked(t, s.Queue, "a-2", &job.Webhook{URL: hookURL})
	if err := s.Queue.Cancel(t.Context(), "a-2"); err != nil {
		t.Fatal(err)
	}
	done(t, s.next(t, "a-2", job.Canceled, 1)) // and not a-1 again
}

func testDeliveriesShared(t *testing.T, s Delivering) {
	const jobs, callers = 8, 3
	reported := make(chan string, jobs)
	ctx, stop := context.WithCancel(context.Background())
	var calling sync.WaitGroup
	defer calling.Wait()
	defer stop()
	for range callers {
		calling.Go(func() {
			for {
				n, err := s.Deliveries.NextDelivery(ctx)
				if err != nil {
					return
				}
				if err := n.Done(ctx); err != nil {
					t.Error(err)
				}
				reported <- n.Job().ID
			}
		})
	}
	for i := range jobs {
		id := fmt.Sprint("a-", i)
		submitHooked(t, s.Queue, id, &job.Webhook{URL: hookURL})
		if err := s.Queue.Cancel(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]bool{}
	for range jobs {
		select {
		case id := <-reported:
			if seen[id] {
				t.Errorf("%s is delivered twice", id)
			}
			seen[id] = true
		case <-time.After(5 * time.Minute):
			t.Fatalf("only %v are delivered", seen)
		}
	}
}

func testDeliveryContext(t *testing.T, s Delivering) {
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := s.Deliveries.NextDelivery(ctx)
		ended <- err
	}()
	stop()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("a canceled wait: %v", err)
	}
	// It has taken nothing.
	submitHooked(t, s.Queue, "a-1", &job.Webhook{URL: hookURL})
	if err := s.Queue.Cancel(t.Context(), "a-1"); err != nil {
		t.Fatal(err)
	}
	done(t, s.next(t, "a-1", job.Canceled, 1))
}
