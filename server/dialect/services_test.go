package dialect_test

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"testing"
	"time"

	"upscaled/models/fault"
	"upscaled/server/account"
	"upscaled/server/dialect"
	"upscaled/server/dialect/dialecttest"
	"upscaled/server/job"
	"upscaled/server/job/jobtest"
)

func state(t *testing.T, q job.Queue, id string) job.State {
	t.Helper()
	j, err := q.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return j.State
}

func TestRunWaits(t *testing.T) {
	t.Parallel()
	q := &jobtest.Queue{Work: dialecttest.Succeed}
	j, err := dialecttest.Services(q, dialecttest.Auth{}).Run(t.Context(), job.Spec{ID: "a"}, dialecttest.PNG(t, 4, 4, false))
	if err != nil || j.State != job.Succeeded {
		t.Errorf("%q, %v", j.State, err)
	}
}

func TestWaitLimitLeavesTheJob(t *testing.T) {
	t.Parallel()
	q := &jobtest.Queue{}
	host := dialecttest.Services(q, dialecttest.Auth{})
	host.WaitLimit = time.Millisecond
	j, err := host.Run(t.Context(), job.Spec{ID: "a"}, nil)
	if err != nil || j.State != job.Queued || state(t, q, "a") != job.Queued {
		t.Errorf("%q, %v", j.State, err)
	}
}

func TestLeavingClientCancels(t *testing.T) {
	t.Parallel()
	q := &jobtest.Queue{}
	ctx, leave := context.WithCancel(t.Context())
	submitted, err := q.Submit(ctx, job.Spec{ID: "a"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	leave()
	_, err = dialecttest.Services(q, dialecttest.Auth{}).Await(ctx, submitted.Job)
	if fault.KindOf(err) != fault.Canceled || state(t, q, "a") != job.Canceled {
		t.Errorf("%v, %q", err, state(t, q, "a"))
	}
}

// When the server stops, queued jobs are canceled and running ones
// are still waited for.
func TestStoppingServer(t *testing.T) {
	t.Parallel()
	q, stopping := &jobtest.Queue{}, make(chan struct{})
	host := dialecttest.Services(q, dialecttest.Auth{})
	host.Stopping = stopping
	for _, id := range []string{"queued", "running"} {
		if _, err := q.Submit(t.Context(), job.Spec{ID: id}, nil); err != nil {
			t.Fatal(err)
		}
	}
	q.Start("running", 0)
	ended := make(chan job.State, 1)
	go func() {
		j, _ := host.Await(t.Context(), job.Job{Spec: job.Spec{ID: "running"}})
		ended <- j.State
	}()
	close(stopping)
	if _, err := host.Await(t.Context(), job.Job{Spec: job.Spec{ID: "queued"}}); fault.KindOf(err) != fault.Busy || state(t, q, "queued") != job.Canceled {
		t.Errorf("queued: %v, %q", err, state(t, q, "queued"))
	}
	q.Finish("running", jobtest.Outcome{Result: &job.Result{}})
	if got := <-ended; got != job.Succeeded {
		t.Errorf("running: %q", got)
	}
}

func TestOwned(t *testing.T) {
	t.Parallel()
	q := &jobtest.Queue{}
	if _, err := q.Submit(t.Context(), job.Spec{ID: "a", API: "mnml", Account: "me"}, nil); err != nil {
		t.Fatal(err)
	}
	host := dialecttest.Services(q, dialecttest.Auth{})
	for name, c := range map[string]struct {
		api, account, id string
		found            bool
	}{
		"own": {"mnml", "me", "a", true}, "other account": {"mnml", "you", "a", false},
		"other API": {"maskr", "me", "a", false}, "unknown": {"mnml", "me", "b", false},
	} {
		_, err := host.Owned(t.Context(), c.api, job.Caller{ID: c.account}, c.id)
		if (err == nil) != c.found || !c.found && fault.KindOf(err) != fault.NotFound {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBearer(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]string{
		"Bearer abc": "abc", "bearer  abc ": "abc", "abc": "", "": "", "Basic abc": "", "Bearer": "", "Bearer ": "",
	} {
		if got := dialect.Bearer(&http.Request{Header: http.Header{"Authorization": {header}}}); got != want {
			t.Errorf("%q gives %q", header, got)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	limited := &account.RetryAfter{Wait: 1500 * time.Millisecond, Err: fault.New(fault.RateLimited, "x")}
	if got := dialect.RetryAfter(limited); got != 2 {
		t.Errorf("1.5 s is told as %d s", got)
	}
	if got := dialect.RetryAfter(errors.New("busy")); got < 1 {
		t.Errorf("%d s", got)
	}
}

func TestRandom(t *testing.T) {
	t.Parallel()
	form, seen := regexp.MustCompile(`^[a-z0-9]{12}$`), map[string]bool{}
	for range 1000 {
		id := dialect.Random(12)
		if !form.MatchString(id) || seen[id] {
			t.Fatal(id)
		}
		seen[id] = true
	}
}

// Clients name what they download by the URL's end.
func TestNamedURL(t *testing.T) {
	t.Parallel()
	host := dialecttest.Services(&jobtest.Queue{}, dialecttest.Auth{})
	for format, want := range map[string]string{
		"png":  "https://base/v1/files/a/upscaled.png?expires=1703258323&sig=00",
		"jpeg": "https://base/v1/files/a/upscaled.jpg?expires=1703258323&sig=00",
		"webp": "https://base/v1/files/a/upscaled.webp?expires=1703258323&sig=00",
		"bmp":  "https://base/v1/files/a/upscaled.bmp?expires=1703258323&sig=00",
	} {
		j := job.Job{Spec: job.Spec{ID: "a"}, State: job.Succeeded, Result: &job.Result{Format: format}}
		if got := host.NamedURL("https://base", j, "upscaled"); got != want {
			t.Errorf("%s: %s", format, got)
		}
	}
}

// A status expires with its image, although the record lives on for a while.
func TestExpiredJobsAreUnknown(t *testing.T) {
	t.Parallel()
	q := &jobtest.Queue{Work: dialecttest.Succeed}
	host := dialecttest.Services(q, dialecttest.Auth{})
	j, err := host.Run(t.Context(), job.Spec{ID: "a", API: "mnml"}, dialecttest.PNG(t, 4, 4, false))
	if err != nil {
		t.Fatal(err)
	}
	host.Retention = time.Hour
	for after, want := range map[time.Duration]fault.Kind{time.Hour - time.Second: "", time.Hour: fault.NotFound} {
		host.Now = func() time.Time { return j.Finished.Add(after) }
		if _, err := host.Owned(t.Context(), "mnml", job.Caller{}, "a"); fault.KindOf(err) != want {
			t.Errorf("%v after its end: %v", after, err)
		}
	}
}
