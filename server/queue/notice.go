package queue

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"upscaled/server/job"
)

// verdict is what a notice is worth beside its record.
type verdict int

const (
	unripe verdict = iota // what it tells of has yet to happen
	ripe
	moot // nothing is to be told any more
)

// tells gives what a notice tells. A job's begin is told as it was, even where
// the job has gone on since; but once it has ended the begin is not tried again.
func tells(r record, occasion string, deliveries uint64) (job.Job, verdict) {
	final := r.State.Final()
	switch {
	case occasion == noticeEnded && final:
		return r.Job, ripe
	case occasion != noticeStarted:
		return job.Job{}, unripe
	case final && (r.Started.IsZero() || deliveries > 1):
		return job.Job{}, moot
	case r.Started.IsZero():
		return job.Job{}, unripe
	}
	j := r.Job
	j.State, j.Progress, j.Finished, j.Result, j.Failure = job.Running, 0, time.Time{}, nil, nil
	return j, ripe
}

// notice implements job.Notice. It stays held while its process lives and the
// context that it was asked for with lasts.
type notice struct {
	queue   *Queue
	job     job.Job
	attempt int
	message jetstream.Msg
	cancel  context.CancelFunc
	beating sync.WaitGroup
}

func (q *Queue) hand(ctx context.Context, j job.Job, message jetstream.Msg, attempt int) *notice {
	n := &notice{queue: q, job: j, attempt: attempt, message: message}
	ctx, n.cancel = context.WithCancel(ctx)
	n.beating.Go(func() {
		ticker := time.NewTicker(q.options.Lease / 3)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				if err := message.InProgress(); err != nil {
					q.options.Log.Warn("heartbeat", "notice", j.ID, "error", err)
				}
			}
		}
	})
	return n
}

// Job implements job.Notice.
func (n *notice) Job() job.Job { return n.job }

// Attempt implements job.Notice.
func (n *notice) Attempt() int { return n.attempt }

// Done implements job.Notice.
func (n *notice) Done(ctx context.Context) error {
	n.end()
	n.queue.passed(StepCalled, n.job.ID)
	if err := n.message.DoubleAck(ctx); err != nil && !errors.Is(err, jetstream.ErrMsgAlreadyAckd) {
		return fmt.Errorf("end notice: %w", err)
	}
	n.queue.passed(StepNoticed, n.job.ID)
	return nil
}

// Again implements job.Notice.
func (n *notice) Again(_ context.Context, after time.Duration) error {
	n.end()
	if err := n.message.NakWithDelay(after); err != nil {
		return fmt.Errorf("delay notice: %w", err)
	}
	return nil
}

func (n *notice) end() {
	n.cancel()
	n.beating.Wait()
}
