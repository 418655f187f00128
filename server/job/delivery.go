package job

import (
	"context"
	"time"
)

// Webhook is a URL to call when a job ends. The dialect that created the job
// writes the body.
type Webhook struct {
	URL string `json:"url"`
	// Started requests a call when the job begins as well.
	Started bool `json:"started,omitempty"`
}

// Delivery is a webhook call that is due.
type Delivery interface {
	// Job is the record to report: the final one, or for a job that has begun
	// the running one of that time.
	Job() Job
	// Attempt is 1 for the first attempt. Crashes may make it skip numbers.
	Attempt() int
	// Done ends the delivery: the call was made or is given up.
	Done(ctx context.Context) error
	// Retry delivers it again after a delay.
	Retry(ctx context.Context, after time.Duration) error
}

// Deliveries hand out webhook calls that are due. A delivery whose process dies is
// handed out again: calls may be repeated but are never lost while the job's
// record lives. Only the start of a job that could not be reported before its end
// is dropped.
type Deliveries interface {
	// NextDelivery waits for a call that is due. It fails only when the context
	// ends. It may be called concurrently and from several processes.
	NextDelivery(ctx context.Context) (Delivery, error)
}
