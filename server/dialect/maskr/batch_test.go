package maskr_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"upscaled/models/fault"
	"upscaled/server/account"
	"upscaled/server/dialect/dialecttest"
	"upscaled/server/dialect/maskr"
	"upscaled/server/job"
	"upscaled/server/job/jobtest"
)

// pictures returns n valid files named 0.png, 1.png, ...
func pictures(t *testing.T, n int) []dialecttest.Part {
	var parts []dialecttest.Part
	for i := range n {
		parts = append(parts, dialecttest.File("files", fmt.Sprintf("%d.png", i), dialecttest.PNG(t, 8+i, 6, false)))
	}
	return parts
}

func TestBatch(t *testing.T) {
	t.Parallel()
	broken := dialecttest.File("files", "broken.png", []byte("no picture"))
	large := dialecttest.File("files", "large.png", make([]byte, 1<<20+1))
	for _, c := range []struct {
		golden string
		parts  []dialecttest.Part
		change func(*server)
	}{
		{"batch.json", pictures(t, 3), func(*server) {}},
		{"batch_partial.json", append(pictures(t, 2), broken, large), func(s *server) { s.config.MaxBytes = 1 << 20 }},
		{"batch_failed.json", []dialecttest.Part{broken, broken}, func(*server) {}},
		{"batch_run_failed.json", pictures(t, 2), func(s *server) {
			s.queue.Work = func(spec job.Spec, input []byte) jobtest.Outcome {
				if spec.InputName == "0.png" {
					return fail(fault.Invalid, "The file ends early.")(spec, input)
				}
				return dialecttest.Succeed(spec, input)
			}
		}},
		{"batch_unfinished.json", append(pictures(t, 2), broken), func(s *server) { s.queue.Work, s.wait = nil, 0 }},
		{"batch_processing.json", pictures(t, 1), func(s *server) { s.queue.Work, s.wait, s.started = nil, 0, true }},
	} {
		s := newServer()
		c.change(s)
		golden(t, c.golden, 200, s.do(dialecttest.Form(t, many, c.parts...)))
	}
}

func TestBatchesThatAreRefused(t *testing.T) {
	t.Parallel()
	s := newServer()
	golden(t, "batch_no_files.json", 422, s.do(dialecttest.Form(t, many, photo(t))))
	golden(t, "batch_no_files.json", 422, s.do(httptest.NewRequest("POST", many, nil)))
	golden(t, "batch_too_many.json", 422, s.do(dialecttest.Form(t, many, pictures(t, 51)...)))
	if jobs := s.queue.Jobs(); len(jobs) > 0 {
		t.Errorf("%d jobs", len(jobs))
	}
	if got := s.do(dialecttest.Form(t, many, pictures(t, 50)...)); got.Code != 200 || len(s.queue.Jobs()) != 50 {
		t.Errorf("50 files: status %d, %d jobs", got.Code, len(s.queue.Jobs()))
	}
}

// refuseFrom rejects every submission from the nth (of 0) on.
func refuseFrom(n int, err error) func(job.Spec) error {
	return func(spec job.Spec) error {
		var i int
		if _, scanning := fmt.Sscanf(spec.InputName, "%d.png", &i); scanning != nil {
			return scanning
		} else if i < n {
			return nil
		}
		return err
	}
}

func TestBatchRunsOutOfCredits(t *testing.T) {
	t.Parallel()
	poor := fault.New(fault.NoCredits, "poor")
	broken := dialecttest.File("files", "broken.png", []byte("no picture"))
	s := newServer()
	tried := 0
	refuse := refuseFrom(1, poor)
	s.queue.Refuse = func(spec job.Spec) error { tried++; return refuse(spec) }
	golden(t, "batch_credits.json", 200, s.do(dialecttest.Form(t, many, append(pictures(t, 3), broken)...)))
	if tried != 2 {
		t.Errorf("%d items were submitted, want 2", tried)
	}
	s = newServer()
	s.queue.Refuse = refuseFrom(0, poor)
	golden(t, "credits.json", 402, s.do(dialecttest.Form(t, many, append([]dialecttest.Part{broken}, pictures(t, 2)...)...)))
}

func TestBatchMeetsADefect(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.queue.Refuse = refuseFrom(1, fmt.Errorf("disk /dev/sda"))
	golden(t, "batch_internal.json", 200, s.do(dialecttest.Form(t, many, pictures(t, 2)...)))
	if s.logged == nil || s.logged.Error() != "disk /dev/sda" {
		t.Errorf("logged %v", s.logged)
	}
}

