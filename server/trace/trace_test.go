package trace_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"upscaled/models/fault"
	"upscaled/server"
	"upscaled/server/job"
	"upscaled/server/trace"
	"upscaled/server/worker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEndpoint(t *testing.T) {
	t.Parallel()
	const base, whole = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	for _, c := range []struct {
		flag        string
		environment map[string]string
		want        string
		kind        fault.Kind
	}{
		{want: ""},
		{flag: "http://c:4318", want: "http://c:4318/v1/traces"},
		{flag: "https://c/", want: "https://c/v1/traces"},
		{flag: "https://c/own/path", want: "https://c/own/path"},
		{flag: "http://c:1", environment: map[string]string{base: "http://d:2", "OTEL_SDK_DISABLED": "true"}, want: "http://c:1/v1/traces"},
		{environment: map[string]string{base: "http://d:2/otlp"}, want: "http://d:2/otlp/v1/traces"},
		{environment: map[string]string{base: "http://d:2", whole: "http://e:3/"}, want: "http://e:3/"},
		{environment: map[string]string{base: "http://d:2", "OTEL_SDK_DISABLED": "TRUE"}, want: ""},
		{environment: map[string]string{base: "http://d:2", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, kind: fault.Invalid},
		{environment: map[string]string{base: " "}, want: ""},
		{environment: map[string]string{whole: "d:4317"}, kind: fault.Invalid},
		{flag: "collector:4317", kind: fault.Invalid}, {flag: "ftp://c", kind: fault.Invalid}, {flag: "http://u:secret@c:port", kind: fault.Invalid},
	} {
		got, err := trace.Endpoint(c.flag, func(name string) (string, bool) { v, ok := c.environment[name]; return v, ok })
		if got != c.want || err != nil && fault.KindOf(err) != c.kind || (err != nil) != (c.kind != "") {
			t.Errorf("%+v: %q %v", c, got, err)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("the password is told: %v", err)
		}
	}
}

// lines is a log.
type lines struct {
	mutex sync.Mutex
	text  strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.Write(p)
}

// tracer is one that sends to a collector which answers a status.
func tracer(t *testing.T, ratio float64, log *slog.Logger, status int) (*trace.Tracer, *atomic.Int64) {
	t.Helper()
	posts := &atomic.Int64{}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		posts.Add(1)
		w.WriteHeader(status)
	}))
	t.Cleanup(web.Close)
	made, err := trace.New(t.Context(), trace.Options{URL: web.URL + "/v1/traces", Ratio: ratio, Service: "test", Version: "1", Log: log})
	if err != nil {
		t.Fatal(err)
	}
	return made, posts
}

// submit traces one request that submits a job, and returns the job's Trace.
func submit(made *trace.Tracer, parent string) string {
	r := httptest.NewRequest(http.MethodPost, "/v1/upscale?key=secret", nil)
	if parent != "" {
		r.Header.Set("traceparent", parent)
	}
	ctx, ended := made.RequestBegins(r, "id")
	spec := job.Spec{ID: "j", API: "mnml"}
	_, submitted := made.JobSubmits(ctx, &spec)
	submitted(job.Submitted{}, nil)
	ended(server.RequestEnd{API: "mnml", Route: "/v1/upscale", Status: 200})
	return spec.Trace
}

// The job carries the client's trace; whether it is kept is the client's word,
// else the ratio's.
func TestJobCarriesTheTrace(t *testing.T) {
	t.Parallel()
	const id = "0af7651916cd43dd8448eb211c80319c"
	for parent, sampled := range map[string]string{
		"00-" + id + "-b7ad6b7169203331-01": "-01", "00-" + id + "-b7ad6b7169203331-00": "-00", "": "-00", "nonsense": "-00",
	} {
		made, posts := tracer(t, 0, slog.New(slog.DiscardHandler), http.StatusOK)
		got := submit(made, parent)
		if len(got) != 55 || !strings.HasSuffix(got, sampled) || strings.Contains(got, id) != strings.Contains(parent, id) {
			t.Errorf("%q: the job's is %q", parent, got)
		}
		for _, carried := range []string{got, "nonsense", ""} {
			_, ended := made.JobBegins(context.Background(), job.Job{Spec: job.Spec{Trace: carried}, Attempts: 1, Created: time.Now().Add(time.Hour)})
			ended(worker.End{Outcome: "failed", Err: fault.New(fault.Internal, "No.")})
		}
		if err := made.Shutdown(t.Context()); err != nil || (posts.Load() > 0) != (sampled == "-01") {
			t.Errorf("%q: %d posts, %v", parent, posts.Load(), err)
		}
	}
}

// A failing collector is reported once, in this program's log.
func TestCollectorThatRefuses(t *testing.T) {
	t.Parallel()
	log := &lines{}
	made, posts := tracer(t, 1, slog.New(slog.NewTextHandler(log, nil)), http.StatusBadRequest)
	submit(made, "")
	if err := made.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if posts.Load() == 0 || strings.Count(log.text.String(), "traces cannot be sent") != 1 || strings.Contains(log.text.String(), "secret") {
		t.Errorf("%d posts, log %s", posts.Load(), log.text.String())
	}
}
