package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"upscaled/models/fault"
	"upscaled/server/job"
	"upscaled/server/queue/record"
)

// claimInterval is the time between two looks at a job that another submission is
// recording.
const claimInterval = 50 * time.Millisecond

// submitOnce submits a job unless an earlier submission has: the one that claims the
// job's part of the request submits it, and all others wait for its record. A claim
// whose submission died is taken over.
func (s *submitter) submitOnce(ctx context.Context, spec job.Spec, input []byte) (job.Submitted, error) {
	token := randomToken()
	end, _ := s.cache.BeginSubmit(token)
	defer end()
	for {
		once, revision, err := s.readOnce(ctx, spec)
		if err != nil {
			return job.Submitted{}, busyInOutage(ctx, err)
		}
		//guard:once-request TestOnceAnotherRequest
		if len(once.Claims) > 0 && once.Request != spec.Once.Request {
			return job.Submitted{}, fault.New(fault.Conflict, "This Idempotency-Key was used for another request.")
		}
		if claim, claimed := once.Claims[spec.Part]; claimed {
			switch repeated, found, err := s.repeat(ctx, claim); {
			case err != nil || found == recorded:
				return repeated, err
			case found == missing && claim.Token == token:
				return s.submitClaimed(ctx, spec, input, token)
			case found == missing && s.isSubmitting(ctx, claim):
				if !wait(ctx, claimInterval) {
					return job.Submitted{}, errClaimed()
				}
				continue
			case found == missing && claim.Job != spec.ID: // a client may choose IDs
				if err := s.fence(ctx, claim, spec); isConflict(err) {
					continue // it was recorded meanwhile
				} else if err != nil {
					return job.Submitted{}, err
				}
			}
		}
		if err := s.claim(ctx, spec, token, once, revision); err != nil && !isConflict(err) {
			return job.Submitted{}, err
		}
	}
}

func errClaimed() error {
	return fault.New(fault.Busy, "The first request with this Idempotency-Key is still being accepted. Please try again.")
}

// submitClaimed submits a job that this submission has claimed. A refusal releases the
// claim, so that the key can be used again.
func (s *submitter) submitClaimed(ctx context.Context, spec job.Spec, input []byte, token string) (job.Submitted, error) {
	s.lifecycle.reached(AfterClaim, spec.ID)
	submitted, err := s.submit(ctx, spec, input)
	if isConflict(err) { // fenced off by a submission that took this one for dead
		return job.Submitted{}, errClaimed()
	}
	if err != nil {
		s.unclaim(ctx, spec, token)
	}
	return submitted, err
}

// readOnce returns the entry of a key, empty if it has expired.
func (s *submitter) readOnce(ctx context.Context, spec job.Spec) (once record.Once, revision uint64, err error) {
	var entry jetstream.KeyValueEntry
	err = s.lifecycle.persist(ctx, func(ctx context.Context) error {
		if entry, err = s.once.Get(ctx, spec.Once.Key); errors.Is(err, jetstream.ErrKeyNotFound) {
			return nil
		}
		return err
	})
	if err == nil && entry == nil {
		return record.Once{}, 0, nil
	} else if err == nil {
		err = json.Unmarshal(entry.Value(), &once)
	}
	if err != nil {
		return record.Once{}, 0, fmt.Errorf("read idempotency key: %w", err)
	}
	//guard:once-expiry TestOnceExpires
	if s.lifecycle.options.Now().Sub(once.Created) >= job.OnceFor {
		once = record.Once{}
	}
	return once, entry.Revision(), nil
}

// claim notes in exactly the revision that was read that this submission makes a
// part's job.
func (s *submitter) claim(ctx context.Context, spec job.Spec, token string, once record.Once, revision uint64) error {
	now := s.lifecycle.options.Now().UTC()
	if len(once.Claims) == 0 {
		once = record.Once{Request: spec.Once.Request, Created: now, Claims: map[int]record.Claim{}}
	}
	once.Claims[spec.Part] = record.Claim{Job: spec.ID, Token: token, Process: s.lifecycle.name, Created: now}
	return s.writeOnce(ctx, spec.Once.Key, once, revision)
}

