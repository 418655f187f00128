//go:build linux

package child_test

import (
	"bytes"
	"log/slog"
	"testing"
	"time"

	"upscaled/engine"
	"upscaled/server/worker/child"
)

// What the second process costs one image of 256x256, which is made here and
// there in turn, and the ways alone of a result's two megabytes.
func BenchmarkOverhead(b *testing.B) {
	e := child.New(child.Options{Command: command("plain"), Log: slog.New(slog.DiscardHandler)})
	defer e.Close()
	itself := newEngine()
	defer itself.Close()
	picture, result := noise(b, 256, 256, false), make([]byte, 2<<20)
	run := func(on engine.Upscaler, q engine.Request) time.Duration {
		var out bytes.Buffer
		q.Output = &out
		started := time.Now()
		if _, err := on.Upscale(b.Context(), q); err != nil {
			b.Fatal(err)
		}
		return time.Since(started)
	}
	run(e, engine.Request{Input: picture}) // both are warm
	run(itself, engine.Request{Input: picture})
	var here, there, ways time.Duration
	for b.Loop() {
		here += run(itself, engine.Request{Input: picture})
		there += run(e, engine.Request{Input: picture})
		ways += run(e, engine.Request{Input: result, Faces: asking("echo")})
	}
	each := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 / float64(b.N) }
	b.ReportMetric(each(here), "ms-here")
	b.ReportMetric(each(there), "ms-there")
	b.ReportMetric(each(ways), "ms-2MB-both-ways")
}
