package trace

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"upscaled/engine"
	"upscaled/server/job"
	"upscaled/server/worker"
)

// JobBegins starts the spans of an attempt at a job, and returns the context to run it
// in and a function that ends them.
func (t *Tracer) JobBegins(ctx context.Context, j job.Job) (context.Context, func(worker.End)) {
	submitted, now := t.within(ctx, j), time.Now()
	about := trace.WithAttributes(
		attribute.String("upscaled.api", j.API), attribute.String("upscaled.job", j.ID), attribute.Int("upscaled.attempt", j.Attempts),
	)
	if j.Attempts == 1 {
		// The creation time may come from another machine's clock.
		created := j.Created
		if created.After(now) {
			created = now
		}
		_, wait := t.tracer.Start(submitted, "job.wait", about, trace.WithTimestamp(created))
		wait.End(trace.WithTimestamp(now))
	}
	ctx, span := t.tracer.Start(submitted, "job.run", about, trace.WithSpanKind(trace.SpanKindConsumer), trace.WithTimestamp(now))
	return ctx, func(e worker.End) {
		defer span.End()
		span.SetAttributes(attribute.String("upscaled.outcome", e.Outcome))
		switch {
		case e.Err == nil:
			span.SetAttributes(resultAttributes(e.Result)...)
		case e.Outcome == "failed" || e.Outcome == "tried again":
			fail(span, e.Err)
		}
	}
}

// resultAttributes describe the image and the engine's time. The phases of an image
// overlap, so they are durations, not spans.
func resultAttributes(r engine.Result) []attribute.KeyValue {
	pixels := func(width, height int) int64 { return int64(width) * int64(height) }
	return []attribute.KeyValue{
		attribute.String("upscaled.model", r.Model),
		attribute.Int64("upscaled.input_pixels", pixels(r.Input.Width, r.Input.Height)),
		attribute.Int64("upscaled.output_pixels", pixels(r.Output.Width, r.Output.Height)),
		attribute.Int("upscaled.tiles", r.Stats.Tiles),
		seconds("upscaled.decode_seconds", r.Stats.Decode), seconds("upscaled.open_seconds", r.Stats.Open),
		seconds("upscaled.session_seconds", r.Stats.Session), seconds("upscaled.resize_seconds", r.Stats.Resize),
		seconds("upscaled.encode_seconds", r.Stats.Encode),
	}
}
