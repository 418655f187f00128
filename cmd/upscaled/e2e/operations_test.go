//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"upscaled/cmd/upscaled/e2e/pretend"
	"upscaled/engine/enginetest"
	"upscaled/server"
)

// watchedAt returns the address of a setting's port, from a server's log.
func (s process) watchedAt(t *testing.T, setting string) string {
	t.Helper()
	for line := range strings.Lines(s.log.String()) {
		var told struct{ Msg, Setting, Address string }
		if json.Unmarshal([]byte(line), &told) == nil && told.Msg == "watched" && told.Setting == setting {
			return "http://" + told.Address
		}
	}
	t.Fatalf("no %s in the log:\n%s", setting, s.log)
	return ""
}

// scrape returns the metrics by name with labels.
func scrape(t *testing.T, url string) map[string]float64 {
	t.Helper()
	code, body := get(t, url+"/metrics", "")
	if code != http.StatusOK {
		t.Fatalf("%d %s", code, body)
	}
	all := map[string]float64{}
	for line := range strings.Lines(string(body)) {
		name, value, found := strings.Cut(strings.TrimSpace(line), " ")
		if end := strings.LastIndexByte(line, '}'); end >= 0 {
			name, value, found = line[:end+1], strings.TrimSpace(line[end+1:]), true
		}
		if number, err := strconv.ParseFloat(value, 64); found && err == nil && !strings.HasPrefix(line, "#") {
			all[name] = number
		}
	}
	return all
}

// Metrics and traces of a mixed load agree with what was sent.
func TestMixedLoadIsCounted(t *testing.T) {
	t.Parallel()
	hooks := make(chan struct{}, 10)
	hook := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hooks <- struct{}{} }))
	defer hook.Close()
	traces, data := collect(t), t.TempDir()
	key := keys(t, data, "new", "load", "--credits", "10000")
	s := serve(t, pretend.Moody, "--data", data, "--jobs", "1", "--set", "queue.large-jobs=1", "--set", "fetch.http=true", "--set", "fetch.ranges=127.0.0.0/8",
		"--metrics-listen", "127.0.0.1:0", "--set", "traces.url="+traces.url)
	load := &mixedLoad{
		t: t, url: s.url, key: key, picture: pngOf(t, textured(loadWidth, loadHeight, false)), hook: hook.URL, counts: map[string]float64{},
	}
	load.successes()
	load.refusals()
	load.failures()
	load.cancels(s)
	select {
	case <-hooks:
	case <-time.After(patience):
		t.Fatal("no webhook is called")
	}
	load.charged()

	at := s.watchedAt(t, "metrics-listen")
	metrics := scrape(t, at)
	eventually(t, "metrics", s.log, func() (wrong string) { // counted just after the answer was sent
		metrics = scrape(t, at)
		for _, line := range different(load.counts, metrics) {
			wrong += fmt.Sprintf("%s is %v, want %v\n", line, metrics[line], load.counts[line])
		}
		return wrong + shares(metrics) // workers report with their next heartbeat
	})
	if metrics["upscaled_jobs_queued"] != 0 || metrics["upscaled_jobs_running"] != 0 {
		t.Errorf("%v jobs wait, %v run", metrics["upscaled_jobs_queued"], metrics["upscaled_jobs_running"])
	}
	for _, want := range []string{`upscaled_build_info{version="` + buildVersion(t) + `"}`, "go_goroutines", "upscaled_device_busy_seconds_total{device=\"" + pretendDevice() + "\"}"} {
		if metrics[want] <= 0 {
			t.Errorf("%s is %v", want, metrics[want])
		}
	}
	checkLabels(t, metrics)
	if code := s.stop(); code != exitOK {
		t.Errorf("exit code %d", code)
	}
	load.checkTraces(traces)
}

// shares compares the jobs of keys and of workers with those of the APIs.
func shares(metrics map[string]float64) (wrong string) {
	sum := func(series, outcome string) (total float64) {
		for line, value := range metrics {
			if strings.HasPrefix(line, series+"{") && strings.Contains(line, fmt.Sprintf("outcome=%q", outcome)) {
				total += value
			}
		}
		return total
	}
	for _, outcome := range []string{"succeeded", "failed", "canceled"} {
		want := sum("upscaled_jobs_total", outcome)
		if got := sum("upscaled_key_jobs_total", outcome); got != want {
			wrong += fmt.Sprintf("%v jobs of keys %s, of %v\n", got, outcome, want)
		}
		if got := sum("upscaled_worker_jobs_total", outcome); got != want && outcome != "canceled" {
			wrong += fmt.Sprintf("%v jobs of workers %s, of %v\n", got, outcome, want)
		}
	}
	return wrong
}

