package queue_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"upscaled/server/account"
	"upscaled/server/job"
	"upscaled/server/queue"
)

// awaited is a ledger that signals each sweep to a waiting test.
type awaited struct {
	queue.Ledger
	sweeps chan struct{}
}

func (a awaited) Holds(ctx context.Context) ([]account.Hold, error) {
	select {
	case a.sweeps <- struct{}{}:
	default: // nobody waits
	}
	return a.Ledger.Holds(ctx)
}

// The clock jumps back and forth while jobs are charged, run and swept: each ends
// once, and the credits are right. A jump beyond a job's longest time expires it, and
// its worker's result comes too late.
func TestClockJumps(t *testing.T) {
	t.Parallel()
	var shift atomic.Int64
	sweeps := make(chan struct{})
	q := start(t, embed(t, t.TempDir()), func(o *queue.Options) {
		often(o)
		o.Now = func() time.Time { return time.Now().Add(time.Duration(shift.Load())) }
		o.Ledger = awaited{o.Ledger, sweeps}
	})
	credits := int64(100)
	id := newAccount(t, q, credits)
	// Retention is an hour, and a running job has half an hour more.
	const hour = time.Hour
	for i, jump := range []time.Duration{0, -48 * hour, hour / 2, -hour / 2, 24 * hour, -10 * 365 * 24 * hour} {
		name, before := fmt.Sprint("job-", i), time.Duration(shift.Load())
		submit(t, q, spec(name, id, 3))
		lease := next(t, q)
		shift.Store(int64(jump)) // while it runs
		for range 2 {            // the first may have begun before
			<-sweeps
		}
		err := lease.Succeed(t.Context(), strings.NewReader("image"), job.Result{OutputWidth: 1})
		want := job.Succeeded
		if jump-before >= hour*3/2 {
			want = job.Failed
		} else {
			credits -= 3
		}
		if j := wait(t, q, name); j.State != want || errors.Is(err, job.ErrLost) != (want == job.Failed) {
			t.Errorf("after a jump of %v: %+v, %v", jump-before, j, err)
		}
		if got := balance(t, q, id); got != credits {
			t.Errorf("after a jump of %v: %d credits, want %d", jump-before, got, credits)
		}
	}
	settled(t, q)
	if got := balance(t, q, id); got != credits || q.Unfinished() != 0 {
		t.Errorf("%d credits, want %d; %d unfinished", got, credits, q.Unfinished())
	}
}
