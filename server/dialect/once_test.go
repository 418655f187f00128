package dialect_test

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"upscaled/server/dialect"
	"upscaled/server/dialect/dialecttest"
	"upscaled/server/job"
	"upscaled/server/job/jobtest"
)

// once returns what a request of a client is recognized by.
func once(t *testing.T, method, target, body, client, account string) *job.Once {
	t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.RemoteAddr = client + ":1234"
	r.Header.Set("Idempotency-Key", "key")
	var found *job.Once
	err := dialect.Idempotent(func(c echo.Context) error {
		if _, err := dialect.ReadJSON(c, 100); err != nil {
			return err
		}
		var err error
		found, err = dialect.OnceOf(c.Request().Context(), account)
		return err
	})(echo.New().NewContext(r, httptest.NewRecorder()))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// The job of a keyed request outlives its client and the wait limit.
func TestKeyedJobsAreLeft(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"", "key"} {
		queue := &jobtest.Queue{}
		s := dialecttest.Services(queue, dialecttest.Auth{})
		s.WaitLimit = time.Millisecond
		gone, leave := context.WithCancel(t.Context())
		queue.Refuse = func(spec job.Spec) error {
			if spec.ID == "left" {
				leave()
			}
			return nil
		}
		r := httptest.NewRequest("POST", "/", nil).WithContext(gone)
		r.Header.Set("Idempotency-Key", key)
		err := dialect.Idempotent(func(c echo.Context) error {
			for _, id := range []string{"waited", "left"} {
				_, _ = s.RunSync(c.Request().Context(), job.Spec{ID: id}, nil)
			}
			return nil
		})(echo.New().NewContext(r, httptest.NewRecorder()))
		for _, j := range queue.Jobs() {
			if keyed := key != ""; err != nil || j.Sync == keyed || (j.State == job.Queued) != keyed {
				t.Errorf("key %q: %s is %s, %v", key, j.ID, j.State, err)
			}
		}
		if n := len(queue.Jobs()); n != 2 {
			t.Errorf("%d jobs", n)
		}
	}
}

func TestOnceOf(t *testing.T) {
	t.Parallel()
	first := once(t, "POST", "/a?b=1", "{}", "192.0.2.1", "")
	for name, c := range map[string]struct {
		other         *job.Once
		key, requests bool // are the same
	}{
		"repetition":    {once(t, "POST", "/a?b=1", "{}", "192.0.2.1", ""), true, true},
		"other body":    {once(t, "POST", "/a?b=1", "{ }", "192.0.2.1", ""), true, false},
		"other path":    {once(t, "POST", "/c?b=1", "{}", "192.0.2.1", ""), true, false},
		"other query":   {once(t, "POST", "/a?b=2", "{}", "192.0.2.1", ""), true, false},
		"other method":  {once(t, "PUT", "/a?b=1", "{}", "192.0.2.1", ""), true, false},
		"other client":  {once(t, "POST", "/a?b=1", "{}", "192.0.2.2", ""), false, true},
		"other account": {once(t, "POST", "/a?b=1", "{}", "192.0.2.1", "a"), false, true},
	} {
		if (c.other.Key == first.Key) != c.key || (c.other.Request == first.Request) != c.requests {
			t.Errorf("%s: %+v, not %+v", name, c.other, first)
		}
	}
	if o := once(t, "GET", "/a", "", "192.0.2.1", ""); o != nil {
		t.Errorf("a request that submits nothing: %+v", o)
	}
}
