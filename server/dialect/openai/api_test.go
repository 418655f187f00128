package openai_test

import (
	"context"
	"encoding/base64"
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
	"upscaled/server/dialect/openai"
	"upscaled/server/job"
	"upscaled/server/job/jobtest"
)

const (
	target   = "/v1/images/upscale"
	imageURL = "https://example.com/a/photo.png"
)

// server is a fake server that tests can change.
type server struct {
	queue  *jobtest.Queue
	auth   dialecttest.Auth
	config openai.Config
	models []dialect.Model
	wait   time.Duration
	file   []byte // behind imageURL
	last   job.Spec
}

func newServer() *server {
	s := &server{queue: &jobtest.Queue{Work: dialecttest.Succeed}, config: openai.Defaults(), wait: time.Minute, models: []dialect.Model{{Name: "realesrgan-x4plus", Scale: 4}, {Name: "gfpgan"}}}
	s.queue.Refuse = func(spec job.Spec) error { s.last = spec; return nil }
	return s
}

func (s *server) Fetch(_ context.Context, url string) ([]byte, error) {
	if url != imageURL || s.file == nil {
		return nil, fault.New(fault.FetchFailed, "The image URL could not be fetched.")
	}
	return s.file, nil
}

func (s *server) do(r *http.Request) *httptest.ResponseRecorder {
	services := dialecttest.Services(s.queue, s.auth)
	services.WaitLimit = s.wait
	services.Models = func(context.Context) ([]dialect.Model, error) { return s.models, nil }
	api, e := openai.New(services, s.config, s), echo.New()
	api.Routes(e)
	e.RouteNotFound("/*", func(c echo.Context) error {
		return api.WriteError(c, fault.New(fault.NotFound, "There is nothing at this address."))
	})
	e.PUT(target, func(c echo.Context) error { return api.WriteError(c, fault.New(fault.Unsupported, "PUT")) })
	return dialecttest.Do(e, r)
}

func post(body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, target, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	return r
}

// with returns JSON with an image and further fields.
func with(file []byte, fields string) *http.Request {
	return post(`{"image":"` + base64.StdEncoding.EncodeToString(file) + `"` + fields + `}`)
}

func form(t *testing.T, parts ...dialecttest.Part) *http.Request {
	return dialecttest.Form(t, target, parts...)
}

func photo(t *testing.T) []byte { return dialecttest.PNG(t, 8, 6, false) }

var (
	created = regexp.MustCompile(`"created":\d{10}\b`)
	ids     = regexp.MustCompile(`/openai-[a-z0-9]{24}/`)
)

func golden(t *testing.T, name string, status int, got *httptest.ResponseRecorder) {
	t.Helper()
	if got.Code != status || got.Header().Get("Content-Type") != "application/json" {
		t.Errorf("%s: status %d, want %d; %s", name, got.Code, status, got.Header())
	}
	body := created.ReplaceAllString(got.Body.String(), `"created":1703171923`)
	body = ids.ReplaceAllString(body, "/openai-<id>/")
	dialecttest.Golden(t, name, []byte(body))
}

