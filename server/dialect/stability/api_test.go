package stability_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/account"
	"upscaled/server/dialect/dialecttest"
	"upscaled/server/dialect/stability"
	"upscaled/server/job"
	"upscaled/server/job/jobtest"
)

const (
	fast   = "/v2beta/stable-image/upscale/fast"
	esrgan = "/v1/generation/esrgan-v1-x2plus/image-to-image/upscale"
)

// server is a fake server that tests can change.
type server struct {
	queue  *jobtest.Queue
	auth   dialecttest.Auth
	config stability.Config
	wait   time.Duration
}

func newServer() *server {
	return &server{queue: &jobtest.Queue{Work: dialecttest.Succeed}, config: stability.Defaults(), wait: time.Minute}
}

func (s *server) do(r *http.Request) *httptest.ResponseRecorder {
	services := dialecttest.Services(s.queue, s.auth)
	services.WaitLimit = s.wait
	api, e := stability.New(services, s.config), echo.New()
	e.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			c.Response().Header().Set("X-Request-Id", "request-1")
			return next(c)
		}
	})
	api.Routes(e)
	e.RouteNotFound("/*", func(c echo.Context) error {
		return api.WriteError(c, fault.New(fault.NotFound, "There is nothing at this address."))
	})
	e.PUT(fast, func(c echo.Context) error { return api.WriteError(c, fault.New(fault.Unsupported, "PUT")) })
	return dialecttest.Do(e, r)
}

func post(t *testing.T, target, accept string, parts ...dialecttest.Part) *http.Request {
	r := dialecttest.Form(t, target, parts...)
	r.Header.Set("Accept", accept)
	return r
}

func photo(t *testing.T) dialecttest.Part {
	return dialecttest.File("image", "a.png", dialecttest.PNG(t, 40, 36, false))
}

func golden(t *testing.T, name string, status int, got *httptest.ResponseRecorder) {
	t.Helper()
	if got.Code != status || got.Header().Get("Content-Type") != "application/json" {
		t.Errorf("%s: status %d, want %d; %s", name, got.Code, status, got.Header())
	}
	dialecttest.Golden(t, name, got.Body.Bytes())
}

// The four forms of a success: two versions, raw and in JSON.
func TestSuccess(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.auth.Keys = map[string]job.Caller{"good": {ID: "a"}}
	var last job.Spec
	s.queue.Refuse = func(spec job.Spec) error { last = spec; return nil }
	ask := func(want job.Options, target, accept string, fields ...dialecttest.Part) *httptest.ResponseRecorder {
		r := post(t, target, accept, append(fields, photo(t))...)
		r.Header.Set("Authorization", "Bearer good")
		got := s.do(r)
		if last.Options != want || last.API != "stability" || last.Account != "a" || last.Price != 2 || !last.Sync || !strings.HasPrefix(last.ID, "stability-") {
			t.Errorf("%s %v: %+v", target, fields, last)
		}
		return got
	}
	four, two := job.Options{Scale: 4, Format: "png"}, job.Options{Scale: 2, Format: "png"}
	golden(t, "fast.json", 200, ask(four, fast, "application/json"))
	golden(t, "esrgan.json", 200, ask(two, esrgan, "application/json"))
	golden(t, "esrgan.json", 200, ask(two, esrgan, "*/*"))
	for _, got := range []*httptest.ResponseRecorder{ask(four, fast, "*/*"), ask(two, esrgan, "image/png")} {
		header := got.Header()
		if got.Code != 200 || got.Body.String() != "picture" || header.Get("Content-Type") != "image/png" || header.Get("Content-Length") != "7" ||
			header.Get("Finish-Reason") != "SUCCESS" || header.Get("Seed") != "0" {
			t.Errorf("%d %s %q", got.Code, header, got.Body)
		}
	}
	ask(job.Options{Scale: 4, Format: "webp"}, fast, "image/*", dialecttest.Field("output_format", "webp"))
	ask(job.Options{Width: 1024, Format: "png"}, esrgan, "image/png", dialecttest.Field("width", "1024"))
	ask(job.Options{Height: 512, Format: "png"}, esrgan, "image/png", dialecttest.Field("height", "512"))
}

