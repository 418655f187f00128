package replicate_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"upscaled/server/dialect"
	"upscaled/server/dialect/dialecttest"
	"upscaled/server/dialect/replicate"
	"upscaled/server/file"
	"upscaled/server/job"
)

// store uploads a file and returns its URL.
func (s *server) store(t *testing.T, name string, data []byte, key string) string {
	t.Helper()
	r := dialecttest.Form(t, files, dialecttest.File("content", name, data), dialecttest.File("metadata", "blob", []byte(`{}`)))
	r.Header.Set("Authorization", "Bearer "+key)
	got := s.do(r)
	if got.Code != http.StatusCreated {
		t.Fatalf("%d %s", got.Code, got.Body)
	}
	return decode[replicate.File](t, got).URLs.Get
}

func TestFiles(t *testing.T) {
	t.Parallel()
	s := newServer()
	created := s.do(dialecttest.Form(t, files,
		dialecttest.File("content", `C:\photos\cat.png`, photo(t)), dialecttest.Field("metadata", `{"a":1}`)))
	golden(t, "file.json", 201, created)
	path := strings.TrimPrefix(decode[replicate.File](t, created).URLs.Get, "https://upscaled.example")
	golden(t, "file.json", 200, s.get(path))
	gone := s.do(httptest.NewRequest(http.MethodDelete, path, nil))
	if gone.Code != http.StatusNoContent || gone.Body.Len() > 0 {
		t.Errorf("%d %s", gone.Code, gone.Body)
	}
	golden(t, "not_found.json", 404, s.get(path))
	golden(t, "not_found.json", 404, s.do(httptest.NewRequest(http.MethodDelete, path, nil)))
	golden(t, "not_found.json", 404, s.do(httptest.NewRequest(http.MethodDelete, files+"/short", nil)))
	golden(t, "file_text.json", 201, s.do(dialecttest.Form(t, files, dialecttest.File("content", "/", []byte("text")))))
}

func TestFilesAsInputs(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.gate = dialecttest.Auth{Keys: map[string]job.Caller{"mine": {ID: "me"}, "yours": {ID: "you"}}}
	url := s.store(t, "cat.png", photo(t), "mine")
	text := s.store(t, "cat.txt", []byte("text"), "mine")
	for _, image := range []string{url, url + "?x=y", url + "/cat.png"} {
		got := s.post(predictions, order(image), "Authorization", "Bearer mine")
		if got.Code != http.StatusCreated {
			t.Fatalf("%d %s", got.Code, got.Body)
		}
		id := decode[replicate.Prediction](t, got).ID
		j, err := s.queue.Get(t.Context(), id)
		if err != nil || j.InputName != "cat.png" || string(s.queue.Input(id)) != string(photo(t)) {
			t.Errorf("%+v, %v", j, err)
		}
	}
	golden(t, "not_a_picture.json", 422, s.post(predictions, order(text), "Authorization", "Bearer mine"))
	unknown := "https://upscaled.example/v1/files/" + strings.Repeat("a", 48)
	golden(t, "file_unknown.json", 422, s.post(predictions, order(url), "Authorization", "Bearer yours"))
	golden(t, "file_unknown.json", 422, s.post(predictions, order(unknown), "Authorization", "Bearer mine"))
	r := httptest.NewRequest(http.MethodDelete, strings.TrimPrefix(url, "https://upscaled.example"), nil)
	r.Header.Set("Authorization", "Bearer yours")
	golden(t, "not_found.json", 404, s.do(r))
	// Other servers' files, and what is no file of ours, are fetched as any URL.
	for _, image := range []string{"https://other.example/v1/files/" + strings.Repeat("a", 48), "https://upscaled.example/v1/files/short"} {
		golden(t, "fetch_failed.json", 422, s.post(predictions, order(image), "Authorization", "Bearer mine"))
	}
}

