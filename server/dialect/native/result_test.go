package native_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"upscaled/models/fault"
	"upscaled/server/job"
	"upscaled/server/job/jobtest"
)

func TestResult(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.submit(t, job.Spec{ID: knownID, InputName: `C:\pictures\grüße "1".jpg`})
	s.queue.Finish(knownID, enhanced())
	get := func(method string, headers ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, known+"/result", nil)
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		return s.do(r)
	}
	whole := get(http.MethodGet)
	for name, want := range map[string]string{
		"Content-Type": "image/webp", "Content-Length": "11", "Accept-Ranges": "bytes", "ETag": `"` + knownID + `"`,
		"Content-Disposition": `attachment; filename="gr__e 1-realesrgan-x4plus-160x120.webp"; filename*=UTF-8''gr%C3%BC%C3%9Fe%201-realesrgan-x4plus-160x120.webp`,
		"Cache-Control":       "private, max-age=86400, immutable", "X-Content-Type-Options": "nosniff", "X-Face-Restorer": "gfpgan",
	} {
		if got := whole.Header().Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if whole.Code != 200 || whole.Body.String() != "the picture" {
		t.Errorf("%d %q", whole.Code, whole.Body)
	}
	if head := get(http.MethodHead); head.Code != 200 || head.Body.Len() > 0 || head.Header().Get("Content-Length") != "11" {
		t.Errorf("HEAD: %d %q %v", head.Code, head.Body, head.Header())
	}
	if part := get(http.MethodGet, "Range", "bytes=4-"); part.Code != 206 || part.Body.String() != "picture" {
		t.Errorf("range: %d %q", part.Code, part.Body)
	}
	if same := get(http.MethodGet, "If-None-Match", `"`+knownID+`"`); same.Code != 304 || same.Body.Len() > 0 {
		t.Errorf("known: %d %q", same.Code, same.Body)
	}
	if beyond := get(http.MethodGet, "Range", "bytes=99-"); beyond.Code != 416 {
		t.Errorf("beyond the end: %d", beyond.Code)
	}
}

func TestJobsWithoutPicture(t *testing.T) {
	t.Parallel()
	for golden1, bring := range map[string]func(*jobtest.Queue){
		"result_queued.json":   func(*jobtest.Queue) {},
		"result_running.json":  func(q *jobtest.Queue) { q.Start(knownID, 0.5) },
		"result_failed.json":   func(q *jobtest.Queue) { q.Finish(knownID, failure(fault.Invalid, "The file ends early.")) },
		"result_canceled.json": func(q *jobtest.Queue) { q.Finish(knownID, jobtest.Outcome{}) },
	} {
		s := newServer()
		s.submit(t, job.Spec{ID: knownID})
		bring(s.queue)
		got := s.get(known + "/result")
		golden(t, golden1, 409, got)
		if got.Header().Get("Retry-After") != "" {
			t.Error("a conflict says when to try again")
		}
	}
}
