package replicate_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"upscaled/server/dialect"
	"upscaled/server/dialect/dialecttest"
	"upscaled/server/dialect/replicate"
	"upscaled/server/job"
)

// broken is a store that fails in every way.
type broken struct{ job.Queue }

func (broken) Get(context.Context, string) (job.Job, error) { return job.Job{}, errDisk }
func (broken) Upload(context.Context, string) (job.Upload, error) {
	return job.Upload{}, errDisk
}
func (broken) ReadUpload(context.Context, string) ([]byte, error) { return nil, errDisk }
func (broken) ListUploads(context.Context, job.Page) ([]job.Upload, string, error) {
	return nil, "", errDisk
}
func (broken) DeleteUpload(context.Context, string) error { return errDisk }
func (broken) Validate(context.Context, []byte) (job.InputInfo, error) {
	return job.InputInfo{}, errDisk
}
func (broken) PutUpload(context.Context, job.Upload, []byte) (job.Upload, error) {
	return job.Upload{}, errDisk
}
func (broken) List(context.Context, job.Page) ([]job.Job, string, error) { return nil, "", errDisk }

// unopened is a queue whose results cannot be opened, uncanceled one whose
// jobs cannot be stopped, and unread one whose results break off.
type unopened struct{ job.Queue }

func (unopened) Open(context.Context, string) (io.ReadSeekCloser, job.Job, error) {
	return nil, job.Job{}, errDisk
}

type uncanceled struct{ job.Queue }

func (uncanceled) Cancel(context.Context, string) error { return errDisk }

type unread struct{ job.Queue }

func (unread) Open(context.Context, string) (io.ReadSeekCloser, job.Job, error) {
	return breaking{strings.NewReader("")}, job.Job{}, nil
}

type breaking struct{ io.ReadSeeker }

func (breaking) Read([]byte) (int, error) { return 0, errDisk }
func (breaking) Close() error             { return nil }

// Internal errors are logged and never shown.
func TestDefects(t *testing.T) {
	t.Parallel()
	queue := func(change func(job.Queue) job.Queue) func(*server) {
		return func(s *server) {
			s.config.DataURIBelow = 1 << 20
			s.lend = func(h *dialect.Services) {
				h.Queue, h.BaseURL = change(h.Queue), func(*http.Request) string { return "http://upscaled.example" }
			}
		}
	}
	for name, c := range map[string]struct {
		method, path string
		change       func(*server)
	}{
		"get":      {http.MethodGet, predictions + "/ID", queue(func(q job.Queue) job.Queue { return broken{q} })},
		"cancel":   {http.MethodPost, predictions + "/ID/cancel", queue(func(q job.Queue) job.Queue { return uncanceled{q} })},
		"inline":   {http.MethodGet, predictions + "/ID", queue(func(q job.Queue) job.Queue { return unopened{q} })},
		"read":     {http.MethodGet, predictions + "/ID", queue(func(q job.Queue) job.Queue { return unread{q} })},
		"list":     {http.MethodGet, predictions, func(s *server) { s.stores.Lister = broken{} }},
		"files":    {http.MethodGet, files, func(s *server) { s.stores.Uploads = broken{} }},
		"get file": {http.MethodGet, files + "/FILE", func(s *server) { s.stores.Uploads = broken{} }},
		"delete":   {http.MethodDelete, files + "/FILE", func(s *server) { s.stores.Uploads = broken{} }},
		"upload":   {http.MethodPost, files, func(s *server) { s.stores.Uploads = broken{} }},
		"file":     {http.MethodPost, predictions, func(s *server) { s.stores.Uploads = broken{} }},
		"prober":   {http.MethodPost, predictions, func(s *server) { s.lend = func(h *dialect.Services) { h.Validator = broken{} } }},
	} {
		s := newServer()
		s.queue.Work = dialecttest.Succeed
		id := s.predict(t, order(dataURI(photo(t))))
		file := strings.TrimPrefix(s.store(t, "cat.png", photo(t), ""), "https://upscaled.example"+files+"/")
		c.change(s)
		r := httptest.NewRequest(c.method, strings.NewReplacer("ID", id, "FILE", file).Replace(c.path), nil)
		r.Header.Set("User-Agent", "replicate-javascript/1.4.0")
		switch c.path {
		case files:
			r = dialecttest.Form(t, files, dialecttest.File("content", "a.png", photo(t)))
		case predictions:
			r.Body = io.NopCloser(strings.NewReader(order("https://upscaled.example" + files + "/" + file)))
			r.ContentLength = -1
		}
		got := s.do(r)
		golden(t, "internal.json", 500, got)
		if !errors.Is(s.logged, errDisk) {
			t.Errorf("%s: logged %v", name, s.logged)
		}
	}
}

// incomplete is a body that breaks off.
type incomplete struct{ rest io.Reader }

func (b incomplete) Read(p []byte) (int, error) {
	n, err := b.rest.Read(p)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func TestBodiesThatBreakOff(t *testing.T) {
	t.Parallel()
	for _, path := range []string{predictions, model + "/predictions"} {
		r := httptest.NewRequest(http.MethodPost, path, incomplete{strings.NewReader(`{"version`)})
		golden(t, "incomplete.json", 400, newServer().do(r))
	}
	r := httptest.NewRequest(http.MethodPost, files, incomplete{strings.NewReader("--b\r\nContent-Dispo")})
	r.Header.Set("Content-Type", "multipart/form-data; boundary=b")
	golden(t, "file_damaged.json", 400, newServer().do(r))
	// One that never ends is cut off behind what a client may well send.
	s := newServer()
	s.config.MaxBytes = 10
	endless := httptest.NewRequest(http.MethodPost, files, io.MultiReader(
		strings.NewReader("--b\r\nContent-Disposition: form-data; name=\"content\"; filename=\"a\"\r\n\r\n"), zeros{}))
	endless.Header.Set("Content-Type", "multipart/form-data; boundary=b")
	endless.ContentLength = -1
	golden(t, "file_endless.json", 413, s.do(endless))
}

// zeros never end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// Names are for display only and never break out of a header or a folder.
func TestNames(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"https://a.example/b/c.png?d=e": "c.png", "https://a.example/": "", "https://a.example": "", "http://%zz": "",
		"https://a.example/" + strings.Repeat("ä", 200): strings.Repeat("ä", 127),
	} {
		s := newServer()
		s.stores.Fetcher = everywhere{photo(t)}
		s.predict(t, order(url))
		if got := s.queue.Jobs()[0].InputName; got != want {
			t.Errorf("%s: %q", url, got)
		}
	}
	for name, want := range map[string]string{"../../a.png": "a.png", `..\b.png`: "b.png", "c": "c", `\`: "file"} {
		s := newServer()
		got := s.do(dialecttest.Form(t, files, dialecttest.File("content", name, photo(t))))
		if file := decode[replicate.File](t, got); file.Name != want {
			t.Errorf("%s: %q", name, file.Name)
		}
	}
}
