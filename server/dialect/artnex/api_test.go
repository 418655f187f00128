package artnex_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"image"
	"image/color"
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

	"upscaled/models/fault"
	"upscaled/server/account"
	"upscaled/server/dialect"
	"upscaled/server/dialect/artnex"
	"upscaled/server/dialect/dialecttest"
	"upscaled/server/job"
	"upscaled/server/job/jobtest"
)

const target = "/v1/upscale"

// server is a fake server that tests can change.
type server struct {
	memory *jobtest.Queue
	// queue, if not nil, wraps memory.
	queue  job.Queue
	gate   dialecttest.Auth
	wait   time.Duration
	config artnex.Config
	// files are what the fetcher finds, errors what it fails with, by URL.
	files   map[string][]byte
	errors  map[string]error
	fetched []string
	logged  error
}

func newServer() *server {
	return &server{memory: &jobtest.Queue{Work: dialecttest.Succeed}, wait: 10 * time.Minute, config: artnex.Defaults()}
}

func (s *server) Fetch(_ context.Context, url string) ([]byte, error) {
	s.fetched = append(s.fetched, url)
	return s.files[url], s.errors[url]
}

func (s *server) do(r *http.Request) *httptest.ResponseRecorder {
	host := dialecttest.Services(s.memory, s.gate)
	if s.queue != nil {
		host.Queue = s.queue
	}
	host.WaitLimit = s.wait
	e := echo.New()
	e.POST(target, func(c echo.Context) error {
		err := artnex.New(host, s.config, s).Upscale(c)
		s.logged = dialect.Recorded(c)
		return err
	})
	return dialecttest.Do(e, r)
}

func post(body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, target, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	return r
}

func dataURI(file []byte) string { return "data:;base64," + base64.StdEncoding.EncodeToString(file) }

// with is a request for an image file with further fields.
func with(file []byte, fields string) *http.Request {
	return post(`{"image":"` + dataURI(file) + `"` + fields + `}`)
}

