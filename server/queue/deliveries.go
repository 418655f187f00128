package queue

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"upscaled/models/fault"
	"upscaled/server/job"
	"upscaled/server/queue/index"
	"upscaled/server/queue/record"
)

// The two events that a webhook is called for.
const (
	eventStarted = "started"
	eventEnded   = "ended"
)

// deliveries implements job.Deliveries. A delivery is a message with nothing but
// event and ID in its subject; it is dropped when the job's record has expired.
type deliveries struct {
	store    *store
	cache    *index.Cache
	consumer jetstream.Consumer
}

func openDeliveries(ctx context.Context, s *store, cache *index.Cache) (*deliveries, error) {
	o := s.options
	stream, err := s.connection.deliveries(ctx, o.Retention+recordMargin(o.Retention))
	if err != nil {
		return nil, err
	}
	consumer, err := sharedConsumer(ctx, stream, jetstream.ConsumerConfig{Durable: "callers", AckWait: o.Lease})
	return &deliveries{s, cache, consumer}, err
}

// announce makes a delivery due. It precedes the record that it reports, so that
// no crash between the two loses a call and final records need no search: a
// delivery that is due too early waits for its record, and an existing one stays.
// Its message ID keeps a late loser of the race for the record from repeating the
// call, for the two minutes that the server remembers it.
func (d *deliveries) announce(ctx context.Context, r record.Job, event string) error {
	if r.Webhook == nil || event == eventStarted && !r.Webhook.Started {
		return nil
	}
	name := event + "." + r.ID
	_, err := d.store.connection.js.Publish(ctx, deliveryPrefix+name, nil,
		jetstream.WithExpectStream(deliveryStream), jetstream.WithMsgID(event+"."+r.ChargeID()))
	switch {
	case err == nil && event == eventStarted:
		d.store.reached(AfterStartNotice, r.ID)
		return nil
	case err == nil:
		d.store.reached(AfterEndNotice, r.ID)
		return nil
	case isDuplicate(err):
		return nil
	}
	return fmt.Errorf("announce webhook call: %w", err)
}

// NextDelivery implements job.Deliveries.
func (d *deliveries) NextDelivery(ctx context.Context) (job.Delivery, error) {
	take := func(ctx context.Context) (jetstream.Msg, error) { return take(ctx, d.consumer) }
	next, err := receive(ctx, d.store.core, take, d.examine)
	if err != nil {
		return nil, err
	}
	return next, nil
}

// examine turns a message into a delivery. It returns nil if there is nothing to
// report: the record is gone, the event is obsolete or has not happened yet.
func (d *deliveries) examine(ctx context.Context, message jetstream.Msg) (*delivery, error) {
	event, id, _ := strings.Cut(strings.TrimPrefix(message.Subject(), deliveryPrefix), ".")
	metadata, err := message.Metadata()
	if err != nil {
		return nil, fmt.Errorf("read message: %w", err)
	}
	changed, stop := d.cache.Subscribe(id, false)
	defer stop()
	// The record follows its delivery at once, unless a crash or another writer
	// came between.
	patience := time.NewTimer(min(deliveryPatience, d.store.options.Lease/2))
	defer patience.Stop()
	for waiting := true; ; {
		r, err := d.store.read(ctx, id)
		if fault.KindOf(err) == fault.NotFound {
			return nil, message.Ack()
		} else if err != nil {
			return nil, err
		}
		j, verdict := judge(r, event, metadata.NumDelivered)
		switch {
		case verdict == obsolete:
			return nil, message.Ack()
		case verdict == due:
			return d.store.newDelivery(ctx, j, message, int(metadata.NumDelivered)), nil
		case !waiting:
			return nil, message.NakWithDelay(d.store.options.Sweep)
		}
		select {
		case <-changed:
		case <-patience.C:
			waiting = false
		case <-ctx.Done():
			return nil, message.Nak()
		}
	}
}

// verdict says whether a delivery is still due, given the job's record.
type verdict int

const (
	tooEarly verdict = iota
	due
	obsolete
)

// judge returns the job as a delivery reports it. A start is reported as it was,
// even if the job has progressed since; but once the job has ended, a start is
// not tried again.
func judge(r record.Job, event string, attempt uint64) (job.Job, verdict) {
	final := r.State.Final()
	switch {
	case event == eventEnded && final:
		return r.Job, due
	case event != eventStarted:
		return job.Job{}, tooEarly
	case final && (r.Started.IsZero() || attempt > 1):
		return job.Job{}, obsolete
	case r.Started.IsZero():
		return job.Job{}, tooEarly
	}
	j := r.Job
	j.State, j.Progress, j.Finished, j.Result, j.Failure = job.Running, 0, time.Time{}, nil, nil
	return j, due
}
