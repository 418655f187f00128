package job

import "context"

// Page asks for a part of a caller's jobs.
type Page struct {
	// API and Account are those of the jobs' Spec; both must match.
	API, Account string
	// Before continues after an earlier answer's cursor; "" begins with the
	// newest.
	Before string
	// Limit is how many jobs at most, 1 to LongestPage; what lies outside is
	// taken for the nearer of the two.
	Limit int
}

// LongestPage is how many jobs one answer holds at most.
const LongestPage = 100

// Lister tells callers of their jobs. It may be used concurrently.
type Lister interface {
	// List gives jobs, newest first, and the cursor of the next page, "" where
	// there is none. Expired jobs are not listed, nor is a cursor's page
	// changed by jobs that come or expire. A damaged cursor is fault.Invalid.
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
