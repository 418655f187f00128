package queue

import (
	"time"

	"upscaled/server/job"
)

// Depth tells how much work waits and runs. It costs no round trip: it counts
// what Run has heard of.
func (q *Queue) Depth() job.Depth {
	d := job.Depth{PerAPI: map[string]int{}}
	var oldest time.Time
	for _, r := range q.board.unfinished() {
		d.PerAPI[r.API]++
		if r.State == job.Running {
			d.Running++
			continue
		}
		d.Queued++
		if oldest.IsZero() || r.Created.Before(oldest) {
			oldest = r.Created
		}
	}
	if !oldest.IsZero() {
		d.Oldest = max(0, q.options.Now().Sub(oldest))
	}
	return d
}
