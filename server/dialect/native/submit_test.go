package native_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"upscaled/models/fault"
	"upscaled/server/account"
	"upscaled/server/dialect"
	"upscaled/server/dialect/dialecttest"
	"upscaled/server/dialect/native"
	"upscaled/server/job"
)

func TestSubmission(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.gate = dialecttest.Auth{Keys: map[string]job.Caller{"k": {ID: "a", Credits: credits(9)}}}
	s.config.Price = 3
	got := s.do(with("k", form(t, dialecttest.Field("scale", "2"), dialecttest.Field("webhook", "https://me.example/hook"), dialecttest.Field("webhook_started", "on"))))
	golden(t, "accepted.json", 202, got)
	j := s.queue.Jobs()[0]
	if location := got.Header().Get("Location"); location != "https://upscaled.example/api/v1/jobs/"+j.ID {
		t.Errorf("Location %q", location)
	}
	if !bytes.Equal(s.queue.Input(j.ID), photo(t)) {
		t.Error("the job has other bytes than the form")
	}
	if !native.IsID(j.ID) {
		t.Errorf("ID %q", j.ID)
	}
	want := job.Spec{
		ID: j.ID, API: "native", Account: "a", Price: 3, InputName: "My photo.png", Options: job.Options{Scale: 2},
		Webhook: &job.Webhook{URL: "https://me.example/hook", Started: true}, Memo: j.Memo,
	}
	if !reflect.DeepEqual(j.Spec, want) {
		t.Errorf("submitted %+v, want %+v", j.Spec, want)
	}
}

func TestJSONSubmissions(t *testing.T) {
	t.Parallel()
	const address = "https://pictures.example/a/b%20c.png?size=3"
	uri := "data:image/png;base64," + base64.StdEncoding.EncodeToString(photo(t))
	hook := &job.Webhook{URL: "https://me.example/hook"}
	for body, want := range map[string]struct {
		name string
		hook *job.Webhook
	}{
		`{"url":"` + address + `"}`:                                                 {"b c.png", nil},
		`{"url":"` + address + `","data_uri":null,"webhook":null}`:                  {"b c.png", nil},
		`{"data_uri":"` + uri + `"}`:                                                {"", nil},
		`{"data_uri":"` + uri + `","name":"x.png"}`:                                 {"x.png", nil},
		`{"url":"` + address + `","name":"y","webhook":{"url":"` + hook.URL + `"}}`: {"y", hook},
	} {
		s := newServer()
		s.parts.Fetcher = fetcher{address: photo(t)}
		got := s.send(body)
		if got.Code != 202 {
			t.Errorf("%.60s: %d %s", body, got.Code, got.Body)
			continue
		}
		j := s.queue.Jobs()[0]
		if j.InputName != want.name || !reflect.DeepEqual(j.Webhook, want.hook) || !bytes.Equal(s.queue.Input(j.ID), photo(t)) {
			t.Errorf("%.60s: %+v", body, j.Spec)
		}
	}
}

func TestSeveralFiles(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.config.MaxBytes = 10_000
	s.queue.Refuse = func(spec job.Spec) error {
		if spec.InputName == "third.png" {
			return fault.New(fault.NoCredits, "The account has no credits left.")
		}
		return nil
	}
	golden(t, "several.json", 202, s.do(dialecttest.Form(t, jobsPath,
		dialecttest.File("file", "first.png", photo(t)), dialecttest.File("file", "second.txt", []byte("no picture")),
		dialecttest.File("file", "third.png", photo(t)), dialecttest.File("file", "fourth.png", make([]byte, 10_001)),
		dialecttest.Field("longest", "4096"), dialecttest.Field("format", "WebP"))))
	if all := s.queue.Jobs(); len(all) != 1 || all[0].Options != (job.Options{Longest: 4096, Format: "webp"}) {
		t.Errorf("%+v", all)
	}
	s.queue.Refuse = func(job.Spec) error { return errDisk }
	golden(t, "several_defects.json", 202, s.do(dialecttest.Form(t, jobsPath,
		dialecttest.File("file", "a.png", photo(t)), dialecttest.File("file", "b.png", photo(t)))))
	if !errors.Is(s.logged, errDisk) {
		t.Errorf("logged %v", s.logged)
	}
}

