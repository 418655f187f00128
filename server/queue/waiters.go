package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"upscaled/models/fault"
)

// A job whose answer only one call can give (job.Spec.Waited) is of no use to
// anybody once the process of that call is gone: nobody knows its ID. Its record
// names that process, and the others give the job up, so that it is not paid.

// alivePrefix begins the subjects that processes answer on while they live.
const alivePrefix = "upscaled.alive.1."

// answerAlive tells others that this process lives, until the context ends.
func (q *Queue) answerAlive(ctx context.Context) error {
	subscription, err := q.connection.nats.Subscribe(alivePrefix+q.name, func(m *nats.Msg) {
		_ = m.Respond(nil) // who asks will ask again
	})
	if err != nil {
		return fmt.Errorf("listen for questions: %w", err)
	}
	<-ctx.Done()
	_ = subscription.Unsubscribe() // the connection may be gone already
	return nil
}

// isAlive asks a process. Silence may be a lost node's.
func (q *Queue) isAlive(ctx context.Context, name string) bool {
	ctx, stop := context.WithTimeout(ctx, stepLimit)
	defer stop()
	_, err := q.connection.nats.RequestWithContext(ctx, alivePrefix+name, nil)
	return err == nil
}

// sweepWaiters gives up the jobs of processes that have been silent for
// waiterPatience. silent has those with the time since when; the new one is
// returned.
func (q *Queue) sweepWaiters(ctx context.Context, silent map[string]time.Time) map[string]time.Time {
	still := map[string]time.Time{}
	alive := map[string]bool{q.name: true}
	for _, r := range q.board.unfinished() {
		if r.Waiter == "" || alive[r.Waiter] {
			continue
		}
		if _, asked := still[r.Waiter]; !asked {
			if q.isAlive(ctx, r.Waiter) {
				alive[r.Waiter] = true
				continue
			}
			first, known := silent[r.Waiter]
			if !known {
				first = q.options.Now()
			}
			still[r.Waiter] = first
		}
		if q.options.Now().Sub(still[r.Waiter]) >= waiterPatience {
			q.giveUp(ctx, r)
		}
	}
	return still
}

// inheritWaiters gives up, at the start of a process that holds the embedded
// server, what calls of the process before it waited for.
func (q *Queue) inheritWaiters(ctx context.Context) {
	for _, r := range q.board.unfinished() {
		if r.Waiter != "" && r.Waiter != q.name {
			q.giveUp(ctx, r)
		}
	}
}

// giveUp cancels a job that nobody waits for any more.
func (q *Queue) giveUp(ctx context.Context, r record) {
	err := q.Cancel(ctx, r.ID)
	if err == nil {
		q.dropWork(ctx, r) // where it ran, its worker may be dead
		q.options.Log.Info("job is given up: the call that waited for it died with its server", "job", r.ID)
	} else if ctx.Err() == nil && fault.KindOf(err) != fault.NotFound && !errors.Is(err, context.Canceled) {
		q.options.Log.Warn("give up job", "job", r.ID, "error", err)
	}
}