// checkLabels compares with what dashboard and rules are written for.
func checkLabels(t *testing.T, metrics map[string]float64) {
	t.Helper()
	for line := range metrics {
		match := metricName.FindStringSubmatch(line)
		if match == nil {
			continue // Go's and the process's own
		}
		labels, known := metricLabels()[suffix.ReplaceAllString(match[1], "")]
		if !known {
			t.Errorf("nothing is known of %s", line)
		}
		for _, label := range labelName.FindAllStringSubmatch(match[2], -1) {
			if !slices.Contains(labels, label[1]) {
				t.Errorf("%s has a label %s", match[1], label[1])
			}
		}
	}
}

// different are the lines of the program's own counters that are not as
// expected, on either side. Health is asked for by the test's waiting.
func different(want, got map[string]float64) []string {
	var all []string
	for line, value := range got {
		counter := strings.HasPrefix(line, "upscaled_") && (strings.Contains(line, "_total{") || strings.Contains(line, "_count{"))
		own := strings.Contains(line, `api="health"`) || strings.Contains(line, "device=") ||
			strings.HasPrefix(line, "upscaled_key_") || strings.HasPrefix(line, "upscaled_worker_")
		if counter && !own && want[line] != value {
			all = append(all, line)
		}
	}
	for line := range want {
		if _, found := got[line]; !found {
			all = append(all, line)
		}
	}
	slices.Sort(all)
	return all
}

// charged notes the credits of all jobs at the APIs' own prices.
func (l *mixedLoad) charged() {
	prices := defaultPrices()
	for line, jobs := range l.counts {
		if rest, found := strings.CutPrefix(line, `upscaled_jobs_total{api="`); found {
			api, _, _ := strings.Cut(rest, `"`)
			if price := prices[api]; price > 0 {
				l.count(jobs*float64(price), `upscaled_credits_charged_total{api=%q}`, api)
			}
		}
	}
}

// buildVersion is the version that the program reports.
func buildVersion(t *testing.T) string {
	t.Helper()
	return strings.Fields(program(t, "version").stdout)[1]
}

// defaultPrices are credits for an image, by API.
func defaultPrices() map[string]int64 {
	apis := server.DefaultAPIs()
	return map[string]int64{
		"mnml": apis.Mnml.Price, "ailab": apis.AILab.Price, "maskr": apis.Maskr.Price, "artnex": apis.Artnex.Price,
		"aetherforge": apis.Aetherforge.Price, "native": apis.Native.Price, "replicate": apis.Replicate.Price, "automatic1111": apis.Automatic.Price,
		"stability": apis.Stability.Price, "openai": apis.OpenAI.Price,
		"cog": apis.Cog.Price,
	}
}

func pretendDevice() string {
	device := (&enginetest.Runtime{}).Device()
	return device.Kind
}