func TestWaiting(t *testing.T) {
	t.Parallel()
	waiting := func(s *server, prefer string) *httptest.ResponseRecorder {
		r := form(t)
		if prefer != "" {
			r.Header.Set("Prefer", prefer)
		}
		return s.do(r)
	}
	s := newServer()
	s.queue.Work = dialecttest.Succeed
	got := waiting(s, "wait=7")
	golden(t, "succeeded_waited.json", 200, got)
	if applied := got.Header().Get("Preference-Applied"); applied != "wait=7" {
		t.Errorf("Preference-Applied %q", applied)
	}
	for prefer, applied := range map[string]string{
		"": "", "respond-async": "", "wait=-1": "", "wait=x": "", "wait=60": "wait=10", "wait": "wait=10",
		"respond-async, Wait=\"3\"": "wait=3",
	} {
		got := waiting(s, prefer)
		if (got.Code == 200) != (applied != "") || got.Header().Get("Preference-Applied") != applied {
			t.Errorf("%q: %d, applied %q", prefer, got.Code, got.Header().Get("Preference-Applied"))
		}
	}
	late := newServer() // whose jobs stay queued
	golden(t, "accepted_waited.json", 202, waiting(late, "wait=0"))
	stopped := make(chan struct{})
	close(stopped)
	late.lend = func(h *dialect.Services) { h.Stopping, h.WaitLimit = stopped, time.Hour }
	golden(t, "accepted_waited.json", 202, waiting(late, "wait"))
	for _, j := range late.queue.Jobs() {
		if j.State != job.Queued {
			t.Errorf("a wait that ended left the job %q", j.State)
		}
	}
}

