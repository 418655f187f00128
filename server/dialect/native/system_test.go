package native_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"upscaled/models/fault"
	"upscaled/server/account"
	"upscaled/server/dialect/dialecttest"
	"upscaled/server/dialect/native"
	"upscaled/server/job"
)

// brokenGate cannot read its keys.
type brokenGate struct{ dialecttest.Auth }

func (brokenGate) Enabled(context.Context) (bool, error) { return false, errDisk }

func TestSystem(t *testing.T) {
	t.Parallel()
	s := newServer()
	golden(t, "system.json", 200, s.get("/api/v1/system"))
	golden(t, "account_open.json", 200, s.get("/api/v1/account"))
	golden(t, "models.json", 200, s.get("/api/v1/models"))
	golden(t, "devices.json", 200, s.get("/api/v1/devices"))
	s.parts.System = system{}
	golden(t, "models_none.json", 200, s.get("/api/v1/models"))
	golden(t, "devices_none.json", 200, s.get("/api/v1/devices"))
	s.gate = dialecttest.Auth{Keys: map[string]job.Caller{"k": {ID: "a", Name: "Ada", Credits: credits(42)}}}
	s.config.MaxPixels, s.config.MaxSide = 250_000_000, 60_000
	golden(t, "system_guarded.json", 200, s.get("/api/v1/system")) // needs no key
	golden(t, "account.json", 200, s.do(with("k", httptest.NewRequest(http.MethodGet, "/api/v1/account", nil))))
}

func TestDefects(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/api/v1/system", "/api/v1/models", "/api/v1/devices"} {
		s := newServer()
		s.parts.System = system{err: errDisk}
		golden(t, "internal.json", 500, s.get(path))
		if !errors.Is(s.logged, errDisk) {
			t.Errorf("%s: logged %v", path, s.logged)
		}
	}
	s := newServer()
	s.gate = brokenGate{}
	golden(t, "internal.json", 500, s.get("/api/v1/system"))
}

// guarded are all calls except the one that reports whether a key is needed.
func guarded() []*http.Request {
	var all []*http.Request
	for _, call := range [][2]string{
		{"GET", "/api/v1/account"}, {"GET", "/api/v1/models"}, {"GET", "/api/v1/devices"}, {"POST", jobsPath}, {"GET", jobsPath},
		{"GET", jobsPath + "/" + knownID}, {"DELETE", jobsPath + "/" + knownID}, {"POST", jobsPath + "/" + knownID + "/cancel"},
		{"GET", jobsPath + "/" + knownID + "/result"}, {"HEAD", jobsPath + "/" + knownID + "/result"},
		{"GET", jobsPath + "/" + knownID + "/events"}, {"GET", "/api/v1/events?ids=" + knownID},
	} {
		all = append(all, httptest.NewRequest(call[0], call[1], nil))
	}
	return all
}

func TestKeys(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.gate = dialecttest.Auth{
		Keys: map[string]job.Caller{"good": {ID: "a"}, "off": {ID: "b"}, "fast": {ID: "c"}, "full": {ID: "d"}},
		Errors: map[string]error{
			"off":  fault.New(fault.Disabled, "This key is switched off."),
			"fast": &account.RetryAfter{Wait: 1500 * time.Millisecond, Err: fault.New(fault.RateLimited, "Too many requests.")},
			"full": fault.New(fault.Busy, "The server is busy."),
		},
	}
	s.submit(t, job.Spec{ID: knownID, Account: "a"})
	for _, c := range []struct {
		key, golden, retry string
		status             int
	}{
		{"", "unauthorized.json", "", 401}, {"bad", "unauthorized.json", "", 401}, {"off", "disabled.json", "", 403},
		{"fast", "rate_limited.json", "2", 429}, {"full", "busy.json", "5", 503},
	} {
		for _, r := range guarded() {
			if c.key != "" {
				with(c.key, r)
			}
			got := s.do(r)
			golden(t, c.golden, c.status, got)
			if retry := got.Header().Get("Retry-After"); retry != c.retry {
				t.Errorf("%s: Retry-After %q, want %q", c.key, retry, c.retry)
			}
			if scheme := got.Header().Get("WWW-Authenticate"); (scheme == "Bearer") != (c.status == 401) {
				t.Errorf("%s: WWW-Authenticate %q", c.key, scheme)
			}
		}
	}
	r := httptest.NewRequest(http.MethodGet, "/api/v1/models", nil)
	r.Header.Set("X-API-Key", "good")
	golden(t, "models.json", 200, s.do(r))
	if got := s.get("/api/v1/models?key=good"); got.Code != 401 {
		t.Errorf("a key in the query gives %d", got.Code)
	}
	if all := s.queue.Jobs(); len(all) != 1 {
		t.Errorf("%d jobs without a key", len(all)-1)
	}
}

func TestUnknownPaths(t *testing.T) {
	t.Parallel()
	s := newServer()
	for _, path := range []string{"/api/v1/nothing", "/api/v1/", jobsPath + "/" + knownID + "/input", jobsPath + "/a/b/c", jobsPath + "/"} {
		golden(t, "no_address.json", 404, s.get(path))
	}
	for target, allow := range map[string]string{
		"PATCH " + jobsPath: "POST, GET", "POST /api/v1/system": "GET", "PUT " + jobsPath + "/" + knownID: "GET, DELETE",
		"PURGE " + jobsPath + "/x/result": "GET, HEAD",
	} {
		method, path, _ := strings.Cut(target, " ")
		got := s.do(httptest.NewRequest(method, path, nil))
		if got.Code != 405 || got.Header().Get("Allow") != allow {
			t.Errorf("%s: %d, Allow %q", target, got.Code, got.Header().Get("Allow"))
		}
	}
	golden(t, "method.json", 405, s.do(httptest.NewRequest(http.MethodPatch, jobsPath, nil)))
	if got := s.get("/api/other"); got.Code != http.StatusTeapot {
		t.Errorf("another API's path gives %d", got.Code)
	}
}

func TestDefaultsHoldOneFile(t *testing.T) {
	t.Parallel()
	if c := native.Defaults(); c.MaxBytes <= 0 || c.MaxRequestBytes < c.MaxBytes || c.MaxFiles < 1 || c.KeepAlive <= 0 || c.Retention <= 0 {
		t.Errorf("%+v", c)
	}
}