func TestBadRequests(t *testing.T) {
	t.Parallel()
	s := newServer()
	field := dialecttest.Field
	file := func(data []byte) dialecttest.Part { return dialecttest.File("image", "a", data) }
	for _, c := range []struct {
		golden, target string
		status         int
		parts          []dialecttest.Part
	}{
		{"no_image.json", fast, 400, []dialecttest.Part{field("output_format", "png")}},
		{"no_image_v1.json", esrgan, 400, []dialecttest.Part{field("width", "1024")}},
		{"format.json", fast, 400, []dialecttest.Part{photo(t), field("output_format", "gif")}},
		{"damaged.json", fast, 400, []dialecttest.Part{file([]byte("no image"))}},
		{"type.json", esrgan, 400, []dialecttest.Part{file([]byte("GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"))}},
		{"small.json", fast, 400, []dialecttest.Part{file(dialecttest.PNG(t, 40, 31, false))}},
		{"wide.json", fast, 400, []dialecttest.Part{file(dialecttest.PNG(t, 1537, 40, false))}},
		{"pixels.json", esrgan, 400, []dialecttest.Part{file(dialecttest.PNG(t, 1025, 1024, false))}},
		{"both.json", esrgan, 400, []dialecttest.Part{photo(t), field("width", "1024"), field("height", "1024")}},
		{"width.json", esrgan, 400, []dialecttest.Part{photo(t), field("width", "511")}},
		{"width.json", esrgan, 400, []dialecttest.Part{photo(t), field("height", "tall")}},
		{"bytes.json", fast, 413, []dialecttest.Part{file(make([]byte, 10<<20+1))}},
		{"engine.json", "/v1/generation/stable-diffusion-x4-latent-upscaler/image-to-image/upscale", 404, []dialecttest.Part{photo(t)}},
		{"nothing.json", "/v2beta/stable-image/upscale/creative", 404, []dialecttest.Part{photo(t)}},
	} {
		golden(t, c.golden, c.status, s.do(post(t, c.target, "image/*", c.parts...)))
	}
	r := httptest.NewRequest(http.MethodPost, fast, strings.NewReader("{}"))
	golden(t, "no_form.json", 400, s.do(r))
	golden(t, "method.json", 405, s.do(httptest.NewRequest(http.MethodPut, fast, nil)))
	if jobs := s.queue.Jobs(); len(jobs) > 0 {
		t.Errorf("submitted %v", jobs)
	}
	if got := s.do(post(t, esrgan, "image/png", dialecttest.File("image", "a", dialecttest.PNG(t, 2000, 40, false)))); got.Code != 200 {
		t.Errorf("v1 has no limit of sides: %d %s", got.Code, got.Body)
	}
}

// TestPixelCount asks v1 for results around its limit.
func TestPixelCount(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.config.MaxOutputPixels = 600 * 540
	image := dialecttest.File("image", "a", dialecttest.PNG(t, 40, 36, false))
	for width, status := range map[string]int{"600": 200, "601": 400} {
		if got := s.do(post(t, esrgan, "image/png", image, dialecttest.Field("width", width))); got.Code != status {
			t.Errorf("%s: %d %s", width, got.Code, got.Body)
		}
	}
	golden(t, "output.json", 400, s.do(post(t, esrgan, "image/png", image, dialecttest.Field("height", "1000"))))
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		golden, retry string
		status        int
		err           error
	}{
		{"credits.json", "", 402, fault.New(fault.NoCredits, "poor")},
		{"rate.json", "90", 429, &account.RetryAfter{Wait: 89500 * time.Millisecond, Err: fault.New(fault.RateLimited, "slow")}},
		{"busy.json", "5", 503, fault.New(fault.Busy, "full")},
		{"internal.json", "", 500, errors.New("disk /dev/sda")},
		{"result.json", "", 400, fault.New(fault.TooLarge, "The result would have 7 pixels.")},
	} {
		s := newServer()
		s.queue.Refuse = func(job.Spec) error { return c.err }
		got := s.do(post(t, fast, "image/*", photo(t)))
		golden(t, c.golden, c.status, got)
		if retry := got.Header().Get("Retry-After"); retry != c.retry {
			t.Errorf("%s: Retry-After %q", c.golden, retry)
		}
	}
	s := newServer()
	s.auth = dialecttest.Auth{
		Keys: map[string]job.Caller{"off": {ID: "b"}}, Errors: map[string]error{"off": fault.New(fault.Disabled, "off")},
	}
	golden(t, "unauthorized.json", 401, s.do(post(t, fast, "image/*")))
	golden(t, "unauthorized_v1.json", 401, s.do(post(t, esrgan, "image/png")))
	r := post(t, fast, "image/*", photo(t))
	r.Header.Set("Authorization", "Bearer off")
	golden(t, "disabled.json", 403, s.do(r))
}

func TestJobsThatFail(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status  int
		failure *job.Failure
	}{
		"damaged.json": {400, &job.Failure{Kind: fault.Invalid, Message: "The file ends early."}}, "too_large.json": {400, &job.Failure{Kind: fault.TooLarge, Message: "--max-pixels"}},
		"internal.json": {500, &job.Failure{Kind: fault.DeviceMemory, Message: "card 7"}},
	} {
		s := newServer()
		s.queue.Work = func(job.Spec, []byte) jobtest.Outcome { return jobtest.Outcome{Failure: c.failure} }
		golden(t, name, c.status, s.do(post(t, fast, "image/*", photo(t))))
	}
	s := newServer()
	s.queue.Work, s.wait = nil, time.Millisecond
	golden(t, "busy.json", 503, s.do(post(t, fast, "image/*", photo(t))))
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
	if got := s.do(post(t, fast, "image/*", photo(t)).WithContext(ctx)); got.Body.Len() > 0 {
		t.Errorf("answered %s", got.Body)
	}
	if j := s.queue.Jobs()[0]; j.State != job.Canceled {
		t.Errorf("the job is %s", j.State)
	}
}

func TestBalance(t *testing.T) {
	t.Parallel()
	s, credits := newServer(), int64(7)
	golden(t, "balance_unlimited.json", 200, s.do(httptest.NewRequest(http.MethodGet, "/v1/user/balance", nil)))
	s.auth.Keys = map[string]job.Caller{"mine": {ID: "a", Credits: &credits}}
	r := httptest.NewRequest(http.MethodGet, "/v1/user/balance", nil)
	r.Header.Set("Authorization", "Bearer mine")
	golden(t, "balance.json", 200, s.do(r))
	golden(t, "unauthorized_v1.json", 401, s.do(httptest.NewRequest(http.MethodGet, "/v1/user/balance", nil)))
}