func encoded(t *testing.T, format string, alpha uint8) []byte {
	t.Helper()
	img := image.NewNRGBA(image.Rect(0, 0, 8, 6))
	for i := range 8 * 6 {
		img.SetNRGBA(i%8, i/8, color.NRGBA{200, 100, 50, alpha})
	}
	var out bytes.Buffer
	var err error
	switch format {
	case "jpeg":
		err = jpeg.Encode(&out, img, nil)
	case "webp":
		err = nativewebp.Encode(&out, img, nil)
	case "png":
		return dialecttest.PNG(t, 8, 6, alpha < 255)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func photo(t *testing.T) *http.Request { return with(dialecttest.PNG(t, 8, 6, false), "") }

var (
	requestIDs = regexp.MustCompile(`req_ups_[a-z0-9]{12}\b`)
	// names are those of results; dialect's own test has their extensions.
	names = regexp.MustCompile(`/upscaled\.(png|jpg|webp)\?`)
)

// golden compares status and body, in which the random ID is blotted out.
func golden(t *testing.T, name string, status int, got *httptest.ResponseRecorder) {
	t.Helper()
	if got.Code != status {
		t.Errorf("%s: status %d, want %d", name, got.Code, status)
	}
	if kind := got.Header().Get("Content-Type"); kind != "application/json" {
		t.Errorf("%s: content type %q", name, kind)
	}
	plain := requestIDs.ReplaceAll(got.Body.Bytes(), []byte("<request-id>"))
	dialecttest.Golden(t, name, names.ReplaceAll(plain, []byte("/<result>?")))
}

func fail(kind fault.Kind, message string) func(job.Spec, []byte) jobtest.Outcome {
	return func(job.Spec, []byte) jobtest.Outcome {
		return jobtest.Outcome{Failure: &job.Failure{Kind: kind, Message: message}}
	}
}

func TestSuccess(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.gate.Keys = map[string]job.Caller{"good": {ID: "a"}}
	r := with(dialecttest.PNG(t, 8, 6, false), `,"scale":4`)
	r.Header.Set("Authorization", "Bearer good")
	got := s.do(r)
	golden(t, "success.json", 200, got)
	var body artnex.Success
	if err := json.Unmarshal(got.Body.Bytes(), &body); err != nil {
		t.Fatal(err)
	}
	want := job.Spec{
		ID: body.RequestID, API: "artnex", Account: "a", Price: 100, Sync: true,
		Options: job.Options{Scale: 4, Format: "png"},
	}
	if spec := s.memory.Jobs()[0].Spec; spec != want {
		t.Errorf("submitted %+v, want %+v", spec, want)
	}
	if !bytes.Equal(s.memory.Input(body.RequestID), dialecttest.PNG(t, 8, 6, false)) {
		t.Error("the job has another input")
	}
	// With no keys configured any call passes, and the form is the same.
	golden(t, "success.json", 200, newServer().do(photo(t)))
}

func TestURLs(t *testing.T) {
	t.Parallel()
	const url = "https://example.com/a/photo%20one.png?key=secret"
	s := newServer()
	s.files = map[string][]byte{url: dialecttest.PNG(t, 8, 6, false)}
	golden(t, "success.json", 200, s.do(post(`{"image":" https:\/\/example.com/a/photo%20one.png?key=secret "}`)))
	if j := s.memory.Jobs()[0]; j.InputName != "photo one.png" {
		t.Errorf("named %q", j.InputName)
	}
	for url, want := range map[string]string{
		"HTTPS://example.com": "", "http://example.com/": "",
		"https://example.com/" + strings.Repeat("ä", 200): strings.Repeat("ä", 127),
	} {
		s := newServer()
		s.files = map[string][]byte{url: dialecttest.PNG(t, 8, 6, false)}
		golden(t, "success.json", 200, s.do(post(`{"image":"`+url+`"}`)))
		if name := s.memory.Jobs()[0].InputName; name != want {
			t.Errorf("%s: named %q", url, name)
		}
	}
}

func TestResultFormat(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		format string
		alpha  uint8
		want   string
	}{
		{"jpeg", 255, "jpeg"}, {"png", 255, "png"}, {"png", 9, "png"}, {"webp", 255, "webp"}, {"webp", 9, "png"},
	} {
		s := newServer()
		golden(t, "success.json", 200, s.do(with(encoded(t, c.format, c.alpha), "")))
		if got := s.memory.Jobs()[0].Options; got != (job.Options{Scale: 2, Format: c.want}) {
			t.Errorf("%s with alpha %d: %+v", c.format, c.alpha, got)
		}
	}
}

func TestBadRequests(t *testing.T) {
	t.Parallel()
	whole := dataURI(dialecttest.PNG(t, 8, 6, false))
	for _, c := range []struct {
		golden string
		status int
		body   string
	}{
		{"missing_image.json", 400, `{}`},
		{"missing_image.json", 400, `{"scale":99}`},
		{"missing_image.json", 400, `{"Image":"` + whole + `"}`},
		{"missing_image.json", 400, `{"image":null}`},
		{"missing_image.json", 400, `{"image":" "}`},
		{"not_a_reference.json", 400, `{"image":7}`},
		{"not_a_reference.json", 400, `{"image":["` + whole + `"]}`},
		{"not_a_reference.json", 400, `{"image":"ftp://example.com/a.png"}`},
		{"not_a_reference.json", 400, `{"image":"/etc/passwd"}`},
		{"not_a_reference.json", 400, `{"image":"` + strings.TrimPrefix(whole, "data:;base64,") + `"}`},
		{"no_base64.json", 400, `{"image":"data:image/png,abc"}`},
		{"damaged_base64.json", 400, `{"image":"data:image/png;base64,####"}`},
		{"corrupt.json", 400, `{"image":"data:image/png;base64,"}`},
		{"corrupt.json", 400, `{"image":"` + dataURI([]byte("no picture")) + `"}`},
		{"corrupt.json", 400, `{"image":"` + dataURI([]byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic")) + `"}`},
		{"corrupt.json", 400, `{"image":"` + dataURI(gif) + `"}`},
		{"invalid_scale.json", 400, `{"image":"` + whole + `","scale":9}`},
		{"invalid_request.json", 422, ``},
		{"invalid_request.json", 422, `{"image":`},
		{"invalid_request.json", 422, `{} {}`},
		{"invalid_request.json", 422, `null`},
		{"invalid_request.json", 422, `["image"]`},
		{"invalid_request.json", 422, `image=a`},
	} {
		s := newServer()
		golden(t, c.golden, c.status, s.do(post(c.body)))
		if len(s.memory.Jobs()) > 0 || len(s.fetched) > 0 || s.logged != nil {
			t.Errorf("%.60s: %v, fetched %v, logged %v", c.body, s.memory.Jobs(), s.fetched, s.logged)
		}
	}
}

// gif is an intact image of one pixel, in a format that the vendor rejects.
var gif = []byte("GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;")

func TestFetchFailures(t *testing.T) {
	t.Parallel()
	const url = "https://example.com/a.png"
	for _, c := range []struct {
		golden string
		status int
		err    error
	}{
		{"fetch_scheme.json", 400, fault.New(fault.Invalid, "The image URL must start with https://.")},
		{"fetch_failed.json", 400, fault.Wrap(fault.FetchFailed, errors.New("dial 10.0.0.1"), "The image URL could not be fetched.")},
		{"too_large.json", 400, fault.New(fault.TooLarge, "The image at the URL is larger than 7 bytes.")},
		{"internal.json", 500, errors.New("dial 10.0.0.1")},
	} {
		s := newServer()
		s.errors = map[string]error{url: c.err}
		golden(t, c.golden, c.status, s.do(post(`{"image":"`+url+`"}`)))
		if (c.status == 500) != (s.logged != nil) {
			t.Errorf("%s: logged %v", c.golden, s.logged)
		}
	}
	s := newServer()
	golden(t, "invalid_scale.json", 400, s.do(post(`{"image":"`+url+`","scale":0}`)))
	if len(s.fetched) > 0 {
		t.Error("fetched for a request that is refused anyway")
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	const url = "https://example.com/a.png"
	file := dialecttest.PNG(t, 8, 6, false)
	for _, c := range []struct {
		golden string
		status int
		change func(*artnex.Config)
	}{
		{"success.json", 200, func(c *artnex.Config) { c.MaxBytes = int64(len(file)) }},
		{"success.json", 200, func(c *artnex.Config) { c.MaxSide, c.MaxPixels = 8, 48 }},
		{"resolution.json", 400, func(c *artnex.Config) { c.MaxSide = 7 }},
		{"resolution.json", 400, func(c *artnex.Config) { c.MaxPixels = 47 }},
		{"small_limit.json", 400, func(c *artnex.Config) { c.MaxBytes = int64(len(file)) - 1 }},
	} {
		s := newServer()
		c.change(&s.config)
		s.files = map[string][]byte{url: file}
		golden(t, c.golden, c.status, s.do(with(file, "")))
		golden(t, c.golden, c.status, s.do(post(`{"image":"`+url+`"}`)))
	}
}

// unread is a body that must be rejected by its declared length.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) { u.t.Error("the body was read"); return 0, io.EOF }

func TestLargeBodies(t *testing.T) {
	t.Parallel()
	const limit = (10<<20)*4/3 + 64<<10
	for length, want := range map[int]string{limit: "invalid_request.json", limit + 1: "too_large.json"} {
		status := map[bool]int{true: 400, false: 422}[length > limit]
		r := httptest.NewRequest(http.MethodPost, target, io.LimitReader(spaces{}, int64(length)))
		r.ContentLength = -1
		golden(t, want, status, newServer().do(r))
	}
	s := newServer()
	s.config.MaxBytes = 3 << 19
	if got := s.do(with(make([]byte, 3<<19+1), "")); !strings.Contains(got.Body.String(), "the 1.5 MB size limit") {
		t.Error(got.Body)
	}
	r := httptest.NewRequest(http.MethodPost, target, unread{t})
	r.ContentLength = limit + 1
	golden(t, "too_large.json", 400, newServer().do(r))
	// The largest allowed file passes the body's limit and is not an image.
	golden(t, "corrupt.json", 400, newServer().do(with(make([]byte, 10<<20), "")))
	golden(t, "too_large.json", 400, newServer().do(with(make([]byte, 10<<20+1), "")))
	r = httptest.NewRequest(http.MethodPost, target, io.MultiReader(strings.NewReader(`{"image":`), brokenPipe{}))
	golden(t, "incomplete.json", 422, newServer().do(r))
}

type spaces struct{}

func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

type brokenPipe struct{}

func (brokenPipe) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

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
		s.memory.Refuse = func(job.Spec) error { return c.err }
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
	do := func(header string) *httptest.ResponseRecorder {
		r := post("no JSON, which is not looked at yet")
		r.Header.Set("Authorization", header)
		return s.do(r)
	}
	for _, header := range []string{"", "good", "Bearer", "Bearer bad", "Bearer off", "Basic good"} {
		golden(t, "unauthorized.json", 401, do(header))
	}
	golden(t, "rate.json", 429, do("Bearer fast"))
	golden(t, "invalid_request.json", 422, do("bearer good"))
}