// underway returns the unfinished jobs in the order of their files.
func (s *server) underway() []job.Job {
	jobs := slices.DeleteFunc(s.queue.Jobs(), func(j job.Job) bool { return j.State.Final() })
	slices.SortFunc(jobs, func(a, b job.Job) int { return strings.Compare(a.InputName, b.InputName) })
	return jobs
}

func (s *server) finish(j job.Job) {
	s.queue.Finish(j.ID, dialecttest.Succeed(j.Spec, s.queue.Input(j.ID)))
	synctest.Wait()
}

// begin sends a batch and returns a channel for its response.
func (s *server) begin(t *testing.T, ctx context.Context, files int) <-chan *httptest.ResponseRecorder {
	s.queue.Work = nil
	answered := make(chan *httptest.ResponseRecorder, 1)
	r := dialecttest.Form(t, many, pictures(t, files)...).WithContext(ctx)
	go func() { answered <- s.do(r) }()
	synctest.Wait()
	return answered
}

func envelope(t *testing.T, got *httptest.ResponseRecorder) maskr.BatchEnvelope {
	t.Helper()
	var b maskr.BatchEnvelope
	if err := json.Unmarshal(got.Body.Bytes(), &b); err != nil || got.Code != 200 {
		t.Fatalf("status %d, %v: %s", got.Code, err, got.Body)
	}
	return b
}

func TestBatchBoundsWhatRunsAndKeepsTheOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const files, parallel = 5, 2
		s := newServer()
		s.config.BatchParallel = parallel
		answered := s.begin(t, t.Context(), files)
		for left := files; left > 0; left-- {
			jobs := s.underway()
			if len(jobs) != min(parallel, left) {
				t.Fatalf("%d run, %d are left", len(jobs), left)
			}
			s.finish(jobs[len(jobs)-1]) // the latest first
		}
		b := envelope(t, <-answered)
		for i, r := range b.Results {
			if r.InputFilename != fmt.Sprintf("%d.png", i) || *r.OriginalWidth != 8+i || r.Status != "completed" {
				t.Errorf("result %d is of %s, width %d, %s", i, r.InputFilename, *r.OriginalWidth, r.Status)
			}
		}
		if b.Completed != files {
			t.Errorf("%d completed", b.Completed)
		}
	})
}

func TestBatchWaitsForItsOwnItemsWhenBusy(t *testing.T) {
	t.Parallel()
	for _, refused := range []error{fault.New(fault.Busy, "full"), fault.New(fault.RateLimited, "one at a time")} {
		synctest.Test(t, func(t *testing.T) {
			s := newServer()
			s.queue.Refuse = func(job.Spec) error {
				if len(s.underway()) > 0 {
					return refused
				}
				return nil
			}
			start := time.Now()
			answered := s.begin(t, t.Context(), 3)
			for range 3 {
				jobs := s.underway()
				if len(jobs) != 1 {
					t.Fatalf("%d jobs run", len(jobs))
				}
				s.finish(jobs[0])
			}
			if b := envelope(t, <-answered); b.Completed != 3 {
				t.Errorf("%+v", b)
			}
			if waited := time.Since(start); waited != 0 {
				t.Errorf("slept for %s", waited)
			}
		})
	}
}

// With none of its own items running, a batch pauses as long as requested,
// but not for ever, nor for what takes hours.
func TestBatchGivesUpOnABusyQueue(t *testing.T) {
	t.Parallel()
	quota := &account.RetryAfter{Wait: time.Hour, Err: fault.New(fault.RateLimited, "quota")}
	for _, c := range []struct {
		err    error
		limit  time.Duration
		paused time.Duration
		text   string
	}{
		{fault.New(fault.Busy, "full"), time.Hour, 10 * 5 * time.Second, "Service is busy. Please try again later"},
		{fault.New(fault.Busy, "full"), 12 * time.Second, 2 * 5 * time.Second, "Service is busy. Please try again later"},
		{quota, 2 * time.Hour, 0, "Rate limit exceeded. Please try again later"},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newServer()
			s.wait = c.limit
			s.config.BatchParallel = 1
			s.queue.Refuse = refuseFrom(1, c.err)
			start := time.Now()
			answered := s.begin(t, t.Context(), 4)
			s.finish(s.underway()[0])
			b := envelope(t, <-answered)
			if paused := time.Since(start); paused != c.paused {
				t.Errorf("paused for %s, want %s", paused, c.paused)
			}
			if b.Completed != 1 || b.Failed != 3 || *b.Results[1].Error != c.text || *b.Results[3].Error != c.text {
				t.Errorf("%+v", b)
			}
		})
	}
}