// An output can be the next prediction's input, though this server may not
// fetch from itself.
func TestOutputsAsInputs(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.gate = dialecttest.Auth{Keys: map[string]job.Caller{"mine": {ID: "me"}, "yours": {ID: "you"}}}
	s.stores.Fetcher = fetcher{picture: photo(t)}
	first := decode[replicate.Prediction](t, s.post(predictions, order(pictureURL), "Authorization", "Bearer mine"))
	output := "https://upscaled.example/v1/files/" + first.ID + "/output.png?expires=1"
	golden(t, "output_unknown.json", 422, s.post(predictions, order(output), "Authorization", "Bearer mine"))
	result := dialecttest.PNG(t, 30, 20, false)
	s.finish(first.ID, result)
	golden(t, "output_unknown.json", 422, s.post(predictions, order(output), "Authorization", "Bearer yours"))
	second := decode[replicate.Prediction](t, s.post(predictions, order(output), "Authorization", "Bearer mine"))
	j, err := s.queue.Get(t.Context(), second.ID)
	if err != nil || j.InputName != "cat.jpg" || string(s.queue.Input(second.ID)) != string(result) {
		t.Errorf("%+v, %v", j, err)
	}
	s.config.MaxBytes = int64(len(result)) - 1
	golden(t, "output_too_large.json", 422, s.post(predictions, order(output), "Authorization", "Bearer mine"))
}

func TestFilesThatAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		parts  []dialecttest.Part
	}{
		"file_missing.json":    {422, []dialecttest.Part{dialecttest.File("file", "a.png", photo(t))}},
		"file_too_large.json":  {413, []dialecttest.Part{dialecttest.File("content", "a.png", make([]byte, 20_001))}},
		"file_too_many.json":   {400, []dialecttest.Part{{Name: "a"}, {Name: "a"}, {Name: "a"}, {Name: "a"}, {Name: "a"}}},
		"file_no_room.json":    {413, []dialecttest.Part{dialecttest.File("content", "a.png", make([]byte, 20_000))}},
		"file_just_right.json": {201, []dialecttest.Part{dialecttest.File("content", "a.png", make([]byte, 19_999))}},
	} {
		s := newServer()
		s.config.MaxBytes, s.queue.UploadBytes = 20_000, 19_999
		if name == "file_missing.json" {
			golden(t, name, c.status, s.do(dialecttest.Form(t, files, dialecttest.File("content", "a.png", nil))))
		}
		golden(t, name, c.status, s.do(dialecttest.Form(t, files, c.parts...)))
	}
	golden(t, "file_no_form.json", 400, newServer().post(files, `{}`))
	declared := dialecttest.Form(t, files, dialecttest.File("content", "a.png", photo(t)))
	declared.ContentLength = 1 << 40
	golden(t, "file_declared.json", 413, newServer().do(declared))
}

func TestForms(t *testing.T) {
	t.Parallel()
	letters := func(n int) string { return strings.Repeat("a0", n/2) }
	for id, want := range map[string][2]bool{
		letters(26): {true, false}, letters(48): {false, true}, "": {}, letters(24): {}, letters(64): {},
		strings.ToUpper(letters(26)): {}, strings.ToUpper(letters(48)): {}, "upscale_1703123456789_abc1234": {},
		"up_" + letters(24): {}, letters(24) + "\na": {}, "0192f0c0-0000-8000-8000-000000000000": {}, letters(24) + "ä": {},
	} {
		if replicate.IsID(id) != want[0] || replicate.IsFileID(id) != want[1] {
			t.Errorf("%q is an ID: %v, a file's: %v", id, replicate.IsID(id), replicate.IsFileID(id))
		}
	}
}

// An output's URL, which ends in a file name, is served by the server's own
// handler of signed results under one more path.
func TestOutputsAreServed(t *testing.T) {
	t.Parallel()
	signer := file.Signer{Secrets: [][]byte{make([]byte, 32)}, Now: func() time.Time { return dialecttest.Now }}
	s := newServer()
	s.queue.Work = dialecttest.Succeed
	s.lend = func(h *dialect.Services) { h.Links = signer }
	e := s.handler()
	served := file.Handler{Queue: s.queue, Signer: signer, WriteError: func(c echo.Context, _ string, _ bool) error { return s.api.NotFound(c) }}
	e.GET("/v1/files/:id/:name", served.Serve)
	id := s.predict(t, order(dataURI(photo(t))))
	output, _ := decode[replicate.Prediction](t, s.get(predictions+"/"+id)).Output.(string)
	got := dialecttest.Do(e, httptest.NewRequest(http.MethodGet, output, nil))
	if got.Code != http.StatusOK || got.Body.String() != "picture" || got.Header().Get("Content-Type") != "image/png" {
		t.Errorf("%s: %d %s %v", output, got.Code, got.Body, got.Header())
	}
	golden(t, "not_found.json", 404, dialecttest.Do(e, httptest.NewRequest(http.MethodGet, output+"0", nil)))
}
