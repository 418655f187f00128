//go:build e2e

package e2e

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"upscaled/cmd/upscaled/e2e/pretend"
	"upscaled/server"
)

// mixedLoad sends requests of all kinds and remembers what the server must
// have counted, by the metrics' own names.
type mixedLoad struct {
	t       *testing.T
	url     string
	key     string
	picture []byte
	// hook is the URL of the webhook receiver.
	hook string
	// counts are values by metric line; requests, jobs and tries those of
	// traces.
	counts                map[string]float64
	requests, jobs, tries int
}

// loadWidth and loadHeight are the size of every image.
const loadWidth, loadHeight = 48, 40

// loadTrace is the trace that a client of the load is in.
const loadTrace = "0af7651916cd43dd8448eb211c80319c"

func (l *mixedLoad) count(by float64, format string, args ...any) {
	l.counts[fmt.Sprintf(format, args...)] += by
}

// do sends one request and checks its status.
func (l *mixedLoad) do(api string, status int, r *http.Request) []byte {
	l.t.Helper()
	code, _, body := send(l.t, r, l.key)
	if code != status {
		l.t.Errorf("%s %s: %d, not %d: %s", r.Method, r.URL.Path, code, status, body)
	}
	method := r.Method
	if method == "BREW" {
		method = "other"
	}
	l.count(1, `upscaled_http_requests_total{api=%q,method=%q,status="%d"}`, api, method, code)
	l.count(1, `upscaled_http_request_seconds_count{api=%q}`, api)
	l.requests++
	return body
}

// ended notes the end of a job that was paid with a credit; scale is that of
// a success.
func (l *mixedLoad) ended(api, outcome string, tries, width, height int) {
	model := "other"
	if outcome == "succeeded" {
		model = loadModel(api)
		l.count(loadWidth*loadHeight, `upscaled_input_pixels_total{api=%q,model=%q}`, api, model)
		l.count(float64(width*height), `upscaled_output_pixels_total{api=%q,model=%q}`, api, model)
	}
	l.count(1, `upscaled_jobs_total{api=%q,model=%q,outcome=%q}`, api, model, outcome)
	if tries > 0 {
		l.count(1, `upscaled_job_wait_seconds_count{api=%q,model=%q}`, api, model)
		l.count(1, `upscaled_job_run_seconds_count{api=%q,model=%q,outcome=%q}`, api, model, outcome)
	}
	l.jobs++
	l.tries += tries
}

// loadModel is the network that an API asks for, else the pretend one.
func loadModel(api string) string {
	switch api {
	case "ailab":
		return server.DefaultAPIs().AILab.BaseModel
	case "automatic1111":
		return "realesrgan-x4plus"
	}
	return "pretend"
}

