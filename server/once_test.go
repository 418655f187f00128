package server_test

import (
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"upscaled/server"
	"upscaled/server/dialect/dialecttest"
	"upscaled/server/job"
	"upscaled/server/job/jobtest"
)

// submissions are one of every API's, with how many jobs each makes. The last
// argument of the options in each is 2, for another request it is replaced by 3.
func submissions(t *testing.T) map[string]struct {
	row
	jobs int
} {
	picture := dialecttest.PNG(t, 80, 60, false)
	text := base64.StdEncoding.EncodeToString(picture)
	form := func(path, field string, more ...string) row {
		return row{path: path, form: append([]string{field + "@a.png"}, more...), file: picture}
	}
	json := func(path, body string) row { return row{path: path, json: strings.ReplaceAll(body, "IMAGE", text)} }
	type one = struct {
		row
		jobs int
	}
	return map[string]one{
		"mnml": {form(mnmlUpscale, "image", "scale=2"), 1}, "AILab": {form(ailabUpscale, "image", "upscale_factor=2"), 1},
		"maskr": {form(maskrUpscale+"?scale_factor=2", "file"), 1}, "maskr batch": {row{path: maskrUpscale + "/batch?scale_factor=2", form: []string{"files@a.png", "files@b.png"}, file: picture}, 2},
		"artnex": {json(mnmlUpscale, `{"image":"data:image/png;base64,IMAGE","scale":2}`), 1}, "aetherforge": {form(forgeUpscale, "image", "scale=2K"), 1},
		"native": {form("/api/v1/jobs", "file", "scale=2"), 1}, "native files": {row{path: "/api/v1/jobs", form: []string{"file@a.png", "file@b.png", "scale=2"}, file: picture}, 2},
		"native JSON":   {json("/api/v1/jobs", `{"data_uri":"data:image/png;base64,IMAGE","scale":2}`), 1},
		"replicate":     {json("/v1/models/nightmareai/real-esrgan/predictions", `{"input":{"image":"data:image/png;base64,IMAGE","scale":2}}`), 1},
		"AUTOMATIC1111": {json("/sdapi/v1/extra-single-image", `{"image":"IMAGE","upscaler_1":"R-ESRGAN 4x+","upscaling_resize":2}`), 1},
		"AUTOMATIC1111 batch": {json("/sdapi/v1/extra-batch-images",
			`{"imageList":[{"data":"IMAGE","name":"a"},{"data":"IMAGE","name":"b"},{"data":"IMAGE","name":"c"}],"upscaler_1":"R-ESRGAN 4x+","upscaling_resize":2}`), 3},
		"cog":       {json("/predictions", `{"input":{"image":"data:image/png;base64,IMAGE","scale":2}}`), 1},
		"Stability": {form("/v2beta/stable-image/upscale/fast", "image"), 1}, "OpenAI": {json("/v1/images/upscale", `{"image":"IMAGE","scale":2}`), 1},
	}
}

// keyed sends a row with an idempotency key.
func (s site) keyed(t *testing.T, ctx context.Context, r row, key string) (status int, body string, err error) {
	t.Helper()
	request := r.request(t, s).WithContext(ctx)
	request.Header.Set("Idempotency-Key", key)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), err
}

// perAnswer are IDs of answers, not of jobs.
var perAnswer = regexp.MustCompile(`"batch_id":"[^"]*"|expires=\d+&sig=\w+`)

// Every API answers a repeated request, also one at the same moment, with the same
// jobs, and another request with the same key in its own form.
func TestRepeatedRequests(t *testing.T) {
	t.Parallel()
	for name, c := range submissions(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			queue := succeeding()
			if strings.HasPrefix(name, "native") || name == "replicate" {
				queue.Work = nil // answers show the job's latest state
			}
			queue.Credits = new(int64(500))
			s := open(t, queue, nil)
			c.key = "good"
			bodies := make([]string, 4)
			var all sync.WaitGroup
			for i := range bodies {
				all.Go(func() {
					status, body, err := s.keyed(t, t.Context(), c.row, `"key-1"`)
					if status/100 != 2 || err != nil {
						t.Errorf("%d %s, %v", status, body, err)
					}
					bodies[i] = perAnswer.ReplaceAllString(body, "")
				})
			}
			all.Wait()
			for _, body := range bodies[1:] {
				if body != bodies[0] {
					t.Errorf("%s is not %s", body, bodies[0])
				}
			}
			if jobs := queue.Jobs(); len(jobs) != c.jobs {
				t.Errorf("%d jobs", len(jobs))
			}
			other := c.row
			other.file = dialecttest.PNG(t, 81, 60, false)
			other.json = strings.NewReplacer(`scale":2`, `scale":3`, `resize":2`, `resize":3`).Replace(other.json)
			status, body, err := s.keyed(t, t.Context(), other, `"key-1"`)
			if status != http.StatusUnprocessableEntity && name != "maskr batch" && name != "native files" || !strings.Contains(body, "was used for another request") || err != nil {
				t.Errorf("another request: %d %s, %v", status, body, err)
			}
			if jobs := queue.Jobs(); len(jobs) != c.jobs {
				t.Errorf("%d jobs after another request", len(jobs))
			}
			status, body, err = s.keyed(t, t.Context(), c.row, strings.Repeat("k", 256))
			if status == http.StatusOK && name != "maskr batch" && name != "native files" || !strings.Contains(body, "at most 255 characters") || err != nil {
				t.Errorf("a long key: %d %s, %v", status, body, err)
			}
		})
	}
}

