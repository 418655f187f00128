package trace

import (
	"context"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"upscaled/models/fault"
	"upscaled/server"
	"upscaled/server/job"
)

// RequestBegins implements server.Observer. The route is known only at the end.
func (t *Tracer) RequestBegins(r *http.Request, id string) (context.Context, func(server.RequestEnd)) {
	//guard:traceparent FuzzTraceparent => r.Context()
	parent := t.w3c.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
	ctx, span := t.tracer.Start(parent, r.Method, trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
		attribute.String("http.request.method", r.Method), attribute.String("upscaled.request_id", id),
	))
	return ctx, func(e server.RequestEnd) {
		defer span.End()
		if !span.IsRecording() {
			return
		}
		if e.Route != "" {
			span.SetName(r.Method + " " + e.Route)
			span.SetAttributes(attribute.String("http.route", e.Route))
		}
		span.SetAttributes(
			attribute.String("upscaled.api", e.API), attribute.Int("http.response.status_code", e.Status),
			attribute.StringSlice("upscaled.jobs", e.Jobs),
		)
		if e.Status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, http.StatusText(e.Status))
		}
	}
}

// JobSubmits implements server.Observer. The job carries the span's context to the
// process that runs it.
func (t *Tracer) JobSubmits(ctx context.Context, spec *job.Spec) (context.Context, func(job.Submitted, error)) {
	ctx, span := t.tracer.Start(ctx, "job.submit", trace.WithSpanKind(trace.SpanKindProducer), trace.WithAttributes(
		attribute.String("upscaled.api", spec.API), attribute.String("upscaled.job", spec.ID),
	))
	carrier := propagation.MapCarrier{}
	t.w3c.Inject(ctx, carrier)
	spec.Trace = carrier[traceparent]
	return ctx, func(_ job.Submitted, err error) {
		fail(span, err)
		span.End()
	}
}

// traceparent is the header of W3C Trace Context.
const traceparent = "traceparent"

// within returns a context with the span that submitted a job.
func (t *Tracer) within(ctx context.Context, j job.Job) context.Context {
	return t.w3c.Extract(ctx, propagation.MapCarrier{traceparent: j.Trace})
}

// fail marks a span with the error's kind; messages may quote the client.
func fail(span trace.Span, err error) {
	if err != nil {
		kind := string(fault.KindOf(err))
		span.SetAttributes(attribute.String("error.type", kind))
		span.SetStatus(codes.Error, kind)
	}
}

// seconds returns a duration as an attribute.
func seconds(key string, length time.Duration) attribute.KeyValue {
	return attribute.Float64(key, length.Seconds())
}
