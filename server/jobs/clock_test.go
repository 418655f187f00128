package jobs_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"upscaled/server/job"
	"upscaled/server/jobs"
)

// The machine's clock jumps back and forth while jobs are charged, run and
// swept: each ends once, and the credits are right.
func TestClockJumps(t *testing.T) {
	t.Parallel()
	var shift atomic.Int64
	q := start(t, embed(t, t.TempDir()), func(o *jobs.Options) {
		often(o)
		o.Now = func() time.Time { return time.Now().Add(time.Duration(shift.Load())) }
	})
	id := newAccount(t, q, 100)
	jumps := []time.Duration{0, -48 * time.Hour, 30 * time.Minute, -30 * time.Minute, 24 * time.Hour, -10 * 365 * 24 * time.Hour}
	for i, jump := range jumps {
		name := fmt.Sprint("job-", i)
		submit(t, q, spec(name, id, 3))
		lease := next(t, q)
		shift.Store(int64(jump)) // while it runs
		succeed(t, lease, "picture")
		if j := wait(t, q, name); j.State != job.Succeeded {
			t.Errorf("after a jump of %v: %+v", jump, j)
		}
		if got, want := balance(t, q, id), int64(100-3*(i+1)); got != want {
			t.Errorf("after a jump of %v: %d credits, want %d", jump, got, want)
		}
	}
	settled(t, q)
	if got := balance(t, q, id); got != 100-3*int64(len(jumps)) || q.Unfinished() != 0 {
		t.Errorf("%d credits, %d unfinished", got, q.Unfinished())
	}
}
