package mnml_test

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
	"upscaled/server/dialect"
	"upscaled/server/dialect/dialecttest"
	"upscaled/server/dialect/mnml"
	"upscaled/server/job"
	"upscaled/server/job/jobtest"
)

var errDisk = errors.New("disk /dev/sda")

func balance(credits int64) *int64 { return &credits }

func TestSubmission(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.gate = dialecttest.Auth{Keys: map[string]job.Caller{"mine": {ID: "a", Credits: balance(486)}}}
	s.queue.Credits = balance(485)
	posted := s.do(with("Bearer mine", form(t, photo(t), dialecttest.Field("scale", "4"), dialecttest.Field("face_enhance", "true"))))
	golden(t, "accepted_credits.json", 200, posted)
	j := s.queue.Jobs()[0]
	want := job.Spec{
		ID: ids.FindString(posted.Body.String()), API: "mnml", Account: "a", Price: 1, InputName: "image.bin",
		Options: job.Options{Scale: 4, MaxInputWidth: 1400, Format: "png", FaceEnhance: true},
	}
	if j.Spec != want {
		t.Errorf("submitted %+v, want %+v", j.Spec, want)
	}
	if string(s.queue.Input(j.ID)) != string(photo(t)) {
		t.Error("the job has other bytes than the form")
	}
	s.config.Price, s.config.MaxInputWidth, s.queue.Credits = 7, 0, nil
	other := s.do(with("Bearer mine", form(t, photo(t))))
	golden(t, "accepted.json", 200, other)
	j, err := s.queue.Get(t.Context(), ids.FindString(other.Body.String()))
	if err != nil || j.Price != 7 || j.Options != (job.Options{Scale: 2, Format: "png"}) {
		t.Errorf("%+v, %v", j.Spec, err)
	}
}

func TestLifeOfAJob(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.submit(t, job.Spec{ID: knownID, API: "mnml"})
	golden(t, "starting.json", 200, s.get(status+knownID))
	s.queue.Start(knownID, 0)
	golden(t, "processing_begun.json", 200, s.get(status+knownID))
	s.queue.Start(knownID, 0.25)
	golden(t, "processing.json", 200, s.get(status+knownID))
	s.queue.Finish(knownID, jobtest.Outcome{Result: &job.Result{Format: "png"}})
	golden(t, "success.json", 200, s.get(status+knownID))
	golden(t, "success.json", 200, s.get(status+knownID)) // the same seed again
}

func TestJobsThatFail(t *testing.T) {
	t.Parallel()
	failure := func(kind fault.Kind, message string) jobtest.Outcome {
		return jobtest.Outcome{Failure: &job.Failure{Kind: kind, Message: message}}
	}
	for _, c := range []struct {
		golden  string
		outcome jobtest.Outcome
	}{
		{"failed.json", failure(fault.Invalid, "The file ends early.")},
		{"failed.json", failure(fault.Unsupported, "The file ends early.")},
		{"failed_expired.json", failure(fault.Busy, "The picture waited too long and has expired.")},
		{"failed_too_large.json", failure(fault.TooLarge, "The limit is 7 pixels; --max-pixels raises it.")},
		{"failed_internal.json", failure(fault.Invalid, "")}, // says nothing, so the general sentence does
		{"failed_internal.json", failure(fault.Internal, "segfault at 0x7f")},
		{"failed_internal.json", failure(fault.DeviceMemory, "Use a smaller --tile.")},
		{"failed_internal.json", failure(fault.ModelMissing, "/models/x is not there")},
		{"failed_internal.json", failure("unheard of", "dial 10.0.0.1")},
		{"canceled.json", jobtest.Outcome{}},
	} {
		s := newServer()
		s.submit(t, job.Spec{ID: knownID, API: "mnml"})
		s.queue.Finish(knownID, c.outcome)
		golden(t, c.golden, 200, s.get(status+knownID))
	}
}

