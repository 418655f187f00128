// Package trace exports OpenTelemetry traces of requests and jobs over OTLP/HTTP.
// A Tracer implements the observers of server and worker.
//
// There is one span for each HTTP request, named by method and route, which
// continues the client's traceparent (W3C) if there is one; below it
// "job.submit"; below that, in the process that runs the job, "job.wait" once and
// "job.run" for each attempt. Spans contain sizes, names and times, but never an
// image, a requested URL, or a key.
package trace

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"upscaled/models/fault"
)

// Options configure a Tracer.
type Options struct {
	// URL is the full URL that spans are posted to; see Endpoint.
	URL string
	// Ratio is the share of traces to keep, 0..1, unless the client decides.
	Ratio float64
	// Service and Version name the program in the traces.
	Service, Version string
	Log              *slog.Logger
}

// Tracer creates spans and sends them in the background.
type Tracer struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
	w3c      propagation.TraceContext
}

// sendPause is the longest delay between a span's end and its export.
const sendPause = 2 * time.Second

// New returns a tracer. It sends nothing before the first span has ended, so the
// collector may start later.
func New(ctx context.Context, o Options) (*Tracer, error) {
	exporter, err := otlptrace.New(ctx, otlptracehttp.NewClient(otlptracehttp.WithEndpointURL(o.URL)))
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "Traces cannot be sent to %s: is traces.url an http or https URL?", o.URL)
	}
	// The environment wins: OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES.
	described, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithHost(), resource.WithAttributes(
		attribute.String("service.name", o.Service), attribute.String("service.version", o.Version),
	), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("describe this process to traces: %w", err)
	}
	provider := sdk.NewTracerProvider(
		sdk.WithResource(described), sdk.WithSampler(sdk.ParentBased(sdk.TraceIDRatioBased(o.Ratio))),
		sdk.WithBatcher(&logged{SpanExporter: exporter, log: o.Log}, sdk.WithBatchTimeout(sendPause)),
	)
	return &Tracer{provider: provider, tracer: provider.Tracer("upscaled", trace.WithInstrumentationVersion(o.Version))}, nil
}

// Shutdown sends the remaining spans, within the context.
func (t *Tracer) Shutdown(ctx context.Context) error {
	if err := t.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("send the last traces: %w", err)
	}
	return nil
}

// logged reports an unreachable collector once to this program's log, in place of
// the library's own.
type logged struct {
	sdk.SpanExporter
	log    *slog.Logger
	failed atomic.Bool
}

// ExportSpans implements sdk.SpanExporter.
func (l *logged) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	err := l.SpanExporter.ExportSpans(ctx, spans)
	switch {
	case err != nil && !l.failed.Swap(true):
		l.log.Warn("traces cannot be sent and are lost", "error", err)
	case err == nil && l.failed.Swap(false):
		l.log.Info("traces are sent again")
	}
	return nil
}
