package queue

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"upscaled/models/fault"
	"upscaled/server/account"
	"upscaled/server/job"
)

// Submit implements job.Queue. The order of its steps makes every crash
// harmless: a charge without a record is given back by the sweeper, a record
// without a work item gets one.
func (q *Queue) Submit(ctx context.Context, spec job.Spec, input []byte) (job.Submitted, error) {
	ctx, stop := context.WithTimeout(ctx, submitLimit)
	defer stop()
	if !validID(spec.ID) {
		return job.Submitted{}, fault.New(fault.Internal, "The job's ID is not made of letters, digits, - and _.")
	}
	if q.board.size() >= q.options.MaxUnfinished {
		return job.Submitted{}, full()
	}
	if err := q.connection.room(len(input)); err != nil {
		return job.Submitted{}, err
	}
	q.board.submit(spec.ID, true)
	defer q.board.submit(spec.ID, false)
	r := record{Job: job.Job{Spec: spec, State: job.Queued, Created: q.options.Now().UTC()}, Line: smallLine}
	if q.options.Large != nil && q.options.Large(spec, input) {
		r.Line = largeLine
	}
	if spec.Waited {
		r.Waiter = q.name
	}
	balance, err := q.charge(ctx, spec)
	if err != nil && isRefusal(err) {
		return job.Submitted{}, err
	}
	if err == nil {
		q.passed(StepCharged, spec.ID)
		err = q.accept(ctx, &r, input)
	}
	if err != nil && !q.withdraw(ctx, r) {
		// Where there was no room just now there was for a sweeper, and a
		// worker has begun the job.
		return job.Submitted{Job: r.Job, Credits: balance}, nil
	}
	if err != nil {
		return job.Submitted{}, err
	}
	return job.Submitted{Job: r.Job, Credits: balance}, nil
}

// isRefusal says that an error is an answer, and not the lack of one.
func isRefusal(err error) bool {
	return fault.KindOf(err) != fault.Internal && fault.KindOf(err) != fault.Canceled
}

func full() error {
	return fault.New(fault.Busy, "The queue is full. Please try again later.")
}

func (q *Queue) charge(ctx context.Context, spec job.Spec) (balance *int64, err error) {
	if q.options.Ledger == nil || spec.Account == "" {
		return nil, nil
	}
	err = q.persist(ctx, func(ctx context.Context) error {
		balance, err = q.options.Ledger.Charge(ctx, spec.Account, spec.ID, account.Terms{
			Price: spec.Price, API: spec.API, PerDay: q.options.PerDay[spec.API], Concurrent: q.options.Concurrent,
		})
		return err
	})
	return balance, err
}

// accept stores input, record and work item in this order.
func (q *Queue) accept(ctx context.Context, r *record, input []byte) error {
	if err := q.storeImage(ctx, inputImage(r.ID), input); err != nil {
		return err
	}
	q.passed(StepInput, r.ID)
	r.tried = true
	err := q.persist(ctx, func(ctx context.Context) error { return q.create(ctx, r) })
	if isConflict(err) {
		// A try whose answer was lost may have written it; IDs are unique.
		stored, readErr := q.read(ctx, r.ID)
		if readErr == nil && !stored.Created.Equal(r.Created) {
			r.tried = false // it is another's
		}
		if readErr != nil || !r.tried {
			return fmt.Errorf("job ID %s is taken: %w", r.ID, err)
		}
		*r = stored
		r.tried = true
	} else if err != nil {
		return err
	}
	q.passed(StepRecorded, r.ID)
	q.board.list(r.Job)
	if err := q.push(ctx, *r); err != nil {
		if fault.KindOf(err) == fault.Busy {
			return err
		}
		// The record is safe, so the job is accepted; the sweeper pushes it.
		q.options.Log.Warn("work item follows later", "job", r.ID, "error", err)
	}
	return nil
}

// push writes a job's work item; one that is there already is as good. It
// fails with fault.Busy when the queue is full.
func (q *Queue) push(ctx context.Context, r record) error {
	ctx, stop := context.WithTimeout(ctx, pushLimit)
	defer stop()
	_, err := q.connection.stream.Publish(ctx, r.workSubject(), nil, jetstream.WithExpectStream(workStream))
	var refused *jetstream.APIError
	switch {
	case err == nil:
		q.passed(StepQueued, r.ID)
		return nil
	case isThereAlready(err):
		return nil
	case errors.As(err, &refused) && strings.Contains(refused.Description, "maximum messages exceeded"):
		return full()
	}
	return fmt.Errorf("push work item: %w", err)
}

// isThereAlready recognises the refusal of a second message on a subject.
func isThereAlready(err error) bool {
	var refused *jetstream.APIError
	return errors.As(err, &refused) && strings.Contains(refused.Description, "maximum messages per subject")
}

// withdraw removes every trace of a submission that failed: nobody was told
// of the job. Should that fail too, the job runs unseen or the charge is given
// back by the sweeper. It gives false, and changes nothing, where the job was
// begun already.
func (q *Queue) withdraw(ctx context.Context, r record) bool {
	const patience = 5 * time.Second
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer stop()
	if r.tried {
		err := q.persist(ctx, func(ctx context.Context) error { return q.erase(ctx, r) })
		if isConflict(err) {
			// A try whose answer was lost may have erased it.
			if _, err = q.read(ctx, r.ID); fault.KindOf(err) != fault.NotFound {
				return false
			}
		} else if err != nil {
			q.options.Log.Warn("withdraw record", "job", r.ID, "error", err)
			return true
		}
		q.dropWork(ctx, r)
	}
	r.State = job.Canceled
	q.conclude(ctx, r)
	return true
}

// erase removes a record: the known revision, or where the answer to its
// creation is missing whatever there is.
func (q *Queue) erase(ctx context.Context, r record) error {
	var options []jetstream.KVDeleteOpt
	if r.revision != 0 {
		options = append(options, jetstream.LastRevision(r.revision))
	}
	if err := q.records.Purge(ctx, r.ID, options...); err != nil {
		return fmt.Errorf("erase record: %w", err)
	}
	q.passed(StepErased, r.ID)
	return nil
}
