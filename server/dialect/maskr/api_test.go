package maskr_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/account"
	"upscaled/server/dialect"
	"upscaled/server/dialect/dialecttest"
	"upscaled/server/dialect/maskr"
	"upscaled/server/job"
	"upscaled/server/job/jobtest"
)

const (
	single = "/v1/services/image-upscaling"
	many   = single + "/batch"
)

// server is a fake server that tests can change.
type server struct {
	queue  *jobtest.Queue
	gate   dialecttest.Auth
	wait   time.Duration
	config maskr.Config
	// started makes every accepted job run.
	started bool
	// deaf makes every wait for a job fail.
	deaf   bool
	logged error
}

func newServer() *server {
	return &server{queue: &jobtest.Queue{Work: dialecttest.Succeed}, wait: 10 * time.Minute, config: maskr.Defaults()}
}

// running is a queue whose jobs start at once and end on demand.
type running struct{ *jobtest.Queue }

func (q running) Submit(ctx context.Context, spec job.Spec, input []byte) (job.Submitted, error) {
	submitted, err := q.Queue.Submit(ctx, spec, input)
	if err == nil {
		q.Start(spec.ID, 0.5)
	}
	return submitted, err
}

func (s *server) do(r *http.Request) *httptest.ResponseRecorder {
	host := dialecttest.Services(s.queue, s.gate)
	if s.started {
		host.Queue = running{s.queue}
	}
	if s.deaf {
		host.Queue = deaf{s.queue}
	}
	host.WaitLimit = s.wait
	e := echo.New()
	e.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			err := next(c)
			s.logged = dialect.Recorded(c)
			return err
		}
	})
	maskr.New(host, s.config).Routes(e)
	return dialecttest.Do(e, r)
}

var (
	uuids    = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`)
	jobField = regexp.MustCompile(`"job_id":"([^"]*)"`)
)

// golden compares status and body; random IDs are numbered in the order they
// first appear, so that equal ones still have to be equal.
func golden(t *testing.T, name string, status int, got *httptest.ResponseRecorder) {
	t.Helper()
	if got.Code != status {
		t.Errorf("%s: status %d, want %d", name, got.Code, status)
	}
	if kind := got.Header().Get("Content-Type"); kind != "application/json" {
		t.Errorf("%s: content type %q", name, kind)
	}
	numbers := map[string]string{}
	body := uuids.ReplaceAllStringFunc(got.Body.String(), func(id string) string {
		if numbers[id] == "" {
			numbers[id] = fmt.Sprintf("<uuid-%d>", len(numbers)+1)
		}
		return numbers[id]
	})
	dialecttest.Golden(t, name, []byte(body))
}

func photo(t *testing.T) dialecttest.Part {
	return dialecttest.File("file", "photo.jpg", dialecttest.PNG(t, 8, 6, false))
}

func fail(kind fault.Kind, message string) func(job.Spec, []byte) jobtest.Outcome {
	return func(job.Spec, []byte) jobtest.Outcome {
		return jobtest.Outcome{Failure: &job.Failure{Kind: kind, Message: message}}
	}
}

func TestSingle(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		golden string
		status int
		change func(*server)
	}{
		{"completed.json", 200, func(*server) {}},
		{"processing.json", 200, func(s *server) { s.queue.Work, s.wait = nil, 0 }},
		{"processing.json", 200, func(s *server) { s.queue.Work, s.wait, s.started = nil, 0, true }},
		{"failed.json", 200, func(s *server) { s.queue.Work = fail(fault.DeviceMemory, "The device has too little memory.") }},
		{"failed_internal.json", 200, func(s *server) { s.queue.Work = fail(fault.Internal, "segfault at 0x7f") }},
		{"canceled.json", 200, func(s *server) {
			s.queue.Work = func(job.Spec, []byte) jobtest.Outcome { return jobtest.Outcome{} }
		}},
		{"invalid_image.json", 422, func(s *server) { s.queue.Work = fail(fault.Invalid, "The file ends early.") }},
		{"unsupported_image.json", 422, func(s *server) { s.queue.Work = fail(fault.Unsupported, "Arithmetic coding.") }},
		{"resolution.json", 422, func(s *server) { s.config.MaxSide = 7 }},
		{"resolution.json", 422, func(s *server) { s.config.MaxPixels = 47 }},
		{"completed.json", 200, func(s *server) { s.config.MaxSide, s.config.MaxPixels = 8, 48 }},
	} {
		s := newServer()
		c.change(s)
		golden(t, c.golden, c.status, s.do(dialecttest.Form(t, single, photo(t))))
		if s.logged != nil {
			t.Errorf("%s: logged %v", c.golden, s.logged)
		}
	}
}

