package queue_test

import (
	"fmt"
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
	image := make([]byte, 64<<10)
	for i := 0; b.Loop(); i++ {
		if _, err := q.Submit(b.Context(), spec(fmt.Sprint("job-", i), "", 0), image); err != nil {
			b.Fatal(err)
		}
		lease, err := q.Next(b.Context(), false)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := lease.Input(b.Context()); err != nil {
			b.Fatal(err)
		}
		if err := lease.Succeed(b.Context(), image, job.Result{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "jobs/s")
}
