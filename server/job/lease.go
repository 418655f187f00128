package job

import (
	"context"
	"io"

	"upscaled/models/fault"
)

// ErrLost is returned by a lease whose job belongs to another worker or is final:
// the worker drops its result.
var ErrLost error = fault.New(fault.Canceled, "The job was canceled or taken over.")

// Source hands out work. Next may be called concurrently and from several
// processes.
type Source interface {
	// Next waits for a job in a lane and begins it. It fails only when the context
	// ends; leases outlive the context.
	Next(ctx context.Context, lane Lane) (Lease, error)
}

// Lease is a job that one worker holds. It is held while its process lives and
// reaches the queue; exactly one of Succeed, Fail, Retry and Release ends it.
// These four return ErrLost, and change nothing, if the job was canceled or taken
// over meanwhile. Their context should outlive the lease's.
type Lease interface {
	Job() Job
	// Context ends when the job is canceled or lost.
	Context() context.Context
	// Input returns the image; fault.NotFound if it has expired.
	Input(ctx context.Context) ([]byte, error)
	// OpenFilm opens the film that the job is about, or is a part of; fault.NotFound if
	// it has expired. The caller closes it.
	OpenFilm(ctx context.Context) (io.ReadCloser, error)
	// Progress publishes a fraction of 0..1. It is cheap and may get lost.
	Progress(fraction float64)
	// Succeed stores the result and makes the job final.
	Succeed(ctx context.Context, image Content, result Result) error
	// Fail makes the job final.
	Fail(ctx context.Context, failure Failure) error
	// Retry puts the job back after a failure that may be temporary, or fails it
	// if this was its last attempt.
	Retry(ctx context.Context, failure Failure) error
	// Release puts the job back without counting the attempt, for a worker that
	// stops.
	Release(ctx context.Context) error
}
