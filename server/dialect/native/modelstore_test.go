package native_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/dialect/dialecttest"
	"upscaled/server/dialect/native"
	"upscaled/server/job"
	"upscaled/server/job/jobtest"
)

// models is a fake store that is the server's system as well.
type models struct {
	system
	mutex     sync.Mutex
	installed map[string]bool
	// pull downloads; it returns at its end.
	pull func(ctx context.Context, progress func(done, total int64)) error
	// folder holds uploads; imported describes the latest.
	folder   string
	imported native.ModelUpload
	contents map[string]string
}

func (m *models) Models(context.Context) (all []native.Model, err error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	for _, name := range []string{"fast", "detail", "mine"} {
		if name != "mine" || m.installed[name] {
			all = append(all, native.Model{Model: job.Model{Name: name, Installed: m.installed[name], Imported: name == "mine", Tags: []string{}}})
		}
	}
	return all, nil
}

func (m *models) Pull(ctx context.Context, name string, progress func(done, total int64)) error {
	if err := m.pull(ctx, progress); err != nil {
		return err
	}
	m.set(name, true)
	return nil
}

func (m *models) set(name string, installed bool) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.installed[name] = installed
}

func (m *models) Remove(name string) error {
	m.set(name, false)
	return nil
}

func (m *models) Stage() (string, func(), error) {
	folder, err := os.MkdirTemp(m.folder, "stage")
	return folder, func() { os.RemoveAll(folder) }, err
}

func (m *models) Import(_ context.Context, u native.ModelUpload) ([]string, error) {
	m.imported, m.contents = u, map[string]string{}
	entries, _ := os.ReadDir(u.Folder)
	for _, e := range entries {
		text, _ := os.ReadFile(filepath.Join(u.Folder, e.Name()))
		m.contents[e.Name()] = string(text)
	}
	m.set("mine", true)
	return []string{"mine"}, nil
}

// storeServer returns a server whose caller is an operator.
func storeServer(t *testing.T, m *models) (*server, *echo.Echo) {
	m.installed = map[string]bool{"fast": true}
	m.folder = t.TempDir()
	s := newServer()
	s.gate = dialecttest.Auth{Keys: map[string]job.Caller{"boss": {ID: "o", Operator: true}, "shop": {ID: "s"}}}
	s.parts.System, s.parts.Models = m, m
	return s, s.routes()
}

func ask(e *echo.Echo, method, path string) *httptest.ResponseRecorder {
	return dialecttest.Do(e, with("boss", httptest.NewRequest(method, path, nil)))
}

func TestInstallModel(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		proceed := make(chan struct{})
		m := &models{pull: func(_ context.Context, progress func(done, total int64)) error {
			progress(30, 100)
			<-proceed
			return nil
		}}
		_, e := storeServer(t, m)
		golden(t, "installing.json", 202, ask(e, "POST", "/api/v1/models/Detail"))
		synctest.Wait()
		golden(t, "installing_again.json", 202, ask(e, "POST", "/api/v1/models/detail"))
		golden(t, "models_installing.json", 200, ask(e, "GET", "/api/v1/models"))
		var watched *httptest.ResponseRecorder
		var following sync.WaitGroup
		following.Go(func() { watched = ask(e, "GET", "/api/v1/models/detail/events") })
		synctest.Wait()
		close(proceed)
		following.Wait()
		dialecttest.Golden(t, "model_events.txt", watched.Body.Bytes())
		golden(t, "installed.json", 200, ask(e, "POST", "/api/v1/models/detail"))
		if got := ask(e, "DELETE", "/api/v1/models/detail"); got.Code != 204 {
			t.Errorf("remove: %d", got.Code)
		}
		golden(t, "model_removed.json", 404, ask(e, "DELETE", "/api/v1/models/detail"))
		golden(t, "model_unknown.json", 404, ask(e, "POST", "/api/v1/models/none"))
	})
}

