package queue_test

import (
	"bytes"
	"testing"

	"upscaled/server/job"
	"upscaled/server/job/jobtest"
	"upscaled/server/queue"
)

var (
	_ job.Lister     = (*queue.Queue)(nil)
	_ job.Watcher    = (*queue.Queue)(nil)
	_ job.Deliveries = (*queue.Queue)(nil)
	_ job.Uploads    = (*queue.Queue)(nil)
)

// hands hold the leases of a queue under test.
type hands map[string]job.Lease

func subject(q node) (jobtest.Subject, hands) {
	leases := hands{}
	return jobtest.Subject{
		Queue: q,
		Begin: func(t *testing.T, _ string) {
			lease := next(t, q)
			leases[lease.Job().ID] = lease
			if input, err := lease.Input(t.Context()); err != nil || string(input) != "input" {
				t.Errorf("input %q, %v", input, err)
			}
		},
		End: func(t *testing.T, id string, o jobtest.Outcome) {
			if o.Failure != nil {
				_ = leases[id].Fail(t.Context(), *o.Failure)
			} else {
				_ = leases[id].Succeed(t.Context(), bytes.NewReader(o.Picture), *o.Result)
			}
		},
	}, leases
}

func TestQueue(t *testing.T) {
	t.Parallel()
	jobtest.TestQueue(t, func(t *testing.T) jobtest.Subject {
		s, _ := subject(start(t, embed(t, t.TempDir()), nil))
		return s
	})
}

func TestLister(t *testing.T) {
	t.Parallel()
	jobtest.TestLister(t, func(t *testing.T) jobtest.Listed {
		return start(t, embed(t, t.TempDir()), func(o *queue.Options) { o.Ledger = nil })
	})
}

// The watcher is another process's than the worker.
func TestWatcher(t *testing.T) {
	t.Parallel()
	jobtest.TestWatcher(t, func(t *testing.T) jobtest.Watched {
		c := embed(t, t.TempDir())
		api, worker := start(t, c, nil), start(t, c, nil)
		s, leases := subject(worker)
		s.Queue = api
		return jobtest.Watched{
			Subject: s, Watcher: api,
			Progress: func(_ *testing.T, id string, fraction float64) { leases[id].Progress(fraction) },
		}
	})
}

func TestDeliveries(t *testing.T) {
	t.Parallel()
	jobtest.TestDeliveries(t, func(t *testing.T) jobtest.Delivering {
		q := start(t, embed(t, t.TempDir()), nil)
		s, _ := subject(q)
		return jobtest.Delivering{Subject: s, Deliveries: q}
	})
}

func TestUploads(t *testing.T) {
	t.Parallel()
	jobtest.TestUploads(t, func(t *testing.T, kept jobtest.KeptOptions) job.Uploads {
		return start(t, embed(t, t.TempDir()), func(o *queue.Options) {
			o.Retention, o.UploadBytes, o.Now = kept.Retention, kept.Bound, kept.Now
		})
	})
}
