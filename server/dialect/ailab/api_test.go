package ailab_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/account"
	"upscaled/server/dialect"
	"upscaled/server/dialect/ailab"
	"upscaled/server/dialect/dialecttest"
	"upscaled/server/job"
	"upscaled/server/job/jobtest"
)

const (
	enlarge = "/api/image/enhance/image-lossless-enlargement"
	credits = "/api/common/query-credits"
)

// server is a fake server that tests can change.
type server struct {
	queue  *jobtest.Queue
	gate   job.Authenticator
	prober job.ImageValidator // nil is the real one
	wait   time.Duration
	config ailab.Config
	logged error
	// bare leaves out the middleware that names requests.
	bare bool
}

func newServer() *server {
	return &server{
		queue: &jobtest.Queue{Work: dialecttest.Succeed}, gate: dialecttest.Auth{},
		wait: 10 * time.Minute, config: ailab.Defaults(),
	}
}

func (s *server) do(r *http.Request) *httptest.ResponseRecorder {
	host := dialecttest.Services(s.queue, s.gate)
	host.WaitLimit = s.wait
	if s.prober != nil {
		host.Validator = s.prober
	}
	e := echo.New()
	e.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if !s.bare {
				c.Response().Header().Set("X-Request-Id", "request-1")
			}
			err := next(c)
			s.logged = dialect.Recorded(c)
			return err
		}
	})
	ailab.New(host, s.config).Routes(e)
	return dialecttest.Do(e, r)
}

var (
	jobIDs = regexp.MustCompile(`ailab_[a-z0-9]{24}`)
	// names are those of results; dialect's own test has their extensions.
	names = regexp.MustCompile(`/result\.(png|jpg|bmp)\?`)
)

func golden(t *testing.T, name string, status int, got *httptest.ResponseRecorder) {
	t.Helper()
	if got.Code != status {
		t.Errorf("%s: status %d, want %d", name, got.Code, status)
	}
	if kind := got.Header().Get("Content-Type"); kind != "application/json" {
		t.Errorf("%s: content type %q", name, kind)
	}
	plain := jobIDs.ReplaceAll(got.Body.Bytes(), []byte("<job>"))
	dialecttest.Golden(t, name, names.ReplaceAll(plain, []byte("/<result>?")))
}

// photo is a request with an image that passes every check.
func photo(t *testing.T, fields ...dialecttest.Part) *http.Request {
	t.Helper()
	file := dialecttest.File("image", "photo.jpg", dialecttest.PNG(t, 40, 33, false))
	return dialecttest.Form(t, enlarge, append(fields, file)...)
}

func keyed(r *http.Request, key string) *http.Request {
	r.Header.Set("ailabapi-api-key", key)
	return r
}

func gate() dialecttest.Auth {
	balance := int64(485)
	past := job.Purchases{Total: 700, Balance: 600, First: time.Unix(1_700_000_000, 0), Changed: time.Unix(1_700_003_600, 0)}
	return dialecttest.Auth{
		Keys: map[string]job.Caller{
			"good": {ID: "a1", Name: "Ada", Credits: &balance, Purchases: past}, "rich": {ID: "a2", Name: "Bea"}, "off": {ID: "a3"}, "broken": {ID: "a4"},
		},
		Errors: map[string]error{
			"off":    fault.New(fault.Disabled, "The API key is disabled."),
			"broken": errors.New("dial 10.0.0.7: refused"),
		},
	}
}

func TestSuccess(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.gate = gate()
	golden(t, "success.json", http.StatusOK, s.do(keyed(photo(t), "good")))
	jobs := s.queue.Jobs()
	if len(jobs) != 1 {
		t.Fatalf("%d jobs", len(jobs))
	}
	got := jobs[0].Spec
	if !jobIDs.MatchString(got.ID) {
		t.Errorf("ID %q", got.ID)
	}
	got.ID = ""
	want := job.Spec{
		API: "ailab", Account: "a1", Price: 5, InputName: "photo.jpg", Sync: true,
		Options: job.Options{Model: "realesr-general-x4v3", Scale: 2, Format: "png"},
	}
	if got != want {
		t.Errorf("spec\n got %+v\nwant %+v", got, want)
	}
	if !bytes.Equal(s.queue.Input(jobs[0].ID), dialecttest.PNG(t, 40, 33, false)) {
		t.Error("the input is not the file")
	}
}