// A repeated request needs nothing of a URL that has expired.
func TestRepeatedURLs(t *testing.T) {
	t.Parallel()
	picture, asked := dialecttest.PNG(t, 80, 60, false), 0
	images := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked++; asked > 1 {
			http.Error(w, "expired", http.StatusForbidden)
			return
		}
		_, _ = w.Write(picture)
	}))
	defer images.Close()
	queue := succeeding()
	s := open(t, queue, func(c *server.Config) { c.FetchHTTP, c.FetchRanges = true, []string{"127.0.0.0/8"} })
	c := row{path: mnmlUpscale, key: "good", json: `{"image":"` + images.URL + `/a.png"}`}
	for range 2 {
		if status, body, err := s.keyed(t, t.Context(), c, "key"); status != http.StatusOK || err != nil {
			t.Errorf("%d %s, %v", status, body, err)
		}
	}
	if status, body, _ := s.keyed(t, t.Context(), c, "other"); status != http.StatusBadRequest {
		t.Errorf("another key: %d %s", status, body)
	}
	if n := len(queue.Jobs()); n != 1 {
		t.Errorf("%d jobs", n)
	}
}

// The same key of another caller is another one.
func TestKeysOfOthers(t *testing.T) {
	t.Parallel()
	queue := succeeding()
	s := open(t, queue, nil)
	c := submissions(t)["mnml"].row
	for _, key := range []string{"good", "poor", "good", "poor"} {
		c.key = key
		if status, body, err := s.keyed(t, t.Context(), c, "key"); status != http.StatusOK || err != nil {
			t.Errorf("%d %s, %v", status, body, err)
		}
	}
	if jobs := queue.Jobs(); len(jobs) != 2 || jobs[0].Account == jobs[1].Account {
		t.Errorf("%v", jobs)
	}
}

// A client that hangs up, or a call that takes too long, leaves the job of a keyed
// request to its repetition, which gets the result.
func TestRepeatedAfterHangUp(t *testing.T) {
	t.Parallel()
	queue := &jobtest.Queue{}
	s := open(t, queue, nil)
	c := submissions(t)["artnex"].row
	c.key = "good"
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan error)
	go func() {
		_, _, err := s.keyed(t, ctx, c, "key")
		left <- err
	}()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for len(queue.Jobs()) == 0 {
		<-tick.C
	}
	leave()
	if err := <-left; err == nil {
		t.Fatal("it was answered")
	}
	j := queue.Jobs()[0]
	again := make(chan string)
	go func() {
		_, body, _ := s.keyed(t, t.Context(), c, "key")
		again <- body
	}()
	queue.Finish(j.ID, dialecttest.Succeed(j.Spec, queue.Input(j.ID)))
	if body := <-again; !strings.Contains(body, `"request_id":"`+j.ID+`"`) || !strings.Contains(body, `"success":true`) {
		t.Error(body)
	}
	if jobs := queue.Jobs(); len(jobs) != 1 || jobs[0].State != job.Succeeded || jobs[0].Sync {
		t.Errorf("%+v", jobs)
	}
}

// ComfyUI's prompts keep their ID, whether the client or the server chose it.
func TestRepeatedPrompts(t *testing.T) {
	t.Parallel()
	queue := &jobtest.Queue{}
	s := open(t, queue, nil)
	upload := row{name: "upload", path: "/upload/image", key: "good", form: []string{"image@a.png"}, file: dialecttest.PNG(t, 20, 10, false), status: 200, body: `{"name":"a.png"...`}
	upload.check(t, s)
	for i, id := range []string{"", `,"prompt_id":"mine"`} {
		prompt := row{path: "/prompt", key: "good", json: `{"prompt":{"1":{"class_type":"LoadImage","inputs":{"image":"a.png"}},` +
			`"2":{"class_type":"ImageScaleBy","inputs":{"image":["1",0],"upscale_method":"lanczos","scale_by":2}},` +
			`"3":{"class_type":"SaveImage","inputs":{"images":["2",0],"filename_prefix":"a"}},` +
			`"4":{"class_type":"ImageScaleBy","inputs":{"image":["1",0],"upscale_method":"lanczos","scale_by":3}},` +
			`"5":{"class_type":"SaveImage","inputs":{"images":["4",0],"filename_prefix":"b"}}}` + id + `}`}
		var first string
		for range 3 {
			status, body, err := s.keyed(t, t.Context(), prompt, "key"+id)
			body, _, _ = strings.Cut(body, `,"number"`)
			if status != http.StatusOK || err != nil || first != "" && body != first {
				t.Errorf("%d %s, %v, not %s", status, body, err, first)
			}
			first = body
		}
		if n := len(queue.Jobs()); n != 2*(i+1) {
			t.Errorf("%d jobs", n)
		}
	}
}