func TestUnknownJobs(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.gate = dialecttest.Auth{Keys: map[string]job.Caller{"mine": {ID: "a"}, "other": {ID: "b"}}}
	as := func(key, id string) *httptest.ResponseRecorder {
		return s.do(with("Bearer "+key, httptest.NewRequest(http.MethodGet, status+id, nil)))
	}
	golden(t, "resource_not_found.json", 404, as("mine", knownID))
	s.submit(t, job.Spec{ID: knownID, API: "mnml", Account: "a"})
	golden(t, "starting.json", 200, as("mine", knownID))
	golden(t, "resource_not_found.json", 404, as("other", knownID))
	const foreign = "upscale_1703123456789_abc12346"
	s.submit(t, job.Spec{ID: foreign, API: "maskr", Account: "a"})
	golden(t, "resource_not_found.json", 404, as("mine", foreign))
	for _, wrong := range []string{
		"x", "upscale_", knownID + "0", knownID[1:], strings.ToUpper(knownID), "upscale__abc12345",
		"upscale_-1_abc12345", "upscale_1703123456789_abc1234", "upscale_1703123456789_abc%2e2345", knownID + "%0a",
		"upscale_17031234567890123456_abc12345", "550e8400-e29b-41d4-a716-446655440000", "%2e%2e%2f",
	} {
		golden(t, "invalid_request_id.json", 400, as("mine", wrong))
	}
}

func TestCredits(t *testing.T) {
	t.Parallel()
	s := newServer()
	golden(t, "credits_unlimited.json", 200, s.get(credits)) // keys are off
	s.gate = dialecttest.Auth{Keys: map[string]job.Caller{
		"some": {ID: "a", Credits: balance(485)}, "none": {ID: "b", Credits: balance(0)}, "unlimited": {ID: "c"},
	}}
	for key, name := range map[string]string{"some": "credits.json", "none": "credits_zero.json", "unlimited": "credits_unlimited.json"} {
		golden(t, name, 200, s.do(with("Bearer "+key, httptest.NewRequest(http.MethodGet, credits, nil))))
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.gate = dialecttest.Auth{
		Keys: map[string]job.Caller{"good": {ID: "a"}, "off": {ID: "b"}, "fast": {ID: "c"}, "full": {ID: "d"}},
		Errors: map[string]error{
			"off":  fault.New(fault.Disabled, "off"),
			"fast": &account.RetryAfter{Wait: 1500 * time.Millisecond, Err: fault.New(fault.RateLimited, "fast")},
			"full": fault.New(fault.Busy, "full"),
		},
	}
	for _, c := range []struct{ header, upscale, other, retry string }{
		{"", "unauthorized.json", "missing_api_key.json", ""},
		{"good", "unauthorized.json", "missing_api_key.json", ""},
		{"Bearer", "unauthorized.json", "missing_api_key.json", ""},
		{"Bearer ", "unauthorized.json", "missing_api_key.json", ""},
		{"Basic good", "unauthorized.json", "missing_api_key.json", ""},
		{"Bearer bad", "unauthorized.json", "invalid_api_key.json", ""},
		{"Bearer off", "unauthorized.json", "invalid_api_key.json", ""},
		{"Bearer fast", "rate_limit_exceeded.json", "rate_limit_exceeded.json", "2"},
		{"Bearer full", "service_unavailable.json", "service_unavailable.json", "5"},
	} {
		code := map[string]int{"2": 429, "5": 503, "": 401}[c.retry]
		check := func(name string, r *http.Request) {
			got := s.do(with(c.header, r))
			golden(t, name, code, got)
			if scheme := got.Header().Get("WWW-Authenticate"); (scheme == "Bearer") != (code == 401) {
				t.Errorf("%q: WWW-Authenticate %q", c.header, scheme)
			}
			if retry := got.Header().Get("Retry-After"); retry != c.retry {
				t.Errorf("%q: Retry-After %q, want %q", c.header, retry, c.retry)
			}
		}
		check(c.upscale, form(t, photo(t)))
		check(c.upscale, httptest.NewRequest(http.MethodPost, upscale, nil)) // the key comes before the form
		check(c.other, httptest.NewRequest(http.MethodGet, credits, nil))
		check(c.other, httptest.NewRequest(http.MethodGet, status+"x", nil)) // and before the ID
	}
	if all := s.queue.Jobs(); len(all) > 0 {
		t.Errorf("%d jobs without a key", len(all))
	}
}

// poorGate knows a balance that differs from what the key showed before.
type poorGate struct {
	dialecttest.Auth
	now job.Caller
	err error
}

func (g poorGate) Balance(context.Context, string) (job.Caller, error) { return g.now, g.err }

func TestNoCredits(t *testing.T) {
	t.Parallel()
	known := dialecttest.Auth{Keys: map[string]job.Caller{"k": {ID: "a", Credits: balance(5)}}}
	for _, c := range []struct {
		golden string
		gate   poorGate
	}{
		{"no_credits.json", poorGate{known, job.Caller{Credits: balance(0)}, nil}},
		{"no_credits_some.json", poorGate{known, job.Caller{Credits: balance(3)}, nil}},
		{"no_credits.json", poorGate{known, job.Caller{}, errDisk}},
	} {
		s := newServer()
		s.gate = c.gate
		s.queue.Refuse = func(job.Spec) error { return fault.New(fault.NoCredits, "poor") }
		golden(t, c.golden, 400, s.do(with("Bearer k", form(t, photo(t)))))
		if s.logged != nil {
			t.Errorf("logged %v", s.logged)
		}
	}
}

func TestSubmissionsThatAreRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		golden, retry string
		status        int
		err, logged   error
	}{
		{"rate_limit_exceeded_90.json", "90", 429, &account.RetryAfter{Wait: 89500 * time.Millisecond, Err: fault.New(fault.RateLimited, "slow")}, nil},
		{"service_unavailable.json", "5", 503, fault.New(fault.Busy, "full"), nil},
		{"upscale_internal.json", "", 500, errDisk, errDisk},
		{"upscale_internal.json", "", 500, context.DeadlineExceeded, context.DeadlineExceeded}, // the store's, not the client's
	} {
		s := newServer()
		s.queue.Refuse = func(job.Spec) error { return c.err }
		got := s.do(form(t, photo(t)))
		golden(t, c.golden, c.status, got)
		if retry := got.Header().Get("Retry-After"); retry != c.retry {
			t.Errorf("%s: Retry-After %q, want %q", c.golden, retry, c.retry)
		}
		if !errors.Is(s.logged, c.logged) {
			t.Errorf("%s: logged %v, want %v", c.golden, s.logged, c.logged)
		}
	}
}

