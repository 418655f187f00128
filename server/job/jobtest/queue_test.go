package jobtest_test

import (
	"testing"

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
