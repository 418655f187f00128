package artnex_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"upscaled/models/fault"
	"upscaled/server/dialect/dialecttest"
	"upscaled/server/job"
	"upscaled/server/job/jobtest"
)

func TestFailedJobs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		golden string
		status int
		work   func(job.Spec, []byte) jobtest.Outcome
	}{
		{"corrupt.json", 400, fail(fault.Invalid, "The file ends early.")},
		{"corrupt.json", 400, fail(fault.Unsupported, "Arithmetic coding.")},
		{"resolution.json", 400, fail(fault.TooLarge, "See --max-pixels.")},
		{"internal.json", 500, fail(fault.Internal, "segfault at 0x7f")},
		{"internal.json", 500, fail(fault.ModelMissing, "/models/x")},
		{"internal.json", 500, fail(fault.Busy, "not this request's queue")},
		{"internal.json", 500, func(job.Spec, []byte) jobtest.Outcome { return jobtest.Outcome{} }},
	} {
		s := newServer()
		s.memory.Work = c.work
		golden(t, c.golden, c.status, s.do(photo(t)))
		if (c.status == 500) != (s.logged != nil) {
			t.Errorf("%s: logged %v", c.golden, s.logged)
		}
	}
}

func TestWaitLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newServer()
		s.memory.Work, s.wait = nil, 30*time.Second
		start := time.Now()
		got := s.do(photo(t))
		golden(t, "busy.json", 503, got)
		if waited := time.Since(start); waited != s.wait || got.Header().Get("Retry-After") != "5" {
			t.Errorf("waited %s, Retry-After %q", waited, got.Header().Get("Retry-After"))
		}
		if j := s.memory.Jobs()[0]; j.State != job.Canceled {
			t.Errorf("the job is %s", j.State)
		}
	})
}

// late is a queue whose jobs succeed in the moment the caller stops waiting.
type late struct{ *jobtest.Queue }

func (q late) Cancel(_ context.Context, id string) error {
	j, err := q.Get(context.Background(), id)
	q.Finish(id, dialecttest.Succeed(j.Spec, q.Input(id)))
	return err
}

func TestJobThatEndsAtTheWaitLimit(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.memory.Work, s.queue, s.wait = nil, late{s.memory}, 0
	golden(t, "success.json", 200, s.do(photo(t)))
}

// deaf is a queue that accepts jobs and cannot report their outcome.
type deaf struct{ *jobtest.Queue }

func (deaf) Wait(context.Context, string) (job.Job, error) {
	return job.Job{}, errors.New("no connection to 10.0.0.1")
}

func TestJobWhoseEndCannotBeLearned(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.memory.Work, s.queue = nil, deaf{s.memory}
	golden(t, "internal.json", 500, s.do(photo(t)))
	if j := s.memory.Jobs()[0]; j.State != job.Canceled {
		t.Errorf("the job that nobody hears of is %s", j.State)
	}
}

// waited is a queue whose caller leaves while it waits.
type waited struct {
	*jobtest.Queue
	leave context.CancelFunc
}

func (q waited) Wait(ctx context.Context, id string) (job.Job, error) {
	q.leave()
	return q.Queue.Wait(ctx, id)
}

func TestClientThatLeaves(t *testing.T) {
	t.Parallel()
	s := newServer()
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	s.memory.Work, s.queue = nil, waited{s.memory, leave}
	got := s.do(photo(t).WithContext(ctx))
	if got.Body.Len() > 0 || s.logged != nil {
		t.Errorf("answered %s, logged %v", got.Body, s.logged)
	}
	if j := s.memory.Jobs()[0]; j.State != job.Canceled {
		t.Errorf("the job is %s", j.State)
	}
}