// Without middleware the API makes a request ID.
func TestOwnRequestID(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.bare = true
	var answer ailab.Envelope
	if err := json.Unmarshal(s.do(photo(t)).Body.Bytes(), &answer); err != nil {
		t.Fatal(err)
	}
	if len(answer.RequestID) != 20 || answer.LogID != answer.RequestID {
		t.Errorf("request_id %q, log_id %q", answer.RequestID, answer.LogID)
	}
}

func TestCredits(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.gate = gate()
	get := func() *http.Request { return httptest.NewRequest(http.MethodGet, credits, nil) }
	golden(t, "credits.json", http.StatusOK, s.do(keyed(get(), "good")))
	golden(t, "credits_unlimited.json", http.StatusOK, s.do(keyed(get(), "rich")))
	golden(t, "credits_unknown_key.json", http.StatusUnauthorized, s.do(get()))
	golden(t, "credits_unlimited.json", http.StatusOK, newServer().do(get()))
}

func TestKeys(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.gate = gate()
	golden(t, "unknown_key.json", http.StatusUnauthorized, s.do(photo(t)))
	golden(t, "unknown_key.json", http.StatusUnauthorized, s.do(keyed(photo(t), "bad")))
	// The key comes before the form.
	golden(t, "disabled_key.json", http.StatusForbidden, s.do(keyed(dialecttest.Form(t, enlarge), "off")))
	bearer := photo(t)
	bearer.Header.Set("Authorization", "Bearer good")
	golden(t, "unknown_key.json", http.StatusUnauthorized, s.do(bearer))
	golden(t, "internal.json", http.StatusInternalServerError, s.do(keyed(photo(t), "broken")))
	if s.logged == nil || !strings.Contains(s.logged.Error(), "10.0.0.7") {
		t.Errorf("logged %v", s.logged)
	}
	if len(s.queue.Jobs()) != 0 {
		t.Error("a refused key made a job")
	}
}

func TestNotFound(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ method, path string }{
		{http.MethodGet, "/api/image/enhance/other"}, {http.MethodPost, "/api/"}, {http.MethodGet, enlarge},
		{http.MethodDelete, credits}, {"PURGE", "/api/x"}, {"PURGE", enlarge},
	} {
		golden(t, "not_found.json", http.StatusNotFound, newServer().do(httptest.NewRequest(c.method, c.path, nil)))
	}
}

// Other packages' paths below /api/ are theirs.
func TestCatchAllYields(t *testing.T) {
	t.Parallel()
	e := echo.New()
	ailab.New(dialecttest.Services(&jobtest.Queue{}, dialecttest.Auth{}), ailab.Defaults()).Routes(e)
	e.GET("/api/v1/jobs/:id", func(c echo.Context) error { return c.NoContent(http.StatusTeapot) })
	if got := dialecttest.Do(e, httptest.NewRequest(http.MethodGet, "/api/v1/jobs/7", nil)); got.Code != http.StatusTeapot {
		t.Errorf("status %d", got.Code)
	}
}

func TestRefusedSubmissions(t *testing.T) {
	t.Parallel()
	limited := &account.RetryAfter{Wait: 1500 * time.Millisecond, Err: fault.New(fault.RateLimited, "slow down")}
	for _, c := range []struct {
		golden string
		status int
		err    error
		retry  string
		logged bool
	}{
		{"no_credits.json", http.StatusTooManyRequests, fault.New(fault.NoCredits, "poor"), "", false},
		{"rate_limited.json", http.StatusTooManyRequests, limited, "2", false},
		{"busy.json", http.StatusServiceUnavailable, fault.New(fault.Busy, "full"), "5", false},
		{"internal.json", http.StatusInternalServerError, errors.New("nats: no responders at 10.0.0.7"), "", true},
		{"internal.json", http.StatusInternalServerError, fault.New(fault.Invalid, "There is a job x already."), "", true},
	} {
		s := newServer()
		s.queue.Refuse = func(job.Spec) error { return c.err }
		got := s.do(photo(t))
		golden(t, c.golden, c.status, got)
		if retry := got.Header().Get("Retry-After"); retry != c.retry {
			t.Errorf("%v: Retry-After %q, want %q", c.err, retry, c.retry)
		}
		if (s.logged != nil) != c.logged {
			t.Errorf("%v: logged %v", c.err, s.logged)
		}
	}
}

