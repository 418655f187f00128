package job

import "context"

// Page requests a part of a caller's jobs.
type Page struct {
	// API, Account and Browser must all match the jobs' Spec.
	API, Account, Browser string
	// Before continues after the cursor of an earlier page; "" begins with the
	// newest job.
	Before string
	// Limit is the most jobs to return; it is clamped to 1..LongestPage.
	Limit int
}

// LongestPage is the most jobs of one page.
const LongestPage = 100

// Lister lists the jobs of callers. It may be used concurrently.
type Lister interface {
	// List returns jobs, newest first, and the cursor of the next page, "" if
	// there is none. Expired jobs are not listed. New and expired jobs do not
	// change a cursor's page. A damaged cursor is fault.Invalid.
	List(ctx context.Context, page Page) (jobs []Job, next string, err error)
}

// Watcher follows a job. It may be used concurrently.
type Watcher interface {
	// Watch calls changed with the record at once and then after changes of
	// state or progress, of which it may skip all but the latest. It returns nil
	// after a final state, changed's error, the context's, or fault.NotFound for
	// a job that is unknown or expires meanwhile.
	Watch(ctx context.Context, id string, changed func(Job) error) error
}
