package queue

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"upscaled/models/fault"
	"upscaled/server/job"
	"upscaled/server/queue/index"
	"upscaled/server/queue/record"
)

// submitter accepts and cancels jobs.
type submitter struct {
	lifecycle *lifecycle
	cache     *index.Cache
	listing   *index.Listing
	once      jetstream.KeyValue // record.Once, by key
}

// submission is a job that is being accepted.
type submission struct {
	record.Job
	// written is set if the record may have been written, taken if another process's
	// submission has the ID; then payer is the account that it charged.
	written, taken bool
	payer          string
}

// Submit implements job.Queue.
func (s *submitter) Submit(ctx context.Context, spec job.Spec, input []byte) (job.Submitted, error) {
	if spec.File == nil {
		return s.submitSoon(ctx, spec, input)
	}
	// Storing a film takes long, so it is no step of the submission.
	end, first := s.cache.BeginSubmit(spec.ID)
	defer end()
	if !first {
		return job.Submitted{}, errTaken()
	}
	if err := s.lifecycle.connection.checkSpace(int(spec.File.Size())); err != nil {
		return job.Submitted{}, err
	}
	image := record.Job{Job: job.Job{Spec: spec}}.InputImage()
	if err := s.lifecycle.putContent(ctx, image, spec.File); err != nil {
		return job.Submitted{}, err
	}
	submitted, err := s.submitSoon(ctx, spec, nil)
	if err != nil && fault.KindOf(err) != fault.Conflict || submitted.Repeated {
		s.lifecycle.dropImage(context.WithoutCancel(ctx), image)
	}
	return submitted, err
}

func (s *submitter) submitSoon(ctx context.Context, spec job.Spec, input []byte) (job.Submitted, error) {
	ctx, stop := context.WithTimeout(ctx, submitLimit)
	defer stop()
	if spec.Once != nil {
		return s.submitOnce(ctx, spec, input)
	}
	return s.submit(ctx, spec, input)
}

// submit accepts a job. The order of its steps makes every crash harmless: the
// sweeper refunds a charge without a record, and writes the work item of a record
// without one.
func (s *submitter) submit(ctx context.Context, spec job.Spec, input []byte) (job.Submitted, error) {
	o := s.lifecycle.options
	if !record.ValidID(spec.ID) {
		return job.Submitted{}, fault.New(fault.Internal, "The job's ID has characters other than letters, digits, - and _.")
	}
	//guard:queue-bound
	if s.cache.Len() >= o.MaxUnfinished && spec.Film == "" {
		return job.Submitted{}, errFull()
	}
	if err := s.lifecycle.connection.checkSpace(len(input)); err != nil {
		return job.Submitted{}, err
	}
	// Clients may choose IDs. The images under a taken ID belong to its first submission.
	end, first := s.cache.BeginSubmit(spec.ID)
	defer end()
	known, err := s.lifecycle.read(ctx, spec.ID)
	//guard:taken-id TestTakenIDs
	if !first && spec.File == nil || err == nil && known.API != "" {
		return job.Submitted{}, errTaken()
	}
	r := submission{Job: record.Job{Job: job.Job{Spec: spec, State: job.Queued, Created: o.Now().UTC()}, Lane: job.Small}}
	//guard:own-input TestOneIDInTwoProcesses
	if spec.ClientID {
		r.Input = "-" + randomToken()
	}
	if o.Large != nil && o.Large(spec, input) {
		//guard:lanes TestSmallJobsHaveTheirOwnLane
		r.Lane = job.Large
	}
	switch {
	case spec.Film != "":
		film, err := s.lifecycle.read(ctx, spec.Film)
		if err != nil {
			return job.Submitted{}, err
		}
		r.Lane, r.Priority = job.Parts, film.Priority
	case spec.Options.Film != nil:
		r.Lane = job.Films
	}
	if spec.Sync {
		//guard:sync-caller TestCallersThatDied TestSilentCaller TestKilledWhileCallsWait
		r.SyncCaller = s.lifecycle.name
	}
	balance, err := s.lifecycle.charge(ctx, r.Job)
	if isRefusal(err) {
		return job.Submitted{}, err
	}
	if err == nil {
		s.lifecycle.reached(AfterCharge, spec.ID)
		err = s.accept(ctx, &r, input)
	}
	if r.taken {
		s.giveWay(ctx, r)
		return job.Submitted{}, err
	}
	if err != nil && s.withdraw(ctx, r) {
		return job.Submitted{}, err
	}
	// Also if the withdrawal came too late: a sweeper found space in the queue
	// and a worker has begun the job.
	return job.Submitted{Job: r.Job.Job, Credits: balance}, nil
}