func TestFailedJobs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		golden string
		status int
		kind   fault.Kind
	}{
		{"job_invalid.json", http.StatusUnprocessableEntity, fault.Invalid},
		{"job_too_large.json", http.StatusRequestEntityTooLarge, fault.TooLarge},
		{"internal.json", http.StatusInternalServerError, fault.Internal},
		{"internal.json", http.StatusInternalServerError, fault.ModelMissing},
		{"internal.json", http.StatusInternalServerError, fault.DeviceMemory},
		{"internal.json", http.StatusInternalServerError, fault.Unsupported},
	} {
		s := newServer()
		s.queue.Work = func(job.Spec, []byte) jobtest.Outcome {
			return jobtest.Outcome{Failure: &job.Failure{Kind: c.kind, Message: "The job's own sentence."}}
		}
		golden(t, c.golden, c.status, s.do(photo(t)))
		if internal := c.status == http.StatusInternalServerError; internal != (s.logged != nil) {
			t.Errorf("%s: logged %v", c.kind, s.logged)
		} else if internal && !strings.Contains(s.logged.Error(), "own sentence") {
			t.Errorf("%s: the log lacks the cause: %v", c.kind, s.logged)
		}
	}
	s := newServer()
	s.queue.Work = func(job.Spec, []byte) jobtest.Outcome { return jobtest.Outcome{} }
	golden(t, "job_canceled.json", http.StatusInternalServerError, s.do(photo(t)))
}

func TestTimeoutCancelsTheJob(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.queue.Work, s.wait = nil, time.Nanosecond
	golden(t, "timeout.json", http.StatusGatewayTimeout, s.do(photo(t)))
	if jobs := s.queue.Jobs(); len(jobs) != 1 || jobs[0].State != job.Canceled {
		t.Errorf("jobs %+v", jobs)
	}
	if s.logged == nil {
		t.Error("not logged")
	}
}

func TestClientThatGoesGetsNoAnswer(t *testing.T) {
	t.Parallel()
	s := newServer()
	ctx, leave := context.WithCancel(t.Context())
	s.queue.Work = nil
	s.queue.Refuse = func(job.Spec) error { leave(); return nil }
	if got := s.do(photo(t).WithContext(ctx)); got.Body.Len() != 0 {
		t.Errorf("answered %s", got.Body)
	}
	if jobs := s.queue.Jobs(); len(jobs) != 1 || jobs[0].State != job.Canceled {
		t.Errorf("jobs %+v", jobs)
	}
	if s.logged != nil {
		t.Errorf("logged %v", s.logged)
	}
}

// The server passes on its router's errors: unknown paths and methods.
func TestRefuseAnswersForTheRouter(t *testing.T) {
	t.Parallel()
	a := ailab.New(dialecttest.Services(&jobtest.Queue{}, dialecttest.Auth{}), ailab.Defaults())
	for _, kind := range []fault.Kind{fault.NotFound, fault.Unsupported} {
		recorder := httptest.NewRecorder()
		c := echo.New().NewContext(httptest.NewRequest(http.MethodGet, "/api/x", nil), recorder)
		c.Response().Header().Set("X-Request-Id", "request-1")
		if err := a.WriteError(c, fault.New(kind, "the router's")); err != nil {
			t.Error(err)
		}
		golden(t, "not_found.json", http.StatusNotFound, recorder)
	}
}
