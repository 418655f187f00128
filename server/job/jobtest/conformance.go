package jobtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"upscaled/models/fault"
	"upscaled/server/job"
)

// Subject is a queue under test and the means to move its jobs.
type Subject struct {
	Queue job.Queue
	// Begin begins a queued job; End ends a running one.
	Begin func(t *testing.T, id string)
	End   func(t *testing.T, id string, o Outcome)
}

// TestQueue checks what job.Queue promises. Each subject is new and has room for at
// least ten jobs.
func TestQueue(t *testing.T, open func(t *testing.T) Subject) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, Subject){
		"success": testSuccess, "failure": testFailure, "cancel queued": testCancelQueued,
		"cancel running": testCancelRunning, "unknown": testUnknown, "duplicate": testDuplicate,
		"wait": testWait, "once": testOnce, "revoke": testRevoke, "delete": testDelete,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

func submit(t *testing.T, q job.Queue, id string) job.Job {
	t.Helper()
	submitted, err := q.Submit(t.Context(), job.Spec{ID: id, API: "mnml", InputName: "a.png", Options: job.Options{Scale: 2}}, []byte("input"))
	if err != nil {
		t.Fatal(err)
	}
	return submitted.Job
}

func want(t *testing.T, q job.Queue, id string, state job.State) job.Job {
	t.Helper()
	j, err := q.Get(t.Context(), id)
	if err != nil || j.State != state {
		t.Fatalf("%s is %q (%v), want %q", id, j.State, err, state)
	}
	return j
}

func testSuccess(t *testing.T, s Subject) {
	if j := submit(t, s.Queue, "a-1"); j.State != job.Queued || j.Options.Scale != 2 || j.Created.IsZero() {
		t.Errorf("submitted: %+v", j)
	}
	want(t, s.Queue, "a-1", job.Queued)
	if _, _, err := s.Queue.Open(t.Context(), "a-1"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("result of a queued job: %v", err)
	}
	s.Begin(t, "a-1")
	if j := want(t, s.Queue, "a-1", job.Running); j.Attempts != 1 || j.Started.IsZero() {
		t.Errorf("running: %+v", j)
	}
	image := strings.Repeat("image ", 100_000)
	s.End(t, "a-1", Outcome{Picture: []byte(image), Result: &job.Result{Format: "png", OutputWidth: 7, Bytes: int64(len(image))}})
	j := want(t, s.Queue, "a-1", job.Succeeded)
	if j.Result == nil || j.Result.OutputWidth != 7 || j.Failure != nil || j.Finished.IsZero() || j.InputName != "a.png" {
		t.Errorf("succeeded: %+v", j)
	}
	readAnywhere(t, s.Queue, "a-1", image)
}

func readAnywhere(t *testing.T, q job.Queue, id, image string) {
	t.Helper()
	result, j, err := q.Open(t.Context(), id)
	if err != nil || j.ID != id {
		t.Fatal(j.ID, err)
	}
	defer result.Close()
	size, err := result.Seek(0, io.SeekEnd)
	if err != nil || size != int64(len(image)) {
		t.Fatalf("size %d, %v; want %d", size, err, len(image))
	}
	for _, at := range []int64{0, 300_001, 17, 524_287, 524_288, size - 1, size} {
		if _, err := result.Seek(at, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		rest, err := io.ReadAll(result)
		if err != nil || string(rest) != image[at:] {
			t.Errorf("from byte %d: %d bytes, %v", at, len(rest), err)
		}
	}
	if _, err := result.Seek(-1, io.SeekStart); err == nil {
		t.Error("a seek before the start passed")
	}
}

func testFailure(t *testing.T, s Subject) {
	submit(t, s.Queue, "a-1")
	s.Begin(t, "a-1")
	s.End(t, "a-1", Outcome{Failure: &job.Failure{Kind: fault.Invalid, Message: "broken"}})
	if j := want(t, s.Queue, "a-1", job.Failed); j.Failure == nil || j.Failure.Kind != fault.Invalid || j.Failure.Message != "broken" || j.Result != nil {
		t.Errorf("%+v", j)
	}
	if err := s.Queue.Cancel(t.Context(), "a-1"); err != nil {
		t.Error(err)
	}
	want(t, s.Queue, "a-1", job.Failed)
}

func testCancelQueued(t *testing.T, s Subject) {
	submit(t, s.Queue, "a-1")
	for range 2 {
		if err := s.Queue.Cancel(t.Context(), "a-1"); err != nil {
			t.Fatal(err)
		}
		want(t, s.Queue, "a-1", job.Canceled)
	}
}

func testCancelRunning(t *testing.T, s Subject) {
	submit(t, s.Queue, "a-1")
	s.Begin(t, "a-1")
	if err := s.Queue.Cancel(t.Context(), "a-1"); err != nil {
		t.Fatal(err)
	}
	if j, err := s.Queue.Wait(t.Context(), "a-1"); err != nil || j.State != job.Canceled {
		t.Fatalf("%q, %v", j.State, err)
	}
	// A late result changes nothing.
	s.End(t, "a-1", Outcome{Picture: []byte("late"), Result: &job.Result{Format: "png"}})
	want(t, s.Queue, "a-1", job.Canceled)
}

// A revoked job has no result, whatever its state was; one that failed stays as it is.
func testRevoke(t *testing.T, s Subject) {
	image := Outcome{Picture: []byte("image"), Result: &job.Result{Format: "png", Bytes: 5}}
	failure := Outcome{Failure: &job.Failure{Kind: fault.Invalid, Message: "broken"}}
	for _, c := range []struct {
		id, message string
		begun       bool
		end         *Outcome
		state       job.State
	}{
		{id: "a-1", state: job.Canceled}, {id: "a-2", begun: true, state: job.Canceled}, {id: "a-3", begun: true, end: &image, state: job.Failed},
		{id: "a-4", message: "broken", begun: true, end: &failure, state: job.Failed},
	} {
		submit(t, s.Queue, c.id)
		if c.begun {
			s.Begin(t, c.id)
		}
		if c.end != nil {
			s.End(t, c.id, *c.end)
		}
		for range 2 {
			if err := s.Queue.Revoke(t.Context(), c.id); err != nil {
				t.Fatal(err)
			}
			if j := want(t, s.Queue, c.id, c.state); j.Result != nil || c.message != "" && j.Failure.Message != c.message {
				t.Errorf("%+v", j)
			}
			if _, _, err := s.Queue.Open(t.Context(), c.id); fault.KindOf(err) != fault.NotFound {
				t.Errorf("the result of %s: %v", c.id, err)
			}
		}
		if c.begun && c.end == nil {
			s.End(t, c.id, image) // its worker gives up
		}
	}
}

// A deleted job is gone in every state, and a late result does not bring it back.
func testDelete(t *testing.T, s Subject) {
	for _, id := range []string{"ended", "running", "queued"} {
		submit(t, s.Queue, id)
	}
	s.Begin(t, "ended")
	s.End(t, "ended", Outcome{Picture: []byte("image"), Result: &job.Result{Format: "png", Bytes: 5}})
	s.Begin(t, "running")
	for _, id := range []string{"ended", "running", "queued"} {
		if err := s.Queue.Delete(t.Context(), id); err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
	s.End(t, "running", Outcome{Picture: []byte("late"), Result: &job.Result{Format: "png"}})
	for _, id := range []string{"ended", "running", "queued"} {
		_, getting := s.Queue.Get(t.Context(), id)
		_, _, opening := s.Queue.Open(t.Context(), id)
		for operation, err := range map[string]error{"get": getting, "open": opening, "delete": s.Queue.Delete(t.Context(), id)} {
			if fault.KindOf(err) != fault.NotFound {
				t.Errorf("%s of %s: %v", operation, id, err)
			}
		}
	}
}

func testOnce(t *testing.T, s Subject) {
	ask := func(id, key, request string, part int) (job.Submitted, error) {
		return s.Queue.Submit(t.Context(), job.Spec{ID: id, API: "mnml", Once: &job.Once{Key: key, Request: request}, Part: part}, []byte("input"))
	}
	for _, c := range []struct {
		id, key, request string
		part             int
		want             string
	}{
		{"a", "k1", "r1", 0, "a"}, {"b", "k1", "r1", 0, "a"}, {"c", "k1", "r1", 1, "c"}, {"d", "k1", "r1", 1, "c"}, {"e", "k2", "r1", 0, "e"}, {"f", "k1", "r2", 0, ""},
	} {
		submitted, err := ask(c.id, c.key, c.request, c.part)
		if submitted.Job.ID != c.want || submitted.Repeated != (c.want != "" && c.want != c.id) || (c.want == "") != (fault.KindOf(err) == fault.Conflict) {
			t.Errorf("%s: %+v, %v", c.id, submitted, err)
		}
	}
	s.Begin(t, "a")
	if again, err := ask("g", "k1", "r1", 0); err != nil || again.Job.State != job.Running || again.Job.ID != "a" {
		t.Errorf("%+v, %v", again, err)
	}
}

func testUnknown(t *testing.T, s Subject) {
	for _, id := range []string{"a-404", "", "../a", "a b", "a.*", ">", "*", strings.Repeat("x", 5000), "\x00", "ä"} {
		_, getting := s.Queue.Get(t.Context(), id)
		_, waiting := s.Queue.Wait(t.Context(), id)
		_, _, opening := s.Queue.Open(t.Context(), id)
		for operation, err := range map[string]error{"get": getting, "wait": waiting, "open": opening, "cancel": s.Queue.Cancel(t.Context(), id), "revoke": s.Queue.Revoke(t.Context(), id), "delete": s.Queue.Delete(t.Context(), id)} {
			if fault.KindOf(err) != fault.NotFound {
				t.Errorf("%s of %.20q: %v", operation, id, err)
			}
		}
	}
}

func testDuplicate(t *testing.T, s Subject) {
	submit(t, s.Queue, "a-1")
	if _, err := s.Queue.Submit(t.Context(), job.Spec{ID: "a-1", API: "maskr"}, []byte("other")); fault.KindOf(err) != fault.Conflict {
		t.Fatal(err)
	}
	if j := want(t, s.Queue, "a-1", job.Queued); j.API != "mnml" {
		t.Errorf("the first job became %+v", j)
	}
}

func testWait(t *testing.T, s Subject) {
	const waiters = 3
	submit(t, s.Queue, "a-1")
	short, stop := context.WithCancel(t.Context())
	stop()
	if _, err := s.Queue.Wait(short, "a-1"); !errors.Is(err, context.Canceled) {
		t.Errorf("a canceled wait: %v", err)
	}
	ended := make(chan error, waiters)
	for range waiters {
		go func() {
			j, err := s.Queue.Wait(t.Context(), "a-1")
			if err == nil && j.State != job.Succeeded {
				err = fmt.Errorf("waited for %q", j.State)
			}
			ended <- err
		}()
	}
	s.Begin(t, "a-1")
	s.End(t, "a-1", Outcome{Picture: []byte("p"), Result: &job.Result{Format: "png", Bytes: 1}})
	for range waiters {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	if j, err := s.Queue.Wait(t.Context(), "a-1"); err != nil || j.State != job.Succeeded {
		t.Errorf("a wait after the end: %q, %v", j.State, err)
	}
}