// Every way to send an image and to be answered.
func TestSuccess(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.file = photo(t)
	s.auth.Keys = map[string]job.Caller{"good": {ID: "a"}}
	ask := func(accept string, r *http.Request) *httptest.ResponseRecorder {
		r.Header.Set("Authorization", "Bearer good")
		r.Header.Set("Accept", accept)
		return s.do(r)
	}
	file, field := dialecttest.File("image", "photo.png", photo(t)), dialecttest.Field
	golden(t, "base64.json", 200, ask("*/*", with(photo(t), "")))
	golden(t, "base64.json", 200, ask("", post(`{"image":"`+imageURL+`"}`)))
	golden(t, "base64.json", 200, ask("", post(`{"image":"data:image/png;base64,`+base64.StdEncoding.EncodeToString(photo(t))+`"}`)))
	golden(t, "base64.json", 200, ask("application/json", form(t, file)))
	golden(t, "base64.json", 200, ask("image/png", form(t, file, field("response_format", "b64_json"))))
	golden(t, "url.json", 200, ask("", form(t, file, field("response_format", "url"))))
	golden(t, "url.json", 200, ask("", with(photo(t), `,"response_format":"url"`)))
	for _, r := range []*http.Request{form(t, file), form(t, dialecttest.File("file", "a", photo(t))), with(photo(t), `,"response_format":"image"`)} {
		if got := ask("*/*", r); got.Code != 200 || got.Body.String() != "picture" || got.Header().Get("Content-Type") != "image/png" {
			t.Errorf("%d %s %q", got.Code, got.Header(), got.Body)
		}
	}
	if got := ask("image/*", with(photo(t), "")); got.Body.String() != "picture" {
		t.Error(got.Body)
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	s := newServer()
	for fields, want := range map[string]job.Options{
		``: {Format: "png"}, `,"scale":2`: {Scale: 2, Format: "png"}, `,"scale":"2x"`: {Scale: 2, Format: "png"},
		`,"scale":"1.5","output_format":"webp"`:            {Scale: 1.5, Format: "webp"},
		`,"model":"RealESRGAN_x4plus"`:                     {Model: "realesrgan-x4plus", Format: "png"},
		`,"upscale_model":"RealESRGAN-x4plus","scale":4.0`: {Model: "realesrgan-x4plus", Scale: 4, Format: "png"},
		`,"model":null,"prompt":"sharp","n":1`:             {Format: "png"},
	} {
		if got := s.do(with(photo(t), fields)); got.Code != 200 || s.last.Options != want || s.last.API != "openai" || s.last.Price != 1 || !s.last.Sync {
			t.Errorf("%s: %d, %+v", fields, got.Code, s.last)
		}
	}
	s.models = nil // this process has none: the worker decides
	if s.do(with(photo(t), `,"model":"4x-UltraSharp"`)); s.last.Options.Model != "4x-UltraSharp" {
		t.Errorf("%+v", s.last)
	}
}

func TestBadRequests(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.config.MaxSide = 100
	s.config.MaxBytes = 1 << 16
	for _, c := range []struct {
		golden string
		status int
		r      *http.Request
	}{
		{"no_image.json", 400, post(`{}`)}, {"no_image.json", 400, post(`{"image":""}`)}, {"no_image.json", 400, post(`{"image":[]}`)}, {"no_image.json", 400, post(`{"image":7}`)}, {"no_image.json", 400, form(t, dialecttest.Field("scale", "2"))},
		{"no_object.json", 400, post(`[]`)}, {"no_object.json", 400, post(`nonsense`)},
		{"no_base64.json", 400, post(`{"image":"####"}`)},
		{"fetch.json", 400, post(`{"image":"https://example.com/other.png"}`)},
		{"damaged.json", 400, with([]byte("no image"), "")},
		{"wide.json", 400, with(dialecttest.PNG(t, 101, 6, false), "")},
		{"bytes.json", 413, with(make([]byte, 1<<16+1), "")}, {"bytes.json", 413, form(t, dialecttest.File("image", "a", make([]byte, 1<<16+1)))},
		{"scale.json", 400, with(photo(t), `,"scale":17`)}, {"scale.json", 400, with(photo(t), `,"scale":"0x2"`)}, {"scale.json", 400, with(photo(t), `,"scale":"NaN"`)},
		{"output_format.json", 400, with(photo(t), `,"output_format":"gif"`)},
		{"response_format.json", 400, with(photo(t), `,"response_format":"png"`)},
		{"model.json", 404, with(photo(t), `,"model":"dall-e-2"`)},
		{"face_model.json", 404, with(photo(t), `,"model":"gfpgan"`)},
		{"nothing.json", 404, httptest.NewRequest(http.MethodPost, "/v1/images/generations", nil)},
		{"method.json", 405, httptest.NewRequest(http.MethodPut, target, nil)},
	} {
		golden(t, c.golden, c.status, s.do(c.r))
	}
	if jobs := s.queue.Jobs(); len(jobs) > 0 {
		t.Errorf("submitted %v", jobs)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		golden string
		status int
		err    error
	}{
		{"credits.json", 402, fault.New(fault.NoCredits, "poor")}, {"rate.json", 429, fault.New(fault.RateLimited, "slow")},
		{"busy.json", 503, fault.New(fault.Busy, "full")}, {"internal.json", 500, errors.New("disk /dev/sda")},
		{"result.json", 400, fault.New(fault.TooLarge, "The result would have 7 pixels.")},
	} {
		s := newServer()
		s.queue.Refuse = func(job.Spec) error { return c.err }
		golden(t, c.golden, c.status, s.do(with(photo(t), "")))
	}
	s := newServer()
	s.auth.Keys = map[string]job.Caller{"good": {ID: "a"}}
	golden(t, "unauthorized.json", 401, s.do(with(photo(t), "")))
}

func TestJobsThatFail(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		kind   fault.Kind
	}{
		"damaged.json": {400, fault.Invalid}, "too_large.json": {400, fault.TooLarge}, "internal.json": {500, fault.DeviceMemory}, "model.json": {404, fault.ModelMissing},
	} {
		s := newServer()
		s.models = nil
		s.queue.Work = func(job.Spec, []byte) jobtest.Outcome {
			return jobtest.Outcome{Failure: &job.Failure{Kind: c.kind, Message: "--flag"}}
		}
		golden(t, name, c.status, s.do(with(photo(t), `,"model":"dall-e-2"`)))
	}
	s := newServer()
	s.queue.Work, s.wait = nil, time.Millisecond
	golden(t, "busy.json", 503, s.do(with(photo(t), "")))
	if j := s.queue.Jobs()[0]; j.State != job.Canceled {
		t.Errorf("a job that nobody waits for is %s", j.State)
	}
}

func TestClientThatLeaves(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.queue.Work = nil
	ctx, leave := context.WithCancel(t.Context())
	s.queue.Refuse = func(job.Spec) error { leave(); return nil }
	if got := s.do(with(photo(t), "").WithContext(ctx)); got.Body.Len() > 0 {
		t.Errorf("answered %s", got.Body)
	}
	if j := s.queue.Jobs()[0]; j.State != job.Canceled {
		t.Errorf("the job is %s", j.State)
	}
}
