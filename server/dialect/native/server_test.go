package native_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"go.uber.org/goleak"

	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/dialect/dialecttest"
	"upscaled/server/dialect/native"
	"upscaled/server/job"
	"upscaled/server/job/jobtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	jobsPath = "/api/v1/jobs"
	// knownID has the form of this API's job IDs.
	knownID = "up_abcdefghijklmnopqrstuvwx"
	otherID = "up_000000000000000000000000"
)

var errDisk = errors.New("disk /dev/sda")

// system is a fake native.System.
type system struct {
	status  native.Status
	models  []native.Model
	devices []native.Device
	err     error
}

func (s system) Status(context.Context) (native.Status, error)    { return s.status, s.err }
func (s system) Models(context.Context) ([]native.Model, error)   { return s.models, s.err }
func (s system) Devices(context.Context) ([]native.Device, error) { return s.devices, s.err }

// fetcher returns images by URL.
type fetcher map[string][]byte

func (f fetcher) Fetch(_ context.Context, url string) ([]byte, error) {
	if data, known := f[url]; known {
		return data, nil
	}
	return nil, fault.New(fault.FetchFailed, "The image URL answered with HTTP status 404.")
}

// server is a fake server that tests can change.
type server struct {
	queue  *jobtest.Queue
	gate   job.Authenticator
	config native.Config
	parts  native.Parts
	// lend, if not nil, changes the services.
	lend func(*dialect.Services)
	// readTimeout bounds the reading of requests; 0 does not.
	readTimeout time.Duration
	mutex       sync.Mutex // streams end beside other requests
	logged      error
}

func newServer() *server {
	queue := &jobtest.Queue{Now: func() time.Time { return dialecttest.Now.Add(-time.Minute) }}
	return &server{
		queue: queue, gate: dialecttest.Auth{}, config: native.Defaults(),
		parts: native.Parts{
			Jobs: queue,
			System: system{
				status: native.Status{
					Version: "1.2.3", Ready: true, Queued: 3, Running: 1, DefaultModel: "realesr-general-x4v3",
					FaceRestorer: native.FaceRestorer{Name: "realesrgan-x4plus", Refined: true},
				},
				models: []native.Model{
					{Model: job.Model{Name: "realesr-general-x4v3", Summary: "Photos, fast", Scale: 4, Installed: true, Denoise: true, Licence: "BSD-3-Clause", Origin: "xinntao", Author: "xinntao", Tags: []string{}}, Default: true},
					{Model: job.Model{Name: "realesrgan-x4plus", Summary: "Photos, best", Scale: 4, Licence: "BSD-3-Clause", Origin: "xinntao", Author: "xinntao", Tags: []string{}}},
					{Model: job.Model{Name: "gfpgan", Summary: "Faces", Installed: true, Licence: "CC-BY-NC-4.0", Origin: "TencentARC, https://example.org", Author: "TencentARC", Source: "https://example.org", Tags: []string{"faces"}, NonCommercial: true, Faces: true}},
				},
				devices: []native.Device{{Kind: "cuda", Name: "NVIDIA H200", MemoryBytes: 150 << 30, FreeBytes: 100 << 30, Precision: "fp16"}},
			},
			Fetcher: fetcher{},
			CheckWebhook: func(url string) error {
				if !strings.HasPrefix(url, "https://") {
					return fault.New(fault.Invalid, "The webhook's URL must start with https://.")
				}
				return nil
			},
		},
	}
}

// routes has another API's catch-all beside it, as the real server has.
func (s *server) routes() *echo.Echo {
	host := dialecttest.Services(s.queue, s.gate)
	if s.lend != nil {
		s.lend(&host)
	}
	e := echo.New()
	e.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			c.Response().Header().Set(echo.HeaderXRequestID, "request-1")
			err := next(c)
			s.mutex.Lock()
			defer s.mutex.Unlock()
			s.logged = dialect.Recorded(c)
			return err
		}
	})
	e.Any("/api/*", func(c echo.Context) error { return c.NoContent(http.StatusTeapot) })
	native.New(host, s.config, s.parts).Routes(e)
	return e
}

func (s *server) do(r *http.Request) *httptest.ResponseRecorder { return dialecttest.Do(s.routes(), r) }

func (s *server) get(target string) *httptest.ResponseRecorder {
	return s.do(httptest.NewRequest(http.MethodGet, target, nil))
}

// send posts a JSON body.
func (s *server) send(body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, jobsPath, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	return s.do(r)
}

func with(key string, r *http.Request) *http.Request {
	r.Header.Set("Authorization", "Bearer "+key)
	return r
}

// submit puts a job into the queue, with what this API remembers of requests.
func (s *server) submit(t *testing.T, spec job.Spec) {
	t.Helper()
	if spec.API == "" {
		spec.API = "native"
	}
	spec.Memo = `{"base":"https://asked.example","width":40,"height":30,"format":"jpeg","bytes":1234}`
	if _, err := s.queue.Submit(t.Context(), spec, nil); err != nil {
		t.Fatal(err)
	}
}

var ids = regexp.MustCompile(`up_[a-z0-9]{24}`)

// golden compares status, content type and body, in which IDs are blotted out.
func golden(t *testing.T, name string, status int, got *httptest.ResponseRecorder) {
	t.Helper()
	if got.Code != status {
		t.Errorf("%s: status %d, want %d", name, got.Code, status)
	}
	want := "application/json"
	if status >= http.StatusBadRequest {
		want = "application/problem+json"
	}
	if kind := got.Header().Get("Content-Type"); kind != want {
		t.Errorf("%s: content type %q", name, kind)
	}
	dialecttest.Golden(t, name, ids.ReplaceAll(got.Body.Bytes(), []byte("<id>")))
}

func photo(t *testing.T) []byte { return dialecttest.PNG(t, 40, 30, false) }

// form posts one image.
func form(t *testing.T, fields ...dialecttest.Part) *http.Request {
	return dialecttest.Form(t, jobsPath, append(fields, dialecttest.File("file", "My photo.png", photo(t)))...)
}

func credits(n int64) *int64 { return &n }

// failure is what a job ends with.
func failure(kind fault.Kind, message string) jobtest.Outcome {
	return jobtest.Outcome{Failure: &job.Failure{Kind: kind, Message: message}}
}
