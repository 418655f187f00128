package job

import (
	"context"

	"upscaled/models/fault"
)

// ErrLost says that a lease's job belongs to somebody else or is final: the
// worker drops what it has.
var ErrLost error = fault.New(fault.Canceled, "The job was canceled or taken over.")

// Source gives work to workers. Next may be called concurrently and from
// several processes.
type Source interface {
	// Next waits for a job in the line of small or large ones and begins it.
	// It fails only when the context ends; leases outlive that.
	Next(ctx context.Context, large bool) (Lease, error)
}

// Lease is a job that one worker holds. It stays held while its process lives
// and reaches the queue; exactly one of Succeed, Fail, Retry and Release ends
// it. These four answer ErrLost when the job was canceled or taken over
// meanwhile; nothing is changed then. Their context should outlive the
// lease's.
type Lease interface {
	Job() Job
	// Context ends when the job is canceled or lost.
	Context() context.Context
	// Input reads the picture; fault.NotFound when it has expired.
	Input(ctx context.Context) ([]byte, error)
	// Progress tells a fraction of 0..1; it costs little and may be lost.
	Progress(fraction float64)
	// Succeed stores the result and makes the job final.
	Succeed(ctx context.Context, picture []byte, result Result) error
	// Fail makes the job final.
	Fail(ctx context.Context, failure Failure) error
	// Retry puts the job back after a failure that may pass, or fails it when
	// this was its last try.
	Retry(ctx context.Context, failure Failure) error
	// Release puts the job back untried, for a worker that stops.
	Release(ctx context.Context) error
}