// checkTraces compares the spans with what was sent: one of each request, one
// of each submission within a request, and below it the waiting and the tries.
func (l *mixedLoad) checkTraces(c *collected) {
	t := l.t
	requests := 0
	for _, s := range c.named("") {
		if api, _ := attribute(s, "upscaled.api"); api != "health" {
			requests++
		}
	}
	submits, waits, runs := c.named("job.submit"), c.named("job.wait"), c.named("job.run")
	unstarted := 1 // the job that was canceled while it waited
	if requests != l.requests || len(submits) != l.jobs || len(waits) != l.jobs-unstarted || len(runs) != l.tries || c.service != "upscaled" {
		t.Errorf("%d requests, %d submissions, %d waits and %d tries of %q, want %d, %d, %d and %d",
			requests, len(submits), len(waits), len(runs), c.service, l.requests, l.jobs, l.jobs-unstarted, l.tries)
	}
	for _, s := range submits {
		if parent := c.byID(s.ParentSpanId); parent == nil || !strings.HasPrefix(parent.Name, "POST /") || !bytes.Equal(parent.TraceId, s.TraceId) {
			t.Errorf("a submission of %v within %v", s, parent)
		}
	}
	continued, succeeded, pixels := 0, 0, int64(0)
	for _, s := range slices.Concat(waits, runs) {
		parent := c.byID(s.ParentSpanId)
		job, _ := attribute(s, "upscaled.job")
		if parent == nil || parent.Name != "job.submit" || !bytes.Equal(parent.TraceId, s.TraceId) {
			t.Fatalf("%s of %s below %v", s.Name, job, parent)
		}
		if submitted, _ := attribute(parent, "upscaled.job"); submitted != job || s.EndTimeUnixNano < s.StartTimeUnixNano {
			t.Errorf("%s of %s below that of %s", s.Name, job, submitted)
		}
		if traceID(s) == loadTrace {
			continued++
		}
		if outcome, _ := attribute(s, "upscaled.outcome"); outcome == "succeeded" {
			_, in := attribute(s, "upscaled.input_pixels")
			succeeded, pixels = succeeded+1, pixels+in
		}
	}
	if continued != 2 {
		t.Errorf("%d spans in the client's trace", continued)
	}
	if want := l.jobs - 3; succeeded != want || pixels != int64(want)*loadWidth*loadHeight {
		t.Errorf("%d tries made pictures of %d pixels, want %d", succeeded, pixels, want)
	}
	for _, s := range c.spans {
		for _, secret := range []string{l.key, "secret=1", "base64", "sig="} {
			if strings.Contains(s.String(), secret) {
				t.Errorf("%s tells %s", s.Name, secret)
			}
		}
	}
}

// Profiles are for this machine only.
func TestProfiles(t *testing.T) {
	t.Parallel()
	s := serve(t, pretend.Plain, "--set", "pprof.listen=127.0.0.1:0")
	code, body := get(t, s.watchedAt(t, "pprof.listen")+"/debug/pprof/goroutine?debug=1", "")
	if code != http.StatusOK || !bytes.Contains(body, []byte("goroutine profile")) {
		t.Errorf("%d %.200s", code, body)
	}
	for _, path := range []string{"/debug/pprof/", "/metrics"} {
		if code, _ := get(t, s.url+path, ""); code != http.StatusNotFound {
			t.Errorf("%s is answered on the clients' port: %d", path, code)
		}
	}
}

// A worker of its own has metrics and health, continues the trace of the
// process that took the job, and the two count nothing twice.
func TestWorkerIsWatched(t *testing.T) {
	t.Parallel()
	traces, data := collect(t), t.TempDir()
	api := serve(t, pretend.Plain, "--data", data, "--no-worker", "--metrics-listen", "127.0.0.1:0", "--set", "traces.url="+traces.url)
	worker := launch(t, []string{mode(pretend.Plain)}, "worker", "--data", data, "--metrics-listen", "127.0.0.1:0", "--set", "traces.url="+traces.url)
	worker.waitForLog(t, "metrics-listen")
	at := worker.watchedAt(t, "metrics-listen")
	ready(t, at)
	request := form(t, api.url+"/api/v1/jobs", "file", pngOf(t, textured(loadWidth, loadHeight, false)), "scale=2")
	request.Header.Set("Prefer", "wait")
	if code, _, body := send(t, request, ""); code != http.StatusOK {
		t.Errorf("%d %s", code, body)
	}
	const line = `upscaled_jobs_total{api="native",model="pretend",outcome="succeeded"}`
	var here map[string]float64
	eventually(t, line, worker.log, func() string { // counted just after the record was written
		if here = scrape(t, at); here[line] == 0 {
			return "not counted"
		}
		return ""
	})
	there := scrape(t, api.watchedAt(t, "metrics-listen"))
	if _, counted := there[line]; here[line] != 1 || counted {
		t.Errorf("the worker counts %v, the API node %v", here[line], there[line])
	}
	if code := worker.stop(); code != exitOK {
		t.Errorf("exit code %d: %s", code, worker.log)
	}
	api.stop()
	runs, submits := traces.named("job.run"), traces.named("job.submit")
	if len(runs) != 1 || len(submits) != 1 || !bytes.Equal(runs[0].ParentSpanId, submits[0].SpanId) {
		t.Errorf("%v within %v", runs, submits)
	}
}