func TestRefusedRequests(t *testing.T) {
	t.Parallel()
	raw := func(kind, body string) *http.Request {
		r := httptest.NewRequest(http.MethodPost, jobsPath, strings.NewReader(body))
		r.Header.Set("Content-Type", kind)
		return r
	}
	object := func(body string) *http.Request { return raw("application/json", body) }
	file := func(field, name string, data []byte) *http.Request {
		return dialecttest.Form(t, jobsPath, dialecttest.File(field, name, data))
	}
	small := func(s *server) { s.config.MaxBytes = 1000 }
	for _, c := range []struct {
		golden string
		status int
		r      *http.Request
		change func(*server)
	}{
		{"body_type.json", 415, raw("text/plain", "x"), nil},
		{"body_type.json", 415, raw("", ""), nil},
		{"damaged_form.json", 400, raw("multipart/form-data; boundary=b", "--b\r\nContent-Dispo"), nil},
		{"no_file.json", 400, dialecttest.Form(t, jobsPath, dialecttest.Field("scale", "2")), nil},
		{"file_field.json", 400, file("image", "a.png", photo(t)), nil},
		{"option.json", 400, form(t, dialecttest.Field("sclae", "2")), nil},
		{"empty_file.json", 400, file("file", "a.png", nil), nil},
		{"no_picture.json", 400, file("file", "a.png", []byte("hello, world")), nil},
		{"too_large.json", 413, file("file", "a.png", make([]byte, 1001)), small},
		{"too_many_files.json", 413, dialecttest.Form(t, jobsPath, dialecttest.File("file", "a", nil), dialecttest.File("file", "b", nil)),
			func(s *server) { s.config.MaxFiles = 1 }},
		{"side.json", 413, form(t), func(s *server) { s.config.MaxSide = 39 }},
		{"pixels.json", 413, form(t), func(s *server) { s.config.MaxPixels = 1199 }},
		{"webhook.json", 400, form(t, dialecttest.Field("webhook", "http://me.example/")), nil},
		{"webhook_none.json", 422, form(t, dialecttest.Field("webhook", "https://me.example/")), func(s *server) { s.parts.CheckWebhook = nil }},
		{"webhook_url.json", 400, form(t, dialecttest.Field("webhook_started", "true")), nil},
		{"webhook_option.json", 400, object(`{"url":"https://a.example/","webhook":{"adress":"x"}}`), nil},
		{"webhook_object.json", 400, object(`{"url":"https://a.example/","webhook":"https://me.example/"}`), nil},
		{"no_object.json", 400, object(`null`), nil},
		{"no_object.json", 400, object(`{"url":`), nil},
		{"no_url.json", 400, object(`{}`), nil},
		{"no_url.json", 400, object(`{"url":"https://a.example/","data_uri":"data:,"}`), nil},
		{"data_uri.json", 400, object(`{"data_uri":"data:image/png,abc"}`), nil},
		{"not_fetched.json", 422, object(`{"url":"https://a.example/"}`), nil},
		{"no_fetching.json", 422, object(`{"url":"https://a.example/"}`), func(s *server) { s.parts.Fetcher = nil }},
		{"data_too_large.json", 413, object(`{"data_uri":"data:image/png;base64,` + strings.Repeat("A", 1600) + `"}`), small},
		{"request_too_large.json", 413, object(`{"data_uri":"` + strings.Repeat("A", 2<<20) + `"}`), small},
		{"model.json", 400, form(t, dialecttest.Field("model", "nosuch")), nil},
		{"model_faces.json", 400, form(t, dialecttest.Field("model", "gfpgan")), nil},
		{"model_denoise.json", 400, form(t, dialecttest.Field("model", "realesrgan-x4plus"), dialecttest.Field("denoise", "0.5")), nil},
		{"faces_missing.json", 422, form(t, dialecttest.Field("face_enhance", "true")), func(s *server) {
			s.lend = func(h *dialect.Services) {
				h.Faces = func(context.Context) error {
					return fault.New(fault.ModelMissing, "No face restorer is installed: import one.")
				}
			}
		}},
		{"internal.json", 500, form(t, dialecttest.Field("denoise", "1")), func(s *server) { s.parts.System = system{err: errDisk} }},
	} {
		s := newServer()
		if c.change != nil {
			c.change(s)
		}
		golden(t, c.golden, c.status, s.do(c.r))
		if all := s.queue.Jobs(); len(all) > 0 {
			t.Errorf("%s: a job was made", c.golden)
		}
	}
}

// A body of unknown length is cut at the limit.
func TestUndeclaredLength(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.config.MaxBytes = 1000
	r := httptest.NewRequest(http.MethodPost, jobsPath, strings.NewReader(`{"data_uri":"`+strings.Repeat("A", 2<<20)+`"}`))
	r.Header.Set("Content-Type", "application/json")
	r.ContentLength = -1
	golden(t, "request_too_large.json", 413, s.do(r))
}

// torn is a body that ends early.
type torn struct{}

func (torn) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestTornBody(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest(http.MethodPost, jobsPath, torn{})
	r.Header.Set("Content-Type", "application/json")
	golden(t, "torn.json", 400, newServer().do(r))
}

// A URL without a last path element yields no name.
func TestNamelessURL(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"https://a.example/", "https://a.example", "https://a.example/%zz"} {
		s := newServer()
		s.parts.Fetcher = fetcher{url: photo(t)}
		if got := s.send(`{"url":"` + url + `"}`); got.Code != 202 || s.queue.Jobs()[0].InputName != "" {
			t.Errorf("%s: %d %s", url, got.Code, got.Body)
		}
	}
}