// A batch of which nothing was accepted fails at once, as a single call does.
func TestBatchIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newServer()
		s.queue.Refuse = refuseFrom(0, fault.New(fault.Busy, "full"))
		start := time.Now()
		golden(t, "busy.json", 503, <-s.begin(t, t.Context(), 3))
		if paused := time.Since(start); paused != 0 {
			t.Errorf("paused for %s", paused)
		}
	})
}

// An error of the queue about one image affects only that image.
func TestBatchGoesOnAfterARefusedPicture(t *testing.T) {
	t.Parallel()
	for _, kind := range []fault.Kind{fault.Invalid, fault.Unsupported, fault.TooLarge} {
		s := newServer()
		s.queue.Refuse = func(spec job.Spec) error {
			if spec.InputName == "0.png" {
				return fault.New(kind, "this one")
			}
			return nil
		}
		if b := envelope(t, s.do(dialecttest.Form(t, many, pictures(t, 3)...))); b.Completed != 2 || b.Results[0].Status != "failed" {
			t.Errorf("%s: %+v", kind, b)
		}
	}
}

// deaf is a queue that accepts jobs and cannot report their state.
type deaf struct{ *jobtest.Queue }

func (deaf) Wait(context.Context, string) (job.Job, error) {
	return job.Job{}, errors.New("no connection to 10.0.0.1")
}

func TestBatchWhoseEndCannotBeLearned(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.deaf = true
	golden(t, "batch_processing.json", 200, s.do(dialecttest.Form(t, many, pictures(t, 1)...)))
	if s.logged == nil || !strings.Contains(s.logged.Error(), "10.0.0.1") {
		t.Errorf("logged %v", s.logged)
	}
	golden(t, "internal.json", 500, s.do(dialecttest.Form(t, single, photo(t))))
}

// The wait limit holds for the batch as a whole; what is left is queued.
func TestBatchAtTheWaitLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newServer()
		s.wait, s.started, s.config.BatchParallel = 30*time.Second, true, 2
		start := time.Now()
		answered := s.begin(t, t.Context(), 5)
		time.Sleep(20 * time.Second) // pretended
		s.finish(s.underway()[0])
		b := envelope(t, <-answered)
		if waited := time.Since(start); waited != s.wait {
			t.Errorf("answered after %s", waited)
		}
		if b.Status != "completed" || b.Completed != 1 || b.Failed != 0 {
			t.Errorf("%+v", b)
		}
		for _, r := range b.Results[1:] {
			if r.CreditsUsed != nil || r.Error != nil || r.Status != "processing" {
				t.Errorf("%+v", r)
			}
		}
		if left := s.underway(); len(left) != 4 {
			t.Errorf("%d jobs go on, want 4", len(left))
		}
	})
}

func TestClientGoesAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newServer()
		s.config.BatchParallel = 3
		ctx, leave := context.WithCancel(t.Context())
		answered := s.begin(t, ctx, 5)
		leave()
		if got := <-answered; got.Body.Len() > 0 {
			t.Errorf("answered %s", got.Body)
		}
		jobs := s.queue.Jobs()
		for _, j := range jobs {
			if j.State != job.Canceled {
				t.Errorf("%s is %s", j.InputName, j.State)
			}
		}
		if len(jobs) != 3 {
			t.Errorf("%d jobs, want 3", len(jobs))
		}
	})
}

func TestClientGoesAwayDuringAPause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newServer()
		s.config.BatchParallel = 1
		s.queue.Refuse = refuseFrom(1, fault.New(fault.Busy, "full"))
		start := time.Now()
		ctx, leave := context.WithCancel(t.Context())
		answered := s.begin(t, ctx, 2)
		s.finish(s.underway()[0])
		leave()
		if got := <-answered; got.Body.Len() > 0 {
			t.Errorf("answered %s", got.Body)
		}
		if paused := time.Since(start); paused != 0 {
			t.Errorf("stayed for %s", paused)
		}
	})
}
