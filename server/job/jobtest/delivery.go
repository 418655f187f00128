package jobtest

import (
	"context"
	"time"

	"upscaled/server/job"
)

// delivery implements job.Delivery.
type delivery struct {
	queue   *Queue
	job     job.Job
	attempt int
}

func (d *delivery) Job() job.Job               { return d.job }
func (d *delivery) Attempt() int               { return d.attempt }
func (d *delivery) Done(context.Context) error { return nil }

func (d *delivery) Retry(_ context.Context, after time.Duration) error {
	again := *d // the caller's keeps its number
	time.AfterFunc(after, func() {
		again.queue.mutex.Lock()
		defer again.queue.mutex.Unlock()
		again.queue.due = append(again.queue.due, &again)
		again.queue.notify()
	})
	return nil
}

// NextDelivery implements job.Deliveries. A delivery that is never ended is not handed
// out again.
func (q *Queue) NextDelivery(ctx context.Context) (job.Delivery, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		q.mutex.Lock()
		if len(q.due) > 0 {
			d := q.due[0]
			q.due = q.due[1:]
			d.attempt++
			q.mutex.Unlock()
			return d, nil
		}
		changed := changes(q)
		q.mutex.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
}