// lost is a queue whose records cannot be read.
type lost struct{ *jobtest.Queue }

func (lost) Get(context.Context, string) (job.Job, error) { return job.Job{}, errDisk }

func TestDefects(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.lend = func(h *dialect.Services) { h.Queue = lost{s.queue} }
	golden(t, "internal_server_error.json", 500, s.get(status+knownID))
	if !errors.Is(s.logged, errDisk) {
		t.Errorf("logged %v", s.logged)
	}
}

// What the server hands over: unknown paths, wrong methods and panics.
func TestForeignErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		golden, method, path string
		status               int
		logged               error
	}{
		{"resource_not_found.json", http.MethodGet, "/v1/nothing", 404, nil},
		{"resource_not_found.json", http.MethodGet, status, 404, nil}, // without an ID it is no status path
		{"method_not_allowed.json", http.MethodPut, upscale, 405, nil},
		{"internal_server_error.json", http.MethodPatch, upscale, 500, errDisk},
	} {
		s := newServer()
		golden(t, c.golden, c.status, s.do(httptest.NewRequest(c.method, c.path, nil)))
		if !errors.Is(s.logged, c.logged) {
			t.Errorf("%s: logged %v", c.golden, s.logged)
		}
	}
}

func TestClientThatLeaves(t *testing.T) {
	t.Parallel()
	s := newServer()
	ctx, leave := context.WithCancel(t.Context())
	leave()
	for _, r := range []*http.Request{form(t, photo(t)), form(t, nil)} {
		got := s.do(r.WithContext(ctx))
		if got.Body.Len() > 0 || s.logged != nil || len(s.queue.Jobs()) > 0 {
			t.Errorf("answered %s, logged %v, %d jobs", got.Body, s.logged, len(s.queue.Jobs()))
		}
	}
}

func TestDefaultsAreTheVendors(t *testing.T) {
	t.Parallel()
	want := mnml.Config{Config: dialect.Config{Price: 1, MaxBytes: 8388608}, MinBytes: 1024, MaxInputWidth: 1400}
	if got := mnml.Defaults(); got != want {
		t.Errorf("%+v", got)
	}
}
