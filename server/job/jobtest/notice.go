package jobtest

import (
	"context"
	"time"

	"upscaled/server/job"
)

// notice implements job.Notice.
type notice struct {
	queue *Queue
	job   job.Job
	tried int
}

func (n *notice) Job() job.Job               { return n.job }
func (n *notice) Attempt() int               { return n.tried }
func (n *notice) Done(context.Context) error { return nil }

func (n *notice) Retry(_ context.Context, after time.Duration) error {
	again := *n // what the caller holds keeps its number
	time.AfterFunc(after, func() {
		again.queue.mutex.Lock()
		defer again.queue.mutex.Unlock()
		again.queue.due = append(again.queue.due, &again)
		again.queue.stir()
	})
	return nil
}

// NextDelivery implements job.Notices. A notice that is never ended is not
// handed out again.
func (q *Queue) NextDelivery(ctx context.Context) (job.Delivery, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		q.mutex.Lock()
		if len(q.due) > 0 {
			n := q.due[0]
			q.due = q.due[1:]
			n.tried++
			q.mutex.Unlock()
			return n, nil
		}
		stirred := q.listen()
		q.mutex.Unlock()
		select {
		case <-stirred:
		case <-ctx.Done():
		}
	}
}