func TestFilesThatAreRefused(t *testing.T) {
	t.Parallel()
	whole := dialecttest.PNG(t, 8, 6, false)
	for _, c := range []struct {
		golden string
		parts  []dialecttest.Part
	}{
		{"no_file.json", nil},
		{"no_file.json", []dialecttest.Part{dialecttest.File("image", "photo.png", whole)}},
		{"no_file.json", []dialecttest.Part{dialecttest.Field("file", "photo.png")}},
		{"invalid_image.json", []dialecttest.Part{dialecttest.File("file", "photo.png", []byte("no picture"))}},
		{"invalid_image.json", []dialecttest.Part{dialecttest.File("file", "photo.png", nil)}},
		{"unsupported_image.json", []dialecttest.Part{dialecttest.File("file", "photo.png", gif)}},
		{"too_many_single.json", []dialecttest.Part{photo(t), photo(t), photo(t)}},
	} {
		s := newServer()
		golden(t, c.golden, 422, s.do(dialecttest.Form(t, single, c.parts...)))
		if jobs := s.queue.Jobs(); len(jobs) > 0 {
			t.Errorf("%s: %d jobs", c.golden, len(jobs))
		}
	}
	s := newServer()
	golden(t, "completed.json", 200, s.do(dialecttest.Form(t, single, dialecttest.File("stray", "a.txt", []byte("a")), photo(t))))
}

// gif is an intact image of one pixel, in a format that the vendor rejects.
var gif = []byte("GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;")

func TestBodiesThatAreNoForm(t *testing.T) {
	t.Parallel()
	post := func(kind, body string) *http.Request {
		r := httptest.NewRequest(http.MethodPost, single, strings.NewReader(body))
		r.Header.Set("Content-Type", kind)
		return r
	}
	golden(t, "no_file.json", 422, newServer().do(post("application/json", "{}")))
	golden(t, "no_file.json", 422, newServer().do(post("", "")))
	golden(t, "damaged_form.json", 422, newServer().do(post("multipart/form-data; boundary=b", "--b\r\nContent-Dispo")))
}

