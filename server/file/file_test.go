package file_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/quick"
	"time"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/file"
	"upscaled/server/job"
)

// results is a queue of finished jobs.
type results struct {
	job.Queue
	name string
	data []byte
}

type content struct{ *bytes.Reader }

func (content) Close() error { return nil }

func (r results) Open(_ context.Context, id string) (io.ReadSeekCloser, job.Job, error) {
	if id != "job-1" {
		return nil, job.Job{}, fault.New(fault.NotFound, "There is no such job.")
	}
	return content{bytes.NewReader(r.data)}, finished(id, r.name), nil
}

func finished(id, name string) job.Job {
	return job.Job{
		Spec: job.Spec{ID: id, InputName: name}, State: job.Succeeded,
		Finished: time.Unix(1_700_000_000, 0), Result: &job.Result{Format: "png"},
	}
}

func signer(now *time.Time) file.Signer {
	return file.Signer{
		Secrets: [][]byte{bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)},
		Now:     func() time.Time { return *now },
	}
}

func ask(t *testing.T, s file.Signer, name, method, target string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	e := echo.New()
	h := file.Handler{
		Queue: results{name: name, data: []byte("0123456789")}, Signer: s,
		WriteError: func(c echo.Context, _ string, genuine bool) error {
			if genuine {
				return c.NoContent(http.StatusNotFound)
			}
			return c.NoContent(http.StatusForbidden)
		},
	}
	e.GET("/v1/files/:id", h.Serve)
	e.HEAD("/v1/files/:id", h.Serve)
	e.GET("/v1/files/:id/:name", h.Serve)
	request := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	recorder := httptest.NewRecorder()
	e.ServeHTTP(recorder, request)
	return recorder
}

func TestServe(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_100, 0)
	s := signer(&now)
	target := strings.TrimPrefix(s.URL("https://example.com", finished("job-1", "")), "https://example.com")

	full := ask(t, s, `C:\photos\my "cat"`+"\r\n.jpg", http.MethodGet, target)
	if full.Code != http.StatusOK || full.Body.String() != "0123456789" || full.Header().Get("Content-Type") != "image/png" {
		t.Fatalf("%d %q %v", full.Code, full.Body, full.Header())
	}
	if got := full.Header().Get("Content-Disposition"); got != `inline; filename="my cat.png"` {
		t.Errorf("disposition %q", got)
	}
	head := ask(t, s, "", http.MethodHead, target)
	if head.Code != http.StatusOK || head.Body.Len() != 0 || head.Header().Get("Content-Length") != "10" {
		t.Errorf("HEAD: %d %v", head.Code, head.Header())
	}
	part := ask(t, s, "", http.MethodGet, target, "Range", "bytes=2-4")
	if part.Code != http.StatusPartialContent || part.Body.String() != "234" {
		t.Errorf("range: %d %q", part.Code, part.Body)
	}
	cached := ask(t, s, "", http.MethodGet, target, "If-None-Match", full.Header().Get("ETag"))
	if cached.Code != http.StatusNotModified {
		t.Errorf("conditional: %d", cached.Code)
	}
	gone := s.URL("", finished("job-2", ""))
	if code := ask(t, s, "", http.MethodGet, gone).Code; code != http.StatusNotFound {
		t.Errorf("gone: %d", code)
	}
}

// A result is below one name, not below folders.
func TestPathsBelowFiles(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_100, 0)
	s := signer(&now)
	path, query, _ := strings.Cut(s.URL("", finished("job-1", "")), "?")
	for below, want := range map[string]int{"/photo.png": 200, "/a/b": 404, "/a/b/": 404, "//b": 404} {
		if got := ask(t, s, "", http.MethodGet, path+below+"?"+query).Code; got != want {
			t.Errorf("%s: %d", below, got)
		}
	}
}

func TestSignaturesExpireAndRotate(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_100, 0)
	s := signer(&now)
	link, _ := url.Parse(s.URL("", finished("job-1", "")))
	expires, signature := link.Query().Get("expires"), link.Query().Get("sig")
	rotated := file.Signer{Secrets: [][]byte{bytes.Repeat([]byte{9}, 32), s.Secrets[0]}, Now: s.Now}
	if !s.Valid("job-1", expires, signature) || !rotated.Valid("job-1", expires, signature) {
		t.Error("a genuine signature holds, after a rotation too")
	}
	if (file.Signer{Secrets: rotated.Secrets[:1], Now: s.Now}).Valid("job-1", expires, signature) {
		t.Error("a dropped secret signs nothing")
	}
	now = time.Unix(1_700_000_000, 0).Add(file.TTL)
	if s.Valid("job-1", expires, signature) {
		t.Error("expired after 24 h")
	}
}

func TestForgeriesAreRefused(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_100, 0)
	s := signer(&now)
	link, _ := url.Parse(s.URL("", finished("job-1", "")))
	expires, signature := link.Query().Get("expires"), link.Query().Get("sig")
	forged := func(id, e, sig string) bool {
		return (id == "job-1" && e == expires && sig == signature) || !s.Valid(id, e, sig)
	}
	if err := quick.Check(forged, nil); err != nil {
		t.Error(err)
	}
	for _, f := range [][3]string{
		{"job-2", expires, signature}, {"job-1", expires + "0", signature}, {"job-1", "+" + expires, signature},
		{"job-1", expires, signature[:10]}, {"job-1", expires, ""}, {"job-1", "", signature}, {"", "", ""},
	} {
		if s.Valid(f[0], f[1], f[2]) {
			t.Errorf("%v passed", f)
		}
	}
}