// A failed download is shown until it is tried again; one that is ended leaves nothing,
// and so does the server's end.
func TestInstallEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &models{pull: func(context.Context, func(done, total int64)) error {
			return fault.New(fault.ModelMissing, "No source answers.")
		}}
		s, _ := storeServer(t, m)
		stopping := make(chan struct{})
		s.lend = func(services *dialect.Services) { services.Stopping = stopping }
		e := s.routes()
		ask(e, "POST", "/api/v1/models/detail")
		synctest.Wait()
		golden(t, "models_failed.json", 200, ask(e, "GET", "/api/v1/models"))
		m.pull = func(ctx context.Context, _ func(done, total int64)) error {
			<-ctx.Done()
			return ctx.Err()
		}
		for _, end := range []func(){
			func() {
				if got := ask(e, "DELETE", "/api/v1/models/detail"); got.Code != 204 {
					t.Errorf("end a download: %d", got.Code)
				}
			},
			func() { close(stopping) },
		} {
			ask(e, "POST", "/api/v1/models/detail")
			synctest.Wait()
			end()
			synctest.Wait()
			golden(t, "models_ended.json", 200, ask(e, "GET", "/api/v1/models"))
		}
	})
}

func TestModelUploads(t *testing.T) {
	t.Parallel()
	type part = dialecttest.Part
	file := func(name, text string) part { return dialecttest.File("file", name, []byte(text)) }
	for name, c := range map[string]struct {
		parts  []part
		status int
		file   string // of the upload, or the error's text
		files  []string
	}{
		"one":             {[]part{file("My Model.PTH", "a"), dialecttest.Field("name", "mine"), dialecttest.Field("scale", "4")}, 201, "My-Model.pth", []string{"My-Model.pth"}},
		"ncnn":            {[]part{file("x.bin", "a"), file("x.param", "b")}, 201, "x.param", []string{"x.bin", "x.param"}},
		"folders":         {[]part{file(`../..\..\etc/.--x.safetensors`, "a")}, 201, "x.safetensors", []string{"x.safetensors"}},
		"only dots":       {[]part{file("...", "a")}, 201, "model", []string{"model"}},
		"strangers":       {[]part{file("x.pth", "a"), file("y.pth", "b")}, 400, "one model", nil},
		"three":           {[]part{file("x.pth", "a"), file("y.pth", "b"), file("z.pth", "c")}, 400, "one model", nil},
		"data":            {[]part{file("x.onnx.data", "a"), file("x.onnx", "b")}, 201, "x.onnx", []string{"x.onnx", "x.onnx.data"}},
		"same name":       {[]part{file("x.param", "a"), file("x.param", "b")}, 400, "two files of one name", nil},
		"none":            {[]part{dialecttest.Field("name", "mine")}, 400, "one model", nil},
		"other field":     {[]part{dialecttest.File("model", "x.pth", []byte("a"))}, 400, "one model", nil},
		"unknown option":  {[]part{file("x.pth", "a"), dialecttest.Field("tile", "4")}, 400, "no option", nil},
		"scale of a word": {[]part{file("x.pth", "a"), dialecttest.Field("scale", "big")}, 400, "scale must be", nil},
	} {
		m := &models{}
		_, e := storeServer(t, m)
		got := dialecttest.Do(e, with("boss", dialecttest.Form(t, "/api/v1/models", c.parts...)))
		if got.Code != c.status {
			t.Errorf("%s: %d %s", name, got.Code, got.Body)
			continue
		}
		if c.status != 201 {
			if !strings.Contains(got.Body.String(), c.file) {
				t.Errorf("%s: %s", name, got.Body)
			}
		} else {
			var files []string
			for file := range m.contents {
				files = append(files, file)
			}
			slices.Sort(files)
			if m.imported.File != c.file || !slices.Equal(files, c.files) {
				t.Errorf("%s: %+v, %q", name, m.imported, files)
			}
			golden(t, "models_added.json", 201, got)
		}
		if left, err := os.ReadDir(m.folder); err != nil || len(left) != 0 {
			t.Errorf("%s: %d folders are left, %v", name, len(left), err)
		}
	}
	m := &models{}
	_, e := storeServer(t, m)
	for body, status := range map[string]int{"--x\r\nbroken": 400, "": 400} {
		r := httptest.NewRequest(http.MethodPost, "/api/v1/models", strings.NewReader(body))
		r.Header.Set("Content-Type", "multipart/form-data; boundary=x")
		if got := dialecttest.Do(e, with("boss", r)); got.Code != status {
			t.Errorf("%q: %d %s", body, got.Code, got.Body)
		}
	}
	golden(t, "model_form.json", 415, ask(e, "POST", "/api/v1/models"))
}

