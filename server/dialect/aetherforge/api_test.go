package aetherforge_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/gif"
	"image/jpeg"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/HugoSmits86/nativewebp"
	"github.com/labstack/echo/v4"
	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"

	"upscaled/models/fault"
	"upscaled/server/account"
	"upscaled/server/dialect"
	"upscaled/server/dialect/aetherforge"
	"upscaled/server/dialect/dialecttest"
	"upscaled/server/job"
	"upscaled/server/job/jobtest"
)

const (
	upscale = "/public/v1/image-tune/upscale"
	jobs    = "/public/v1/job/"
)

// server is a fake server that tests can change.
type server struct {
	queue  *jobtest.Queue
	gate   dialecttest.Auth
	config aetherforge.Config
	logged error
}

func newServer() *server { return &server{queue: &jobtest.Queue{}, config: aetherforge.Defaults()} }

func (s *server) do(r *http.Request) *httptest.ResponseRecorder {
	e := echo.New()
	e.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			err := next(c)
			s.logged = dialect.Recorded(c)
			return err
		}
	})
	aetherforge.New(dialecttest.Services(s.queue, s.gate), s.config).Routes(e)
	return dialecttest.Do(e, r)
}

func (s *server) get(target string) *httptest.ResponseRecorder {
	return s.do(httptest.NewRequest(http.MethodGet, target, nil))
}

func post(t *testing.T, scale string, file []byte) *http.Request {
	return dialecttest.Form(t, upscale, dialecttest.File("image", "image.bin", file), dialecttest.Field("scale", scale))
}

func photo(t *testing.T) *http.Request { return post(t, "2K", dialecttest.PNG(t, 8, 6, false)) }

