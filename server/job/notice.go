package job

import (
	"context"
	"time"
)

// Webhook is where a job's end is told. The dialect that made the job writes
// the body.
type Webhook struct {
	URL string `json:"url"`
	// Started asks for a call when the job begins as well.
	Started bool `json:"started,omitempty"`
}

// Delivery is a call of a webhook that is due.
type Delivery interface {
	// Job is the record that the call tells of: a final one, or for a call that
	// tells of the begin the one of that time, which is running.
	Job() Job
	// Attempt counts the tries, 1 for the first. Crashes may make it skip
	// numbers.
	Attempt() int
	// Done ends the notice: it was delivered or is given up.
	Done(ctx context.Context) error
	// Again has it tried anew after a pause.
	Retry(ctx context.Context, after time.Duration) error
}

// Deliveries hand out the calls that are due. A notice whose process dies is
// handed out again: calls may be repeated but are never lost while the job's
// record lives. Only a begin that could not be told before the job's end is
// dropped: the end tells all.
type Deliveries interface {
	// NextDelivery waits for one. It fails only when the context ends. It may be
	// called concurrently and from several processes.
	NextDelivery(ctx context.Context) (Delivery, error)
}
