package metrics_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"upscaled/engine"
	"upscaled/server"
	"upscaled/server/job"
	"upscaled/server/metrics"
)

// made counts with a queue and devices of which one is there twice.
func made() *metrics.Metrics {
	card := engine.DeviceUse{Device: engine.Device{Kind: "cuda", ID: "0", Memory: 1000, Free: 400}, Lost: true, Busy: 1500 * time.Millisecond}
	return metrics.New(metrics.Options{
		Version: "1.2.3", Models: []string{"known"}, Log: slog.New(slog.DiscardHandler),
		Depth:    func() job.Depth { return job.Depth{Queued: 3, Running: 2} },
		Devices:  func() []engine.DeviceUse { return []engine.DeviceUse{card, card, {Device: engine.Device{Kind: "cpu"}}} },
		Restarts: func() uint64 { return 4 },
		Workers: func() []job.Worker {
			return []job.Worker{{Name: "box", State: job.WorkerReady, Jobs: []job.WorkerJob{{ID: "j"}}, Succeeded: 7, Failed: 1, Heartbeat: time.Now().Add(-time.Second)}}
		},
	})
}

// fill counts one of everything.
func fill(m *metrics.Metrics) {
	balance, start := int64(5), time.Unix(1000, 0)
	_, submitted := m.JobSubmits(context.Background(), &job.Spec{API: "mnml", Price: 4})
	submitted(job.Submitted{Credits: &balance}, nil)
	submitted(job.Submitted{}, nil) // unlimited
	submitted(job.Submitted{Credits: &balance}, errors.New("refused"))
	_, ended := m.RequestBegins(httptest.NewRequest("BREW", "/v1/upscale", nil), "id")
	ended(server.RequestEnd{API: "mnml", Status: 405, Took: time.Second})
	spec := job.Spec{API: "mnml", Account: "key1", Options: job.Options{Model: "known"}}
	m.JobEnded(job.Job{Spec: spec, State: job.Failed, Created: start, Started: start.Add(2 * time.Second), Finished: start.Add(5 * time.Second)})
	m.JobEnded(job.Job{Spec: spec, State: job.Canceled, Created: start, Finished: start.Add(time.Second)})
	spec.Options.Model = "a client's own word"
	m.JobEnded(job.Job{Spec: spec, State: job.Failed, Created: start, Started: start.Add(-time.Second), Finished: start})
	m.JobEnded(job.Job{Spec: spec, State: job.Succeeded, Created: start, Started: start, Finished: start, Result: &job.Result{
		Model: "made", Seconds: 2.5, InputWidth: 3, InputHeight: 2, OutputWidth: 6, OutputHeight: 4,
	}})
	spec.Options.Model = "one=0.25,other=0.75"
	m.JobEnded(job.Job{Spec: spec, State: job.Succeeded, Created: start, Result: &job.Result{Model: "one=0.25,other=0.75", InputWidth: 3, InputHeight: 2}})
	m.WebhookEnded("retried")
}

func scrape(t *testing.T, m *metrics.Metrics) string {
	t.Helper()
	recorder := httptest.NewRecorder()
	m.Handler().ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if recorder.Code != http.StatusOK {
		t.Fatalf("%d %s", recorder.Code, recorder.Body)
	}
	return recorder.Body.String()
}

