package replicate_test

import (
	"context"
	"encoding/base64"
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
	"upscaled/server/dialect"
	"upscaled/server/dialect/dialecttest"
	"upscaled/server/dialect/replicate"
	"upscaled/server/job"
	"upscaled/server/job/jobtest"
)

const (
	predictions = "/v1/predictions"
	model       = "/v1/models/nightmareai/real-esrgan"
	files       = "/v1/files"
)

var errDisk = errors.New("the disk is gone")

// server is a fake server that tests can change.
type server struct {
	queue  *jobtest.Queue
	gate   job.Authenticator
	config replicate.Config
	stores replicate.Stores
	// lend, if not nil, changes the services.
	lend   func(*dialect.Services)
	logged error
	api    *replicate.API
}

func newServer() *server {
	queue := &jobtest.Queue{Now: func() time.Time { return dialecttest.Now }}
	config := replicate.Defaults()
	config.Versions = []string{"a", "abc"}
	return &server{
		queue: queue, gate: dialecttest.Auth{}, config: config,
		stores: replicate.Stores{
			Fetcher: fetcher{}, Uploads: queue, Lister: queue, CheckWebhook: func(string) error { return nil },
			WebhookSecret: func(account string) string { return "whsec_" + account },
		},
	}
}

// handler routes as the real server does: it owns the path of files and passes
// requests without a route to the dialect.
func (s *server) handler() *echo.Echo {
	host := dialecttest.Services(s.queue, s.gate)
	if s.lend != nil {
		s.lend(&host)
	}
	s.api = replicate.New(host, s.config, s.stores)
	e := echo.New()
	e.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			err := next(c)
			if found := dialect.Recorded(c); found != nil {
				s.logged = found
			}
			return err
		}
	})
	s.api.Routes(e)
	e.GET("/v1/files/:id", s.api.GetFile)
	e.PUT(predictions, func(c echo.Context) error { return s.api.WriteError(c, fault.New(fault.Unsupported, "PUT")) })
	e.RouteNotFound("/*", s.api.NotFound)
	return e
}

func (s *server) do(r *http.Request) *httptest.ResponseRecorder {
	recorder := httptest.NewRecorder()
	s.handler().ServeHTTP(recorder, r)
	return recorder
}

func (s *server) get(target string) *httptest.ResponseRecorder {
	return s.do(httptest.NewRequest(http.MethodGet, target, nil))
}

func (s *server) post(target, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, target, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return s.do(r)
}

// predict creates a prediction and returns its ID.
func (s *server) predict(t *testing.T, body string) string {
	t.Helper()
	got := s.post(predictions, body)
	if got.Code != http.StatusCreated {
		t.Fatalf("%d %s", got.Code, got.Body)
	}
	return decode[replicate.Prediction](t, got).ID
}

// fetcher returns an image for one URL.
type fetcher struct {
	picture []byte
	err     error
}

func (f fetcher) Fetch(_ context.Context, url string) ([]byte, error) {
	switch {
	case f.err != nil:
		return nil, f.err
	case url != pictureURL:
		return nil, fault.New(fault.FetchFailed, "The image URL could not be fetched.")
	}
	return f.picture, nil
}

const pictureURL = "https://pictures.example/a/cat.jpg?size=large"

func photo(t testing.TB) []byte { return dialecttest.PNG(t, 80, 60, false) }

func dataURI(data []byte) string {
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(data)
}

// order is a valid request's body with an image and further inputs.
func order(image string, more ...string) string {
	text, _ := json.Marshal(image)
	return `{"version":"42fed1c4","input":{` + strings.Join(append(more, `"image":`+string(text)), ",") + `}}`
}

func decode[T any](t *testing.T, got *httptest.ResponseRecorder) T {
	t.Helper()
	var value T
	if err := json.Unmarshal(got.Body.Bytes(), &value); err != nil {
		t.Fatalf("%v in %s", err, got.Body)
	}
	return value
}

// made matches random IDs and image data.
var made = []struct {
	form *regexp.Regexp
	name string
}{
	{regexp.MustCompile(`\b[a-z0-9]{48}\b`), "<file>"},
	{regexp.MustCompile(`\b[a-z0-9]{26}\b`), "<id>"},
	{regexp.MustCompile(`base64,[A-Za-z0-9+/=]+`), "base64,<data>"},
	{regexp.MustCompile(`cursor=[A-Za-z0-9_-]+`), "cursor=<cursor>"},
}

// golden compares status, content type and body, in which what is random is
// blotted out.
func golden(t *testing.T, name string, status int, got *httptest.ResponseRecorder) {
	t.Helper()
	if got.Code != status {
		t.Errorf("%s: status %d, want %d", name, got.Code, status)
	}
	want := "application/json"
	if status >= 400 {
		want = "application/problem+json"
	}
	if kind := got.Header().Get("Content-Type"); kind != want {
		t.Errorf("%s: content type %q", name, kind)
	}
	body := got.Body.Bytes()
	for _, m := range made {
		body = m.form.ReplaceAll(body, []byte(m.name))
	}
	dialecttest.Golden(t, name, body)
}

// finish makes an image a prediction's output.
func (s *server) finish(id string, result []byte) {
	s.queue.Finish(id, jobtest.Outcome{Picture: result, Result: &job.Result{Format: "png", Bytes: int64(len(result))}})
}
