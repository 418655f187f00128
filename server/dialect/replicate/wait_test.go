package replicate_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"upscaled/server/dialect"
	"upscaled/server/dialect/dialecttest"
	"upscaled/server/dialect/replicate"
	"upscaled/server/job"
	"upscaled/server/job/jobtest"
)

// waited sends a Prefer header and returns the response and how long it took
// on the bubble's clock, to be called within one.
func waited(t *testing.T, s *server, prefer ...string) (replicate.Prediction, *httptest.ResponseRecorder, time.Duration) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, predictions, strings.NewReader(order(dataURI(photo(t)))))
	r.Header["Prefer"] = prefer
	begun := time.Now()
	got := s.do(r)
	if got.Code != http.StatusCreated {
		t.Fatalf("%d %s", got.Code, got.Body)
	}
	return decode[replicate.Prediction](t, got), got, time.Since(begun)
}

func TestWaitingForTheEnd(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.queue.Work = dialecttest.Succeed
	got := s.post(predictions, order(dataURI(photo(t))), "Prefer", "wait")
	golden(t, "waited.json", 201, got)
	if applied := got.Header().Get("Preference-Applied"); applied != "wait" {
		t.Errorf("applied %q", applied)
	}
}

// A prediction that takes longer is reported as starting even while it runs:
// clients take anything else for the end.
func TestWaitingTooShort(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		prefer []string
		want   time.Duration
	}{
		{[]string{"wait"}, 60 * time.Second}, {[]string{"wait=5"}, 5 * time.Second}, {[]string{"wait=1"}, time.Second},
		{[]string{"wait=61"}, 60 * time.Second}, {[]string{"wait=2147483647"}, 60 * time.Second},
		{[]string{`respond-async, Wait = "7"; x=y`}, 7 * time.Second}, {[]string{"handling=strict", "wait=3"}, 3 * time.Second},
		{nil, 0}, {[]string{""}, 0}, {[]string{"wait=0"}, 0}, {[]string{"wait=-1"}, 0}, {[]string{"wait=x"}, 0},
		{[]string{"wait=99999999999999999999"}, 0}, {[]string{"waiting"}, 0}, {[]string{"respond-async"}, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newServer()
			s.lend = func(h *dialect.Services) { h.WaitLimit = time.Hour }
			go func() {
				time.Sleep(time.Second / 2)
				for _, j := range s.queue.Jobs() {
					s.queue.Start(j.ID, 0.5)
				}
			}()
			got, answer, took := waited(t, s, c.prefer...)
			if took != c.want || got.Status != "starting" || got.StartedAt != nil {
				t.Errorf("%q: %v, %q", c.prefer, took, got.Status)
			}
			if applied := answer.Header().Get("Preference-Applied"); (applied == "wait") != (c.want > 0) {
				t.Errorf("%q: applied %q", c.prefer, applied)
			}
			time.Sleep(time.Second)
		})
	}
}

func TestWaitsEndEarly(t *testing.T) {
	t.Parallel()
	t.Run("the server's limit", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := newServer()
			s.lend = func(h *dialect.Services) { h.WaitLimit = 2 * time.Second }
			if got, _, took := waited(t, s, "wait"); took != 2*time.Second || got.Status != "starting" {
				t.Errorf("%v, %q", took, got.Status)
			}
		})
	})
	t.Run("the server stops", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s, stopping := newServer(), make(chan struct{})
			s.lend = func(h *dialect.Services) { h.Stopping = stopping }
			time.AfterFunc(3*time.Second, func() { close(stopping) })
			got, _, took := waited(t, s, "wait")
			if took != 3*time.Second || got.Status != "starting" || s.logged != nil {
				t.Errorf("%v, %q, logged %v", took, got.Status, s.logged)
			}
			if j, err := s.queue.Get(t.Context(), got.ID); err != nil || j.State != job.Queued {
				t.Errorf("%q, %v", j.State, err)
			}
		})
	})
	t.Run("the prediction fails", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := newServer()
			time.AfterFunc(4*time.Second, func() {
				s.queue.Finish(s.queue.Jobs()[0].ID, jobtest.Outcome{Failure: &job.Failure{}})
			})
			if got, _, took := waited(t, s, "wait"); took != 4*time.Second || got.Status != "failed" {
				t.Errorf("%v, %q", took, got.Status)
			}
		})
	})
}

// slow takes five seconds for an image.
type slow struct{ fetcher }

func (f slow) Fetch(ctx context.Context, url string) ([]byte, error) {
	time.Sleep(5 * time.Second)
	return f.fetcher.Fetch(ctx, url)
}

// Clients hang up soon after the time that they named, so fetching counts.
func TestFetchingCountsAsWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newServer()
		s.stores.Fetcher = slow{fetcher{picture: photo(t)}}
		begun := time.Now()
		got := s.post(predictions, order(pictureURL), "Prefer", "wait=6")
		if took := time.Since(begun); took != 6*time.Second || got.Code != http.StatusCreated {
			t.Errorf("%v, %d", took, got.Code)
		}
	})
}

// The prediction of a client that leaves while it waits goes on.
func TestLeavingWhileWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newServer()
		ctx, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		r := httptest.NewRequest(http.MethodPost, predictions, strings.NewReader(order(dataURI(photo(t)))))
		r.Header.Set("Prefer", "wait")
		s.do(r.WithContext(ctx))
		if jobs := s.queue.Jobs(); len(jobs) != 1 || jobs[0].State != job.Queued || s.logged != nil {
			t.Errorf("%+v, logged %v", jobs, s.logged)
		}
	})
}

// deaf is a queue that accepts jobs and cannot be waited for.
type deaf struct{ job.Queue }

func (deaf) Wait(context.Context, string) (job.Job, error) { return job.Job{}, errDisk }

// The accepted prediction is returned even if waiting for it fails.
func TestBrokenWait(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.lend = func(h *dialect.Services) { h.Queue = deaf{s.queue} }
	got := s.post(predictions, order(dataURI(photo(t))), "Prefer", "wait")
	if p := decode[replicate.Prediction](t, got); got.Code != http.StatusCreated || p.Status != "starting" || !errors.Is(s.logged, errDisk) {
		t.Errorf("%d %s, logged %v", got.Code, got.Body, s.logged)
	}
}