// A process without a worker has no models to change, and clients change none.
func TestModelsOfOthers(t *testing.T) {
	t.Parallel()
	m := &models{}
	s, e := storeServer(t, m)
	for _, call := range [][2]string{{"POST", "/api/v1/models/detail"}, {"DELETE", "/api/v1/models/fast"}, {"GET", "/api/v1/models/fast/events"}, {"POST", "/api/v1/models"}} {
		if got := dialecttest.Do(e, with("shop", httptest.NewRequest(call[0], call[1], nil))); got.Code != 403 {
			t.Errorf("a client, %s %s: %d", call[0], call[1], got.Code)
		}
		s.parts.Models = nil
		golden(t, "model_elsewhere.json", 422, ask(s.routes(), call[0], call[1]))
	}
	if !m.installed["fast"] {
		t.Error("a client removed a model")
	}
}

// A preview is the result itself; neither a job nor an image stays.
func TestPreview(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.parts.System = system{}
	s.config.PreviewPrice = 3
	var price int64
	s.queue.Work = func(spec job.Spec, input []byte) jobtest.Outcome {
		price = spec.Price
		return dialecttest.Succeed(spec, input)
	}
	send := func(side int, fields ...dialecttest.Part) *httptest.ResponseRecorder {
		parts := append(fields, dialecttest.File("file", "crop.png", dialecttest.PNG(t, side, 40, false)))
		return s.do(dialecttest.Form(t, "/api/v1/preview", parts...))
	}
	got := send(256, dialecttest.Field("model", "some"))
	if got.Code != 200 || !strings.HasPrefix(got.Header().Get("Content-Type"), "image/") || got.Body.Len() == 0 || price != 3 {
		t.Errorf("%d %v, %d credits", got.Code, got.Header(), price)
	}
	golden(t, "preview_large.json", 413, send(257))
	golden(t, "preview_webhook.json", 400, send(64, dialecttest.Field("webhook", "https://example.org")))
	if got := send(64, dialecttest.Field("nonsense", "1")); got.Code != 400 {
		t.Errorf("an unknown option: %d", got.Code)
	}
	s.queue.Work = func(job.Spec, []byte) jobtest.Outcome {
		return jobtest.Outcome{Failure: &job.Failure{Kind: fault.Invalid, Message: "The image is damaged."}}
	}
	golden(t, "preview_failed.json", 400, send(64))
	if all := s.queue.Jobs(); len(all) != 0 {
		t.Errorf("%d jobs stay", len(all))
	}
}

// The first request for an installed model's sample makes it; later ones get the same bytes.
func TestSamples(t *testing.T) {
	t.Parallel()
	m := &models{}
	s, _ := storeServer(t, m)
	s.parts.Samples = map[string][]byte{"photo": dialecttest.PNG(t, 96, 96, false)}
	made := 0
	s.queue.Work = func(spec job.Spec, input []byte) jobtest.Outcome {
		if made++; made == 1 {
			return jobtest.Outcome{Failure: &job.Failure{Kind: fault.Busy, Message: "Busy."}}
		}
		if spec.Account != "" || spec.Price != 0 || spec.Options.Model != "fast" || !bytes.Equal(input, s.parts.Samples["photo"]) {
			t.Errorf("%+v", spec)
		}
		return dialecttest.Succeed(spec, input)
	}
	e := s.routes()
	sample := func(name string) *httptest.ResponseRecorder {
		return dialecttest.Do(e, with("shop", httptest.NewRequest(http.MethodGet, "/api/v1/models/"+name+"/sample", nil)))
	}
	if got := sample("fast"); got.Code < 500 {
		t.Errorf("a failure: %d", got.Code)
	}
	for range 2 {
		if got := sample("fast"); got.Code != 200 || got.Header().Get("Content-Type") != "image/webp" {
			t.Errorf("%d %v", got.Code, got.Header())
		}
	}
	if made != 2 {
		t.Errorf("made %d times", made)
	}
	golden(t, "sample_missing.json", 404, sample("detail"))
	golden(t, "model_unknown.json", 404, sample("none"))
	if all := s.queue.Jobs(); len(all) != 0 {
		t.Errorf("%d jobs stay", len(all))
	}
}