func TestRefusedSubmissions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		golden, retry string
		status        int
		err, logged   error
	}{
		{"no_credits.json", "", 402, fault.New(fault.NoCredits, "The account has no credits left."), nil},
		{"rate_limited.json", "90", 429, &account.RetryAfter{Wait: 89500 * time.Millisecond, Err: fault.New(fault.RateLimited, "Too many requests.")}, nil},
		{"busy.json", "5", 503, fault.New(fault.Busy, "The server is busy."), nil},
		{"internal.json", "", 500, errDisk, errDisk},
		{"internal.json", "", 500, context.DeadlineExceeded, context.DeadlineExceeded}, // the store's, not the client's
	} {
		s := newServer()
		s.queue.Refuse = func(job.Spec) error { return c.err }
		got := s.do(form(t))
		golden(t, c.golden, c.status, got)
		if retry := got.Header().Get("Retry-After"); retry != c.retry {
			t.Errorf("%s: Retry-After %q, want %q", c.golden, retry, c.retry)
		}
		if !errors.Is(s.logged, c.logged) {
			t.Errorf("%s: logged %v, want %v", c.golden, s.logged, c.logged)
		}
	}
}

func TestClientThatLeaves(t *testing.T) {
	t.Parallel()
	ctx, leave := context.WithCancel(t.Context())
	leave()
	two := dialecttest.Form(t, jobsPath, dialecttest.File("file", "a.png", photo(t)), dialecttest.File("file", "b.png", photo(t)))
	for _, r := range []*http.Request{form(t), two} {
		s := newServer()
		got := s.do(r.WithContext(ctx))
		if got.Body.Len() > 0 || s.logged != nil || len(s.queue.Jobs()) > 0 {
			t.Errorf("answered %s, logged %v, %d jobs", got.Body, s.logged, len(s.queue.Jobs()))
		}
	}
}

// Case, '-', '_', '.' and spaces in model names do not matter.
func TestSpellingsOfModels(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"RealESR-General-X4V3", "realesr_general x4.v3"} {
		if got := newServer().do(form(t, dialecttest.Field("model", name), dialecttest.Field("denoise", "0.5"))); got.Code != 202 {
			t.Errorf("%s: %d %s", name, got.Code, got.Body)
		}
	}
}

// A mix stands for a model; every part is checked.
func TestMixes(t *testing.T) {
	t.Parallel()
	for mix, code := range map[string]int{
		"RealESRGAN x4plus=0.3,realesr-general-x4v3=0.7": 202,
		"realesrgan-x4plus=0.3,realesr-general-x4v3=0.6": 400,
		"realesrgan-x4plus=0.3,nobody=0.7":               400,
		"realesrgan-x4plus=0.3,gfpgan=0.7":               400,
	} {
		if got := newServer().do(form(t, dialecttest.Field("model", mix))); got.Code != code {
			t.Errorf("%s: %d %s", mix, got.Code, got.Body)
		}
	}
	denoised := form(t, dialecttest.Field("model", "realesrgan-x4plus=0.3,realesr-general-x4v3=0.7"), dialecttest.Field("denoise", "0.5"))
	if got := newServer().do(denoised); got.Code != 400 {
		t.Errorf("a mix denoises: %d %s", got.Code, got.Body)
	}
}

// Models that this process cannot know are left to the worker.
func TestUnknownModelsPass(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.parts.System = system{}
	if got := s.do(form(t, dialecttest.Field("model", "mine"), dialecttest.Field("denoise", "0"))); got.Code != 202 {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	s.parts.System = system{models: []native.Model{{Model: job.Model{Name: "other"}}}}
	if got := s.do(form(t, dialecttest.Field("denoise", "0"))); got.Code != 202 {
		t.Errorf("%d %s", got.Code, got.Body)
	}
}

// Whatever a client calls its file, the name is bounded and valid text.
func TestNames(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{strings.Repeat("x", 300): strings.Repeat("x", 255), "y\xff.png": "y.png"} {
		s := newServer()
		got := s.do(dialecttest.Form(t, jobsPath, dialecttest.File("file", given, photo(t))))
		var answer native.Job
		if err := json.Unmarshal(got.Body.Bytes(), &answer); err != nil || answer.Name != want {
			t.Errorf("%.10q became %.10q, %v", given, answer.Name, err)
		}
	}
}
