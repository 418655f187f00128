package job

import "context"

// Page asks for a part of a caller's jobs.
type Page struct {
	// API and Account are those of the jobs' Spec; both must match.
	API, Account string
	// Before continues after an earlier answer's cursor; "" begins with the
	// newest.
	Before string
	// Limit is how many jobs at most, 1 to 100.
	Limit int
}

// Lister tells callers of their jobs. It may be used concurrently.
type Lister interface {
	// List gives jobs, newest first, and the cursor of the next page, "" where
	// there is none. Expired jobs are not listed. A cursor that List did not
	// give is fault.Invalid.
	List(ctx context.Context, page Page) (jobs []Job, next string, err error)
}

// Watcher follows a job. It may be used concurrently.
type Watcher interface {
	// Watch calls changed with the record at once and then after changes of
	// state or progress, of which it may skip all but the latest. It returns
	// nil after a final state was told, changed's error, the context's, or
	// fault.NotFound for a job that is unknown or expires meanwhile.
	Watch(ctx context.Context, id string, changed func(Job) error) error
}
