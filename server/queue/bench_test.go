package queue_test

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"upscaled/server/job"
	"upscaled/server/queue"
)

// BenchmarkSubmitAndRun runs one client and one worker in turn, without an engine;
// every write is on the disk before it is acknowledged.
func BenchmarkSubmitAndRun(b *testing.B) {
	c, err := queue.Embed(b.TempDir(), quiet())
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	q, err := queue.Open(b.Context(), c, options(nil))
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = q.Run(ctx) })
	defer running.Wait()
	defer cancel()
	image := make([]byte, 64<<10)
	for i := 0; b.Loop(); i++ {
		if _, err := q.Submit(b.Context(), spec(fmt.Sprint("job-", i), "", 0), image); err != nil {
			b.Fatal(err)
		}
		lease, err := q.Next(b.Context(), job.Small)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := lease.Input(b.Context()); err != nil {
			b.Fatal(err)
		}
		if err := lease.Succeed(b.Context(), bytes.NewReader(image), job.Result{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "jobs/s")
}

// BenchmarkImage stores and reads an image of 24 MB.
func BenchmarkImage(b *testing.B) {
	c, err := queue.Embed(b.TempDir(), quiet())
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	q, err := queue.Open(b.Context(), c, options(nil))
	if err != nil {
		b.Fatal(err)
	}
	image := make([]byte, 24<<20)
	for i := range image {
		image[i] = byte(i * i >> 7)
	}
	for _, operation := range []struct {
		name string
		run  func() error
	}{
		{"put", func() error { return q.PutImage(b.Context(), "job/input", image) }},
		{"get", func() error { _, err := q.GetImage(b.Context(), "job/input"); return err }},
	} {
		b.Run(operation.name, func(b *testing.B) {
			b.SetBytes(int64(len(image)))
			b.ReportAllocs()
			for b.Loop() {
				if err := operation.run(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(runtime.NumGoroutine()), "goroutines")
		})
	}
}
