package jobtest_test

import (
	"testing"

	"upscaled/server/job"
	"upscaled/server/job/jobtest"
)

var (
	_ job.Queue      = (*jobtest.Queue)(nil)
	_ job.Lister     = (*jobtest.Queue)(nil)
	_ job.Watcher    = (*jobtest.Queue)(nil)
	_ job.Uploads    = (*jobtest.Queue)(nil)
	_ job.Deliveries = (*jobtest.Queue)(nil)
)

func subject(q *jobtest.Queue) jobtest.Subject {
	return jobtest.Subject{
		Queue: q,
		Begin: func(_ *testing.T, id string) { q.Start(id, 0) },
		End:   func(_ *testing.T, id string, o jobtest.Outcome) { q.Finish(id, o) },
	}
}

func TestMemoryQueue(t *testing.T) {
	t.Parallel()
	jobtest.TestQueue(t, func(*testing.T) jobtest.Subject { return subject(&jobtest.Queue{}) })
}

func TestMemoryLister(t *testing.T) {
	t.Parallel()
	jobtest.TestLister(t, func(*testing.T) jobtest.Listed { return &jobtest.Queue{} })
}

func TestMemoryWatcher(t *testing.T) {
	t.Parallel()
	jobtest.TestWatcher(t, func(*testing.T) jobtest.Watched {
		q := &jobtest.Queue{}
		return jobtest.Watched{Subject: subject(q), Watcher: q, Progress: func(_ *testing.T, id string, f float64) { q.Start(id, f) }}
	})
}

func TestMemoryDeliveries(t *testing.T) {
	t.Parallel()
	jobtest.TestDeliveries(t, func(*testing.T) jobtest.Delivering {
		q := &jobtest.Queue{}
		return jobtest.Delivering{Subject: subject(q), Deliveries: q}
	})
}

func TestMemoryUploads(t *testing.T) {
	t.Parallel()
	jobtest.TestUploads(t, func(_ *testing.T, o jobtest.KeptOptions) job.Uploads {
		return &jobtest.Queue{Retention: o.Retention, UploadBytes: o.Bound, Now: o.Now}
	})
}
