package jobtest_test

import (
	"testing"

	"upscaled/server/job"
	"upscaled/server/job/jobtest"
)

func TestMemoryQueue(t *testing.T) {
	t.Parallel()
	jobtest.TestQueue(t, func(*testing.T) jobtest.Subject {
		q := &jobtest.Queue{}
		return jobtest.Subject{
			Queue: q,
			Begin: func(_ *testing.T, id string) { q.Start(id, 0) },
			End:   func(_ *testing.T, id string, o jobtest.Outcome) { q.Finish(id, o) },
		}
	})
}

var (
	_ job.Queue   = (*jobtest.Queue)(nil)
	_ job.Lister  = (*jobtest.Queue)(nil)
	_ job.Watcher = (*jobtest.Queue)(nil)
	_ job.Uploads = (*jobtest.Queue)(nil)
	_ job.Notices = (*jobtest.Queue)(nil)
)