// zeros are a form's file of size bytes that is never held as a whole here.
func zeros(target, field string, size int64, declared bool) *http.Request {
	head := "--b\r\nContent-Disposition: form-data; name=\"" + field + "\"; filename=\"a.png\"\r\n\r\n"
	tail := "\r\n--b--\r\n"
	r := httptest.NewRequest(http.MethodPost, target, io.MultiReader(
		strings.NewReader(head), io.LimitReader(endless{}, size), strings.NewReader(tail)))
	r.Header.Set("Content-Type", "multipart/form-data; boundary=b")
	if r.ContentLength = -1; declared {
		r.ContentLength = int64(len(head)) + size + int64(len(tail))
	}
	return r
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestLargeFiles(t *testing.T) {
	t.Parallel()
	const limit = 50 << 20 // the text names the default, so it has to be met
	golden(t, "invalid_image.json", 422, newServer().do(zeros(single, "file", limit, true)))
	golden(t, "too_large.json", 413, newServer().do(zeros(single, "file", limit+1, true)))

	s := newServer()
	s.config.MaxBytes, s.config.MaxBatchBytes = 3<<19, 3<<20
	for _, declared := range []bool{true, false} {
		request := zeros(single, "file", 3<<20, declared)
		body := &counted{Reader: request.Body}
		request.Body = io.NopCloser(body)
		if got := s.do(request); got.Code != 413 || got.Body.String() != `{"detail":"File too large. Maximum size is 1.5 MB"}`+"\n" {
			t.Error(got.Code, got.Body)
		}
		if declared != (body.bytes == 0) {
			t.Errorf("length declared: %t, %d bytes read", declared, body.bytes)
		}
		golden(t, "batch_too_large.json", 413, s.do(zeros(many, "files", 3<<20, declared)))
	}
	s.config.MaxBatchBytes = 0
	golden(t, "invalid_image.json", 422, s.do(zeros(single, "file", 3<<19, true)))
}

// counted says how much of a body was read.
type counted struct {
	io.Reader
	bytes int
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.bytes += n
	return n, err
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
		for target, field := range map[string]string{single: "file", many: "files"} {
			s := newServer()
			s.queue.Refuse = func(job.Spec) error { return c.err }
			file := dialecttest.File(field, "a.png", dialecttest.PNG(t, 8, 6, false))
			got := s.do(dialecttest.Form(t, target, file, file))
			golden(t, c.golden, c.status, got)
			if retry := got.Header().Get("Retry-After"); retry != c.retry {
				t.Errorf("%s: Retry-After %q, want %q", c.golden, retry, c.retry)
			}
			if c.log == "" && s.logged != nil || c.log != "" && (s.logged == nil || s.logged.Error() != c.log) {
				t.Errorf("%s: logged %v, want %q", c.golden, s.logged, c.log)
			}
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
	request := func(method, target, header string) *http.Request {
		r := dialecttest.Form(t, target, photo(t), dialecttest.File("files", "a.png", dialecttest.PNG(t, 8, 6, false)))
		r.Method = method
		r.Header.Set("Authorization", header)
		return r
	}
	for method, target := range map[string]string{"POST": single, "post batch": many, "GET": "/v1/jobs/x"} {
		method, _, _ = strings.Cut(strings.ToUpper(method), " ")
		for _, header := range []string{"", "good", "Bearer", "Bearer bad", "Bearer off", "Basic good"} {
			got := s.do(request(method, target, header))
			golden(t, "unauthorized.json", 401, got)
			if scheme := got.Header().Get("WWW-Authenticate"); scheme != "Bearer" {
				t.Errorf("WWW-Authenticate %q", scheme)
			}
		}
		golden(t, "rate.json", 429, s.do(request(method, target, "Bearer fast")))
	}
	if jobs := s.queue.Jobs(); len(jobs) > 0 {
		t.Errorf("%d jobs without a key", len(jobs))
	}
	golden(t, "completed.json", 200, s.do(request("POST", single, "bearer good")))
	if j := s.queue.Jobs()[0]; j.Account != "a" || j.API != "maskr" || j.Price != 5 || j.InputName != "photo.jpg" {
		t.Errorf("%+v", j.Spec)
	}
}

func TestRefuseFile(t *testing.T) {
	t.Parallel()
	api := maskr.New(dialecttest.Services(&jobtest.Queue{}, dialecttest.Auth{}), maskr.Defaults())
	for _, genuine := range []bool{true, false} {
		e := echo.New()
		e.GET("/v1/files/:id", func(c echo.Context) error { return api.WriteFileError(c, genuine) })
		got := dialecttest.Do(e, httptest.NewRequest(http.MethodGet, "/v1/files/x", nil))
		status := map[bool]int{true: 404, false: 403}[genuine]
		golden(t, "file_"+strconv.Itoa(status)+".json", status, got)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"a b.png":                      "a b.png",
		strings.Repeat("x", 300):       strings.Repeat("x", 255),
		"x" + strings.Repeat("ä", 200): "x" + strings.Repeat("ä", 127),
		"y" + "\xff" + ".png":          "y.png",
	} {
		s := newServer()
		s.do(dialecttest.Form(t, single, dialecttest.File("file", given, dialecttest.PNG(t, 8, 6, false))))
		if got := s.queue.Jobs()[0].InputName; got != want {
			t.Errorf("%q became %q", given, got)
		}
	}
}

// Every golden file has to be the body of some answer.
func TestGoldenFilesAreUsed(t *testing.T) {
	t.Parallel()
	var tests []byte
	sources, _ := filepath.Glob("*_test.go")
	for _, source := range sources {
		text, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		tests = append(tests, text...)
	}
	files, _ := filepath.Glob("testdata/*.json")
	for _, file := range files {
		if name := filepath.Base(file); !strings.HasPrefix(name, "file_") && !bytes.Contains(tests, []byte(`"`+name+`"`)) {
			t.Errorf("%s belongs to no test", file)
		}
	}
}