func TestCounts(t *testing.T) {
	t.Parallel()
	m := made()
	fill(m)
	text := scrape(t, m)
	for _, want := range []string{
		`upscaled_engine_restarts_total 4`, `upscaled_jobs_queued 3`, `upscaled_jobs_running 2`, `upscaled_build_info{version="1.2.3"} 1`,
		`upscaled_device_busy_seconds_total{device="cuda:0"} 1.5`, `upscaled_device_memory_free_bytes{device="cuda:0"} 400`,
		`upscaled_device_memory_bytes{device="cuda:0"} 1000`, `upscaled_device_busy_seconds_total{device="cpu"} 0`,
		`upscaled_device_lost{device="cuda:0"} 1`, `upscaled_device_lost{device="cpu"} 0`,
		`upscaled_credits_charged_total{api="mnml"} 4`, `upscaled_webhooks_total{outcome="retried"} 1`,
		`upscaled_http_requests_total{api="mnml",method="other",status="405"} 1`, `upscaled_http_request_seconds_sum{api="mnml"} 1`,
		`upscaled_jobs_total{api="mnml",model="known",outcome="failed"} 1`, `upscaled_jobs_total{api="mnml",model="known",outcome="canceled"} 1`,
		`upscaled_jobs_total{api="mnml",model="other",outcome="failed"} 1`, `upscaled_jobs_total{api="mnml",model="made",outcome="succeeded"} 1`,
		`upscaled_jobs_total{api="mnml",model="mix",outcome="succeeded"} 1`,
		`upscaled_job_wait_seconds_sum{api="mnml",model="known"} 2`, `upscaled_job_wait_seconds_sum{api="mnml",model="other"} 0`,
		`upscaled_job_run_seconds_sum{api="mnml",model="known",outcome="failed"} 3`,
		`upscaled_input_pixels_total{api="mnml",model="made"} 6`, `upscaled_output_pixels_total{api="mnml",model="made"} 24`,
		`upscaled_key_jobs_total{key="key1",outcome="failed"} 2`, `upscaled_key_engine_seconds_total{key="key1"} 2.5`,
		`upscaled_workers{state="ready"} 1`, `upscaled_workers{state="lost"} 0`, `upscaled_worker_jobs_running{worker="box"} 1`,
		`upscaled_worker_jobs_total{outcome="succeeded",worker="box"} 7`, `upscaled_worker_heartbeat_age_seconds{worker="box"} 1.`,
		"go_goroutines ", "process_cpu_seconds_total ",
	} {
		if !strings.Contains(text, "\n"+want) {
			t.Errorf("no %s", want)
		}
	}
	for _, wrong := range []string{`device_memory_bytes{device="cpu"}`, `run_seconds_count{api="mnml",model="known",outcome="canceled"}`, "client's"} {
		if strings.Contains(text, wrong) {
			t.Errorf("there is %s", wrong)
		}
	}
}

// Prometheus's own rules on names, units and help.
func TestNamesAreGood(t *testing.T) {
	t.Parallel()
	m := made()
	fill(m)
	problems, err := promlint.New(strings.NewReader(scrape(t, m))).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
}

// The guide lists every metric with its labels, and no other.
func TestManualTellsAll(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(upscaled_[a-z_]+)` \\| ([^|]*)\\| [^|]+\\|$").FindAllStringSubmatch(string(page), -1) {
		told[row[1]] = strings.ReplaceAll(strings.ReplaceAll(strings.TrimSpace(row[2]), "`", ""), " ", "")
	}
	m := made()
	fill(m)
	found := map[string]string{}
	label := regexp.MustCompile(`([a-z]+)="`)
	for _, line := range regexp.MustCompile(`(?m)^(upscaled_[a-z_]+?)(?:_bucket|_sum|_count)?(?:\{(.*)\})? `).FindAllStringSubmatch(scrape(t, m), -1) {
		var labels []string
		for _, l := range label.FindAllStringSubmatch(line[2], -1) {
			if l[1] != "le" {
				labels = append(labels, l[1])
			}
		}
		found[line[1]] = strings.Join(labels, ",")
	}
	if len(found) != 23 || !maps.Equal(told, found) {
		t.Errorf("the manual has %v\nthe program %v", told, found)
	}
}

// However many keys and workers there are, a hundred of each have series of their
// own, the rest one, and nothing is lost in the sums.
func TestManyKeysAndWorkers(t *testing.T) {
	t.Parallel()
	var workers []job.Worker
	for n := range 250 {
		workers = append(workers, job.Worker{Name: fmt.Sprint("w", n), State: job.WorkerReady, Succeeded: int64(n)})
	}
	m := metrics.New(metrics.Options{Log: slog.New(slog.DiscardHandler), Workers: func() []job.Worker { return workers }})
	for range 3 {
		for n := range 1000 {
			m.JobEnded(job.Job{Spec: job.Spec{API: "mnml", Account: fmt.Sprint("k", n)}, State: job.Canceled})
		}
	}
	text := scrape(t, m)
	for pattern, want := range map[string]int{`upscaled_key_jobs_total{`: 101, `upscaled_worker_jobs_running{`: 101} {
		if got := strings.Count(text, "\n"+pattern); got != want {
			t.Errorf("%d series of %s", got, pattern)
		}
	}
	for _, want := range []string{
		`upscaled_key_jobs_total{key="other",outcome="canceled"} 2700`, `upscaled_key_jobs_total{key="k99",outcome="canceled"} 3`,
		`upscaled_worker_jobs_total{outcome="succeeded",worker="w249"} 249`, `upscaled_worker_jobs_total{outcome="succeeded",worker="other"} 11175`,
		`upscaled_workers{state="ready"} 250`,
	} {
		if !strings.Contains(text, "\n"+want) {
			t.Errorf("no %s", want)
		}
	}
}
