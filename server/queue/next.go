package queue

import (
	"context"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"upscaled/models/fault"
	"upscaled/server/job"
	"upscaled/server/queue/index"
	"upscaled/server/queue/record"
)

// leaser implements job.Source.
type leaser struct {
	lifecycle *lifecycle
	cache     *index.Cache
	presence  *presence
	lanes     []*lane
	slots     map[job.Lane]*slots // that wait
	// reclaimed is closed once the sweeper has freed the jobs of a dead process; no job
	// is leased before.
	reclaimed chan struct{}
}

func openLeaser(ctx context.Context, l *lifecycle, cache *index.Cache, p *presence) (*leaser, error) {
	s := &leaser{lifecycle: l, cache: cache, presence: p, slots: map[job.Lane]*slots{}, reclaimed: make(chan struct{})}
	for _, name := range []job.Lane{job.Small, job.Large, job.Films, job.Parts} {
		s.slots[name] = newSlots()
		for _, priority := range priorities() {
			consumer, err := l.connection.workers(ctx, l.work, laneName(name, priority), l.options.Lease)
			if err != nil {
				return nil, err
			}
			s.lanes = append(s.lanes, &lane{l.core, cache, name, priority, consumer, s.slots[name]})
		}
	}
	return s, nil
}

// Next implements job.Source. It returns jobs only while Run runs.
func (s *leaser) Next(ctx context.Context, lane job.Lane) (job.Lease, error) {
	select {
	case <-s.reclaimed:
	case <-ctx.Done():
	}
	s.presence.awaitResume(ctx)
	lease, err := receive(ctx, s.lifecycle.core, s.slots[lane].take, s.begin)
	if err != nil {
		return nil, err
	}
	return lease, nil
}

// begin turns a work item into a lease. It returns nil if there is nothing to run:
// the job is final, gone or taken, or has used its attempts.
func (s *leaser) begin(ctx context.Context, message jetstream.Msg) (*lease, error) {
	l := s.lifecycle
	id := message.Subject()[strings.LastIndexByte(message.Subject(), '.')+1:]
	l.reached(AfterTake, id)
	//guard:drained-worker TestDrain
	if s.presence.draining() {
		err := message.Nak()
		s.presence.awaitResume(ctx)
		return nil, err
	}
	token := randomToken()
	var before *record.Job
	for {
		read, err := l.read(ctx, id)
		switch {
		case fault.KindOf(err) == fault.NotFound:
			return nil, message.Ack()
		case err != nil:
			return nil, err
		case read.State.Final():
			l.conclude(ctx, read)
			return nil, message.Ack()
		case read.Lease == token && read.State == job.Running:
			return s.hold(ctx, read, message), nil // by an attempt whose answer was lost
		//guard:one-lane TestPriorityOfAJobInHand
		case message.Subject() != workSubject(read):
			return nil, message.Ack() // it has another priority now, and another item
		case before != nil && before.Lease != read.Lease:
			return nil, nil // the item was delivered again and another worker has it
		}
		//guard:model-workers TestModelsGoToTheirWorkers
		if model := s.presence.lacks(read.Options); model != "" {
			return nil, s.passOn(ctx, read, model, message)
		}
		before = &read
		r := s.attempt(read, token)
		//guard:parts-of-ended TestPartsEndWithTheirFilm
		if ended, err := l.filmEnded(ctx, read); err != nil {
			return nil, err
		} else if ended {
			r.State, r.Failure, r.Finished = job.Canceled, nil, l.options.Now().UTC()
		}
		switch err = s.write(ctx, &r, read.Started.IsZero()); {
		case isConflict(err):
			continue
		case err != nil:
			return nil, err
		case r.State.Final():
			l.ended(r)
			l.conclude(ctx, r)
			return nil, message.Ack()
		}
		return s.hold(ctx, r, message), nil
	}
}

// write stores the record of a job that begins, before which the first start is
// announced.
func (s *leaser) write(ctx context.Context, r *record.Job, first bool) error {
	return s.lifecycle.persist(ctx, func(ctx context.Context) error {
		if first && !r.State.Final() {
			if err := s.lifecycle.deliveries.announce(ctx, *r, eventStarted); err != nil {
				return err
			}
		}
		return s.lifecycle.update(ctx, r)
	})
}

// attempt returns the record of a job that begins, or that fails because it has
// used its attempts.
func (s *leaser) attempt(r record.Job, token string) record.Job {
	o := s.lifecycle.options
	now := o.Now().UTC()
	//guard:attempts-taken TestPoisonThatKillsWorkers
	if r.Attempts >= o.Attempts {
		r.State, r.Finished = job.Failed, now
		r.Failure = &job.Failure{Kind: fault.Internal, Message: "The image could not be processed: every attempt was cut short."}
		return r
	}
	r.State, r.Lease, r.Attempts = job.Running, token, r.Attempts+1
	r.Holder, r.Worker = s.lifecycle.connection.instance, s.presence.snapshot().Name
	if r.Started.IsZero() {
		r.Started = now
	}
	return r
}