var uuids = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`)

// golden compares status and body, in which the random ID is blotted out.
func golden(t *testing.T, name string, status int, got *httptest.ResponseRecorder) {
	t.Helper()
	if got.Code != status {
		t.Errorf("%s: status %d, want %d", name, got.Code, status)
	}
	if kind := got.Header().Get("Content-Type"); kind != "application/json" {
		t.Errorf("%s: content type %q", name, kind)
	}
	dialecttest.Golden(t, name, uuids.ReplaceAll(got.Body.Bytes(), []byte("<uuid>")))
}

func TestLifeOfAJob(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.gate.Keys = map[string]job.Caller{"mine": {ID: "a"}, "other": {ID: "b"}}
	as := func(key string, r *http.Request) *httptest.ResponseRecorder {
		r.Header.Set("Authorization", "Bearer "+key)
		return s.do(r)
	}
	posted := as("mine", photo(t))
	golden(t, "accepted.json", 200, posted)
	id := uuids.FindString(posted.Body.String())
	want := job.Spec{
		ID: id, API: "aetherforge", Account: "a", Price: 1, InputName: "image.bin",
		Options: job.Options{Longest: 2048, Format: "png"},
	}
	if spec := s.queue.Jobs()[0].Spec; spec != want {
		t.Errorf("submitted %+v, want %+v", spec, want)
	}
	both := func(name string) {
		for _, prefix := range []string{jobs, "/job/"} {
			golden(t, name, 200, as("mine", httptest.NewRequest(http.MethodGet, prefix+id, nil)))
		}
	}
	both("pending.json")
	s.queue.Start(id, 0.5)
	both("pending.json")
	s.queue.Finish(id, dialecttest.Succeed(want, s.queue.Input(id)))
	both("succeed.json")
	for _, form := range []string{strings.ToUpper(id), strings.ReplaceAll(id, "-", ""), "%7B" + id + "%7D", "urn:uuid:" + id} {
		golden(t, "succeed.json", 200, as("mine", httptest.NewRequest(http.MethodGet, jobs+form, nil)))
	}
	golden(t, "job_not_found.json", 404, as("other", httptest.NewRequest(http.MethodGet, jobs+id, nil)))
}

func TestJobsThatFail(t *testing.T) {
	t.Parallel()
	const id = "550e8400-e29b-41d4-a716-446655440000"
	for _, outcome := range []jobtest.Outcome{
		{Failure: &job.Failure{Kind: fault.Invalid, Message: "The file ends early."}},
		{Failure: &job.Failure{Kind: fault.Internal, Message: "segfault"}},
		{}, // canceled
	} {
		s := newServer()
		if _, err := s.queue.Submit(t.Context(), job.Spec{ID: id, API: "aetherforge"}, nil); err != nil {
			t.Fatal(err)
		}
		s.queue.Finish(id, outcome)
		golden(t, "failed.json", 200, s.get(jobs+id))
	}
}

func TestUnknownJobs(t *testing.T) {
	t.Parallel()
	const id = "550e8400-e29b-41d4-a716-446655440000"
	s := newServer()
	golden(t, "job_not_found.json", 404, s.get(jobs+id))
	if _, err := s.queue.Submit(t.Context(), job.Spec{ID: id, API: "maskr"}, nil); err != nil {
		t.Fatal(err)
	}
	golden(t, "job_not_found.json", 404, s.get("/job/"+id)) // another API's
	for _, wrong := range []string{"x", id + "0", id[1:], "g" + id[1:], "%2e%2e%2f", "upscale_1703123456789_abc12345"} {
		for _, prefix := range []string{jobs, "/job/"} {
			golden(t, "no_uuid.json", 422, s.get(prefix+wrong))
		}
	}
}

func TestScaleAndFormatReachTheJob(t *testing.T) {
	t.Parallel()
	for scale, longest := range map[string]int{"1K": 1024, "2k": 2048, "4K": 4096, " 4k ": 4096} {
		s := newServer()
		golden(t, "accepted.json", 200, s.do(post(t, scale, dialecttest.PNG(t, 8, 6, true))))
		if got := s.queue.Jobs()[0].Options; got != (job.Options{Longest: longest, Format: "png"}) {
			t.Errorf("%s: %+v", scale, got)
		}
	}
	plain := image.NewNRGBA(image.Rect(0, 0, 3, 2))
	for i := range plain.Pix {
		plain.Pix[i] = 255
	}
	clear := image.NewNRGBA(plain.Rect)
	for _, c := range []struct {
		want   string
		encode func(io.Writer) error
	}{
		{"jpeg", func(w io.Writer) error { return jpeg.Encode(w, plain, nil) }},
		{"webp", func(w io.Writer) error { return nativewebp.Encode(w, plain, nil) }},
		{"webp", func(w io.Writer) error { return nativewebp.Encode(w, clear, nil) }},
		{"png", func(w io.Writer) error { return gif.Encode(w, plain, nil) }},
		{"png", func(w io.Writer) error { return bmp.Encode(w, plain) }},
		{"png", func(w io.Writer) error { return tiff.Encode(w, plain, nil) }},
	} {
		var file bytes.Buffer
		if err := c.encode(&file); err != nil {
			t.Fatal(err)
		}
		s := newServer()
		golden(t, "accepted.json", 200, s.do(post(t, "1K", file.Bytes())))
		if got := s.queue.Jobs()[0].Options.Format; got != c.want {
			t.Errorf("%.4q gives %s, want %s", file.Bytes(), got, c.want)
		}
	}
}

func TestBadForms(t *testing.T) {
	t.Parallel()
	file, scale := dialecttest.File("image", "a.png", dialecttest.PNG(t, 8, 6, false)), dialecttest.Field("scale", "1K")
	for _, c := range []struct {
		golden string
		status int
		parts  []dialecttest.Part
	}{
		{"no_image.json", 422, []dialecttest.Part{scale}},
		{"no_image.json", 422, []dialecttest.Part{scale, dialecttest.File("file", "a.png", file.Data)}},
		{"no_image.json", 422, []dialecttest.Part{scale, dialecttest.Field("image", "a.png")}},
		{"no_scale.json", 422, []dialecttest.Part{file}},
		{"no_scale.json", 422, []dialecttest.Part{file, dialecttest.Field("scale", "")}},
		{"bad_scale.json", 422, []dialecttest.Part{file, dialecttest.Field("scale", "8K")}},
		{"bad_scale.json", 422, []dialecttest.Part{file, dialecttest.Field("scale", "2")}},
		{"nothing.json", 422, nil},
		{"no_image_bad_scale.json", 422, []dialecttest.Part{dialecttest.Field("scale", "0K")}},
		{"no_scale.json", 422, []dialecttest.Part{dialecttest.File("image", "a.png", []byte("no picture"))}},
		{"invalid_image.json", 400, []dialecttest.Part{scale, dialecttest.File("image", "a.png", []byte("no picture"))}},
		{"invalid_image.json", 400, []dialecttest.Part{scale, dialecttest.File("image", "a.png", nil)}},
		{"invalid_image.json", 400, []dialecttest.Part{scale, dialecttest.File("image", "a.heic", []byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"))}},
		{"damaged_form.json", 400, []dialecttest.Part{scale, file, file, file}},
		{"accepted.json", 200, []dialecttest.Part{scale, dialecttest.File("stray", "a.txt", nil), file}},
	} {
		s := newServer()
		golden(t, c.golden, c.status, s.do(dialecttest.Form(t, upscale, c.parts...)))
		if (c.status == 200) != (len(s.queue.Jobs()) == 1) || s.logged != nil {
			t.Errorf("%s: %d jobs, logged %v", c.golden, len(s.queue.Jobs()), s.logged)
		}
	}
}

func TestBodiesThatAreNoForm(t *testing.T) {
	t.Parallel()
	raw := func(kind, body string) *http.Request {
		r := httptest.NewRequest(http.MethodPost, upscale, strings.NewReader(body))
		r.Header.Set("Content-Type", kind)
		return r
	}
	golden(t, "nothing.json", 422, newServer().do(raw("application/json", `{"scale":"1K"}`)))
	golden(t, "nothing.json", 422, newServer().do(raw("", "")))
	golden(t, "damaged_form.json", 400, newServer().do(raw("multipart/form-data; boundary=b", "--b\r\nContent-Dispo")))
	// A browser's form in which no file was chosen.
	golden(t, "no_image.json", 422, newServer().do(raw("multipart/form-data; boundary=b",
		"--b\r\nContent-Disposition: form-data; name=\"image\"; filename=\"\"\r\nContent-Type: application/octet-stream\r\n\r\n"+
			"\r\n--b\r\nContent-Disposition: form-data; name=\"scale\"\r\n\r\n1K\r\n--b--\r\n")))
}

// zeros are a form whose file of size bytes is never held as a whole here.
func zeros(size int64, declared bool) *http.Request {
	head := "--b\r\nContent-Disposition: form-data; name=\"scale\"\r\n\r\n1K\r\n" +
		"--b\r\nContent-Disposition: form-data; name=\"image\"; filename=\"a.png\"\r\n\r\n"
	tail := "\r\n--b--\r\n"
	r := httptest.NewRequest(http.MethodPost, upscale, io.MultiReader(
		strings.NewReader(head), io.LimitReader(endless{}, size), strings.NewReader(tail)))
	r.Header.Set("Content-Type", "multipart/form-data; boundary=b")
	if r.ContentLength = -1; declared {
		r.ContentLength = int64(len(head)) + size + int64(len(tail))
	}
	return r
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// unread is a body that must be rejected by its declared length.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) { u.t.Error("the body was read"); return 0, io.EOF }

func TestLimits(t *testing.T) {
	t.Parallel()
	const limit = 20 << 20
	golden(t, "invalid_image.json", 400, newServer().do(zeros(limit, true)))
	for _, declared := range []bool{true, false} {
		for _, size := range []int64{limit + 1, limit + 2<<20} {
			golden(t, "too_large.json", 413, newServer().do(zeros(size, declared)))
		}
	}
	declared := zeros(limit+2<<20, true)
	declared.Body = io.NopCloser(unread{t})
	golden(t, "too_large.json", 413, newServer().do(declared))
	for _, c := range []struct {
		golden string
		status int
		change func(*aetherforge.Config)
	}{
		{"accepted.json", 200, func(c *aetherforge.Config) { c.MaxSide, c.MaxPixels = 8, 48 }},
		{"too_large.json", 413, func(c *aetherforge.Config) { c.MaxSide = 7 }},
		{"too_large.json", 413, func(c *aetherforge.Config) { c.MaxPixels = 47 }},
	} {
		s := newServer()
		c.change(&s.config)
		golden(t, c.golden, c.status, s.do(photo(t)))
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		golden, retry, log string
		status             int
		err                error
	}{
		{"credits.json", "", "", 402, fault.New(fault.NoCredits, "poor")},
		{"rate.json", "90", "", 429, &account.RetryAfter{Wait: 89500 * time.Millisecond, Err: fault.New(fault.RateLimited, "slow")}},
		{"busy.json", "5", "", 503, fault.New(fault.Busy, "full")},
		{"internal.json", "", "disk /dev/sda", 500, errors.New("disk /dev/sda")},
	} {
		s := newServer()
		s.queue.Refuse = func(job.Spec) error { return c.err }
		got := s.do(photo(t))
		golden(t, c.golden, c.status, got)
		if retry := got.Header().Get("Retry-After"); retry != c.retry {
			t.Errorf("%s: Retry-After %q, want %q", c.golden, retry, c.retry)
		}
		if c.log == "" && s.logged != nil || c.log != "" && (s.logged == nil || s.logged.Error() != c.log) {
			t.Errorf("%s: logged %v, want %q", c.golden, s.logged, c.log)
		}
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.gate = dialecttest.Auth{
		Keys:   map[string]job.Caller{"good": {ID: "a"}, "off": {ID: "b"}, "fast": {ID: "c"}},
		Errors: map[string]error{"off": fault.New(fault.Disabled, "off"), "fast": fault.New(fault.RateLimited, "fast")},
	}
	for _, target := range []string{upscale, jobs + "x", "/job/x"} {
		do := func(header string) *httptest.ResponseRecorder {
			r := httptest.NewRequest(http.MethodGet, target, nil)
			if target == upscale {
				r = photo(t)
			}
			r.Header.Set("Authorization", header)
			return s.do(r)
		}
		for _, header := range []string{"", "good", "Bearer", "Bearer bad", "Basic good"} {
			got := do(header)
			golden(t, "unauthorized.json", 401, got)
			if scheme := got.Header().Get("WWW-Authenticate"); scheme != "Bearer" {
				t.Errorf("WWW-Authenticate %q", scheme)
			}
		}
		golden(t, "not_found_user.json", 404, do("Bearer off"))
		golden(t, "rate.json", 429, do("Bearer fast"))
	}
	if all := s.queue.Jobs(); len(all) > 0 {
		t.Errorf("%d jobs without a key", len(all))
	}
}

func TestClientThatLeaves(t *testing.T) {
	t.Parallel()
	s := newServer()
	ctx, leave := context.WithCancel(t.Context())
	leave()
	got := s.do(photo(t).WithContext(ctx))
	if got.Body.Len() > 0 || s.logged != nil || len(s.queue.Jobs()) > 0 {
		t.Errorf("answered %s, logged %v, %d jobs", got.Body, s.logged, len(s.queue.Jobs()))
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		strings.Repeat("x", 300):       strings.Repeat("x", 255),
		"x" + strings.Repeat("ä", 200): "x" + strings.Repeat("ä", 127),
		"y\xff.png":                    "y.png",
	} {
		s := newServer()
		s.do(dialecttest.Form(t, upscale, dialecttest.Field("scale", "1K"), dialecttest.File("image", given, dialecttest.PNG(t, 8, 6, false))))
		if got := s.queue.Jobs()[0].InputName; got != want {
			t.Errorf("%q became %q", given, got)
		}
	}
}