func errTaken() error { return fault.New(fault.Conflict, "There is a job with this ID already.") }

// isRefusal reports whether the ledger refused the charge, as opposed to failing
// to answer.
func isRefusal(err error) bool {
	//guard:charge-outage TestOutagesAreNoRefusals => err != nil && fault.KindOf(err) != fault.Internal && fault.KindOf(err) != fault.Canceled
	return err != nil && fault.KindOf(err) != fault.Internal && fault.KindOf(err) != fault.Canceled && !isOutage(err)
}

// accept stores input, record and work item, in this order.
func (s *submitter) accept(ctx context.Context, r *submission, input []byte) error {
	l := s.lifecycle
	if r.File == nil {
		if err := l.putImage(ctx, r.InputImage(), input); err != nil {
			return err
		}
	}
	l.reached(AfterInput, r.ID)
	if err := s.record(ctx, r); err != nil {
		return err
	}
	l.reached(AfterRecord, r.ID)
	s.listing.Add(r.Job.Job) // its caller finds it at once
	if err := l.push(ctx, r.Job); fault.KindOf(err) == fault.Busy {
		return err
	} else if err != nil {
		// The record is safe, so the job is accepted; the sweeper pushes it.
		l.options.Log.Warn("work item follows later", "job", r.ID, "error", err)
	}
	return nil
}

// record writes the first record. An attempt whose answer was lost may have
// written it before: IDs are unique.
func (s *submitter) record(ctx context.Context, r *submission) error {
	r.written = true
	err := s.lifecycle.persist(ctx, func(ctx context.Context) error { return s.lifecycle.create(ctx, &r.Job) })
	if !isConflict(err) {
		return err
	}
	stored, readErr := s.lifecycle.read(ctx, r.ID)
	if readErr == nil && stored.Created.Equal(r.Created) {
		r.Job = stored
		return nil
	}
	if readErr == nil && stored.API != "" { // another process's
		r.taken, r.payer = true, stored.Account
		return errTaken()
	}
	r.written = readErr != nil
	return fmt.Errorf("job ID %s is taken: %w", r.ID, err)
}

// giveWay removes the traces of a submission whose ID another process recorded first.
// The charge belongs to the other one if both have the same account.
func (s *submitter) giveWay(ctx context.Context, r submission) {
	if r.Input != "" { // else the input belongs to the other submission
		s.lifecycle.dropImage(context.WithoutCancel(ctx), r.InputImage())
	}
	//guard:refund-taken TestOneIDInTwoProcesses
	if r.Account != r.payer {
		r.State = job.Canceled
		ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), concludeLimit)
		defer stop()
		if err := s.lifecycle.persist(ctx, func(ctx context.Context) error { return s.lifecycle.settle(ctx, r.Job) }); err != nil {
			s.lifecycle.options.Log.Warn("refund", "account", r.Account, "job", r.ID, "error", err)
		}
	}
}

// withdraw removes every trace of a submission that failed, and returns false, with
// nothing changed, if the job was begun already. If the removal fails as well, the
// job runs unseen or the sweeper refunds the charge.
func (s *submitter) withdraw(ctx context.Context, r submission) bool {
	const patience = 5 * time.Second
	l := s.lifecycle
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer stop()
	if r.written {
		err := l.persist(ctx, func(ctx context.Context) error { return l.erase(ctx, r.Job, true) })
		if isConflict(err) {
			// An attempt whose answer was lost may have erased it.
			if _, err = l.read(ctx, r.ID); fault.KindOf(err) != fault.NotFound {
				return false
			}
		} else if err != nil {
			l.options.Log.Warn("withdraw record", "job", r.ID, "error", err)
			return true
		}
		l.unqueue(ctx, r.Job)
	}
	r.State = job.Canceled
	l.conclude(ctx, r.Job)
	return true
}
