package job

import (
	"context"
	"time"
)

// Filter selects jobs of all callers; zero fields select all.
type Filter struct {
	State               State
	API, Account, Model string
	// Created jobs are at least this old, or younger.
	MinAge, MaxAge time.Duration
	// Before and Limit are as in Page.
	Before string
	Limit  int
}

// Operator sees and steers the jobs of all callers. It may be used concurrently.
type Operator interface {
	// Find returns jobs, newest first, and the cursor of the next page, as
	// Lister.List does. It reads all records.
	Find(ctx context.Context, f Filter) (jobs []Job, next string, err error)
	// Cancel is Queue.Cancel.
	Cancel(ctx context.Context, id string) error
	// Delete is Queue.Delete.
	Delete(ctx context.Context, id string) error
	// Retry lets a failed job run again, for its price, which its failure has
	// refunded. It fails with fault.Invalid for other jobs, but returns those that
	// wait or run as they are. fault.NotFound means that its image has expired.
	Retry(ctx context.Context, id string) (Job, error)
	// Prioritize changes the priority of a job that waits to one of the three; other
	// jobs stay as they are.
	Prioritize(ctx context.Context, id string, p Priority) (Job, error)
}