// unclaim releases the claim of a submission that was refused. If that fails, the
// next submission takes it over.
func (s *submitter) unclaim(ctx context.Context, spec job.Spec, token string) {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), concludeLimit)
	defer stop()
	for {
		once, revision, err := s.readOnce(ctx, spec)
		if err == nil && once.Claims[spec.Part].Token == token {
			delete(once.Claims, spec.Part)
			err = s.writeOnce(ctx, spec.Once.Key, once, revision)
		}
		if !isConflict(err) {
			if err != nil {
				s.lifecycle.options.Log.Warn("give up idempotency key", "job", spec.ID, "error", err)
			}
			return
		}
	}
}

// writeOnce is a compare-and-swap; an attempt whose answer was lost makes the next
// one a conflict, after which the caller reads again.
func (s *submitter) writeOnce(ctx context.Context, key string, once record.Once, revision uint64) error {
	value, err := json.Marshal(once)
	if err != nil {
		return fmt.Errorf("encode idempotency key: %w", err)
	}
	return s.lifecycle.persist(ctx, func(ctx context.Context) error {
		var written uint64
		if revision == 0 {
			written, err = s.once.Create(ctx, key, value)
		} else {
			written, err = s.once.Update(ctx, key, value, revision)
		}
		if err == nil {
			s.lifecycle.connection.wrote(onceBucket, written)
		}
		return err
	})
}

// States of a claim's job.
const (
	recorded = iota
	missing  // no record, or not yet
	fenced
)

// repeat returns the job of a claim, if it is recorded.
func (s *submitter) repeat(ctx context.Context, claim record.Claim) (submitted job.Submitted, found int, err error) {
	o, expired := s.lifecycle.options, fault.New(fault.Conflict, "The job of this Idempotency-Key has expired.")
	r, err := s.lifecycle.read(ctx, claim.Job)
	switch {
	case fault.KindOf(err) == fault.NotFound && o.Now().Sub(claim.Created) >= o.Retention: // records live longer
		return job.Submitted{}, missing, expired
	//guard:once-deleted TestOnceAfterDeletion
	case fault.KindOf(err) == fault.NotFound && s.lifecycle.purged(ctx, claim.Job):
		return job.Submitted{}, missing, fault.New(fault.Conflict, "The job of this Idempotency-Key was deleted.")
	case fault.KindOf(err) == fault.NotFound:
		return job.Submitted{}, missing, nil
	case err != nil:
		return job.Submitted{}, missing, busyInOutage(ctx, err)
	case r.API == "":
		return job.Submitted{}, fenced, nil
	case r.State.Final() && o.Now().Sub(r.Finished) >= o.Retention:
		return job.Submitted{}, recorded, expired
	}
	return job.Submitted{Job: r.Job, Repeated: true}, recorded, nil
}

// isSubmitting reports whether the submission of a claim may still record its job.
// It may be wrong: fence makes sure.
func (s *submitter) isSubmitting(ctx context.Context, claim record.Claim) bool {
	if claim.Process == s.lifecycle.name {
		return s.cache.Submitting(claim.Token)
	}
	return s.lifecycle.options.Now().Sub(claim.Created) < submitLimit && s.lifecycle.isAlive(ctx, claim.Process)
}

// fence takes the ID of a claim's job, so that its submission, if it is alive after
// all, fails to record it and returns its charge. A conflict means that the record
// is there.
func (s *submitter) fence(ctx context.Context, claim record.Claim, spec job.Spec) error {
	l := s.lifecycle
	// Without an API no client can list or query it.
	r := record.Job{Job: job.Job{Spec: job.Spec{ID: claim.Job, Account: spec.Account}, State: job.Canceled}, Lane: job.Small}
	//guard:once-fence TestOnceTakenOver => error(nil)
	err := l.persist(ctx, func(ctx context.Context) error { return l.create(ctx, &r) })
	if err == nil {
		l.conclude(ctx, r)
	}
	return err
}
