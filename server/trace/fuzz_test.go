package trace_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/trace"

	"upscaled/server"
	"upscaled/server/job"
	tracing "upscaled/server/trace"
	"upscaled/server/worker"
)

// FuzzTraceparent takes what clients write into the headers of W3C's Trace
// Context, and what a stored job carries. A well-formed parent is continued and
// its word on sampling kept; from anything else a new trace begins, and what
// the job carries is always well-formed.
func FuzzTraceparent(f *testing.F) {
	const id = "0af7651916cd43dd8448eb211c80319c"
	for _, parent := range []string{
		"", "00-" + id + "-b7ad6b7169203331-01", "00-" + id + "-b7ad6b7169203331-00", "00-" + strings.ToUpper(id) + "-b7ad6b7169203331-01",
		"00-00000000000000000000000000000000-b7ad6b7169203331-01", "00-" + id + "-0000000000000000-01", "ff-" + id + "-b7ad6b7169203331-01",
		"cc-" + id + "-b7ad6b7169203331-01-more", "00-" + id + "-b7ad6b7169203331-01-more", "00-" + id + "-b7ad6b7169203331-ff", "00-" + id, "----",
	} {
		f.Add(parent, "vendor=1,other=2")
		f.Add(parent, strings.Repeat("a=b,", 99))
	}
	web := httptest.NewServer(http.NotFoundHandler())
	f.Cleanup(web.Close)
	made, err := tracing.New(f.Context(), tracing.Options{URL: web.URL, Service: "test", Version: "1", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = made.Shutdown(context.Background()) })            // nobody takes the traces
	known := regexp.MustCompile(`^00-([0-9a-f]{32})-([0-9a-f]{16})-0[0-3]$`) // other flags are not of this version
	well := regexp.MustCompile(`^00-([0-9a-f]{32})-[0-9a-f]{16}-0[0-3]$`)
	f.Fuzz(func(t *testing.T, parent, state string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil)
		r.Header["Traceparent"], r.Header["Tracestate"] = []string{parent}, []string{state}
		ctx, ended := made.RequestBegins(r, "id")
		spec := job.Spec{ID: "j", API: "mnml"}
		_, submitted := made.JobSubmits(ctx, &spec)
		submitted(job.Submitted{}, nil)
		ended(server.RequestEnd{Status: 200})
		carried := well.FindStringSubmatch(spec.Trace)
		if carried == nil || carried[1] == strings.Repeat("0", 32) {
			t.Fatalf("%q, %q: the job carries %q", parent, state, spec.Trace)
		}
		if given := known.FindStringSubmatch(parent); given != nil && strings.Trim(given[1], "0") != "" && strings.Trim(given[2], "0") != "" {
			if carried[1] != given[1] {
				t.Fatalf("%q is not continued by %q", parent, spec.Trace)
			}
		}
		// The store may hold what this program did not write.
		running, over := made.JobBegins(t.Context(), job.Job{Spec: job.Spec{ID: "j", Trace: parent}, Attempts: 1})
		over(worker.End{Outcome: "succeeded"})
		span := trace.SpanContextFromContext(running)
		if !span.IsValid() || span.TraceState().Len() > 0 {
			t.Fatalf("%q of the store: %v", parent, span)
		}
	})
}