func (l *mixedLoad) json(path, body string) *http.Request {
	l.t.Helper()
	r, err := http.NewRequest(http.MethodPost, l.url+path, strings.NewReader(body))
	if err != nil {
		l.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Prefer", "wait")
	return r
}

func (l *mixedLoad) get(path string) *http.Request {
	l.t.Helper()
	r, err := http.NewRequest(http.MethodGet, l.url+path, nil)
	if err != nil {
		l.t.Fatal(err)
	}
	return r
}

// poll asks for a job until it has ended.
func (l *mixedLoad) poll(api, path string, ended func(body []byte) bool) {
	l.t.Helper()
	for !ended(l.do(api, http.StatusOK, l.get(path))) {
		runtime.Gosched()
	}
}

// successes are one or more jobs of every API.
func (l *mixedLoad) successes() {
	t, double := l.t, func(api string) { l.ended(api, "succeeded", 1, 2*loadWidth, 2*loadHeight) }
	encoded := base64.StdEncoding.EncodeToString(l.picture)

	body := l.do("mnml", 200, form(t, l.url+"/v1/upscale", "image", l.picture, "scale=2"))
	l.poll("mnml", "/v1/status/"+at(t, body, "id").(string), func(body []byte) bool { return at(t, body, "status") == "success" })
	double("mnml")
	ailab := form(t, l.url+"/api/image/enhance/image-lossless-enlargement", "image", l.picture, "upscale_factor=2", "mode=base")
	ailab.Header.Set("ailabapi-api-key", l.key)
	l.do("ailab", 200, ailab)
	double("ailab")
	traced := form(t, l.url+"/v1/services/image-upscaling?scale_factor=2", "file", l.picture)
	traced.Header.Set("traceparent", "00-"+loadTrace+"-b7ad6b7169203331-01")
	l.do("maskr", 200, traced)
	double("maskr")
	l.do("artnex", 200, l.json("/v1/upscale", `{"image":"data:image/png;base64,`+encoded+`","scale":2}`))
	double("artnex")
	body = l.do("aetherforge", 200, form(t, l.url+"/public/v1/image-tune/upscale", "image", l.picture, "scale=1K"))
	l.poll("aetherforge", "/public/v1/job/"+at(t, body, "job_id").(string), func(body []byte) bool { return at(t, body, "status") != "Pending" })
	l.ended("aetherforge", "succeeded", 1, 1024, 1024*loadHeight/loadWidth)
	l.do("replicate", 201, l.json("/v1/models/nightmareai/real-esrgan/predictions", `{"input":{"image":"data:image/png;base64,`+encoded+`","scale":2}}`))
	double("replicate")
	l.do("cog", 200, l.json("/predictions", `{"input":{"image":"data:image/png;base64,`+encoded+`","scale":2}}`))
	double("cog")
	l.do("automatic1111", 200, l.json("/sdapi/v1/extra-single-image", `{"upscaling_resize":2,"upscaler_1":"R-ESRGAN 4x+","image":"`+encoded+`"}`))
	double("automatic1111")
	l.native(200, "succeeded", "scale=2", "webhook="+l.hook)
	l.count(1, `upscaled_webhooks_total{outcome="delivered"}`)
	double("native")
}

// native sends one job that is waited for.
func (l *mixedLoad) native(status int, state string, fields ...string) {
	l.t.Helper()
	r := form(l.t, l.url+"/api/v1/jobs", "file", l.picture, fields...)
	r.Header.Set("Prefer", "wait")
	if body := l.do("native", status, r); at(l.t, body, "state") != state {
		l.t.Errorf("%s", body)
	}
}

// refusals are answered without a job.
func (l *mixedLoad) refusals() {
	t, good := l.t, l.key
	l.key = "wrong"
	l.do("mnml", 401, form(t, l.url+"/v1/upscale", "image", l.picture))
	l.do("native", 401, form(t, l.url+"/api/v1/jobs", "file", l.picture))
	l.key = good
	l.do("native", 400, form(t, l.url+"/api/v1/jobs", "file", []byte("no picture"), "scale=2"))
	l.do("native", 404, l.get("/api/v1/jobs/up_unknown"))
	l.do("other", 404, l.get("/nothing/here?secret=1"))
	brew := l.get("/v1/credits")
	brew.Method = "BREW"
	l.do("mnml", 405, brew)
	l.do("pages", 200, l.get("/docs"))
}

// failures end without an image, or with one at the second attempt.
func (l *mixedLoad) failures() {
	l.native(200, "failed", "scale=2", "format=jpeg", "quality="+fmt.Sprint(pretend.Fails))
	l.ended("native", "failed", 1, 0, 0)
	l.native(200, "succeeded", "scale=2", "format=jpeg", "quality="+fmt.Sprint(pretend.Retry))
	l.ended("native", "succeeded", 2, 2*loadWidth, 2*loadHeight)
}

// cancels end one job that runs and one that waits behind it.
func (l *mixedLoad) cancels(server process) {
	var ids []string
	for i := range 2 {
		r := form(l.t, l.url+"/api/v1/jobs", "file", l.picture, "format=jpeg", "quality="+fmt.Sprint(pretend.Blocks))
		ids = append(ids, at(l.t, l.do("native", 202, r), "id").(string))
		if i == 0 {
			server.waitForLog(l.t, pretend.Begun)
		}
	}
	for i, tries := range []int{0, 1} {
		r := l.get("/api/v1/jobs/" + ids[1-i] + "/cancel")
		r.Method = http.MethodPost
		l.do("native", 200, r)
		l.ended("native", "canceled", tries, 0, 0)
	}
}
