package queue

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"upscaled/models/fault"
	"upscaled/server/job"
)

// The two occasions that a webhook is called at.
const (
	noticeStarted = "started"
	noticeEnded   = "ended"
)

// noticeStream opens the stream of calls that are due: one message per job and
// occasion, which carries nothing but the two in its subject. A call whose
// job's record has expired is moot.
func (c *Connection) noticeStream(ctx context.Context, ttl time.Duration) (jetstream.Stream, error) {
	err := c.ready(ctx, noticesStream, func(replicas int) error {
		_, err := c.stream.CreateStream(ctx, jetstream.StreamConfig{
			Name: noticesStream, Subjects: []string{noticeSubjects + "*.*"}, Retention: jetstream.WorkQueuePolicy,
			Discard: jetstream.DiscardNew, DiscardNewPerSubject: true, MaxMsgsPerSubject: 1,
			MaxAge:  ttl,
			Storage: jetstream.FileStorage, Replicas: replicas,
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("make notice stream: %w", err)
	}
	stream, err := c.stream.Stream(ctx, noticesStream)
	if err != nil {
		return nil, fmt.Errorf("open notice stream: %w", err)
	}
	return stream, nil
}

// callers is the consumer that all senders share.
func (q *Queue) callers(ctx context.Context, stream jetstream.Stream) (jetstream.Consumer, error) {
	consumer, err := share(ctx, stream, jetstream.ConsumerConfig{Durable: "callers", AckWait: q.options.Lease})
	if err != nil {
		return nil, fmt.Errorf("open notices: %w", err)
	}
	return consumer, nil
}

// announce makes a call due. It goes before the record that the call tells of:
// whoever writes a final record has announced it, so that no crash between the
// two loses a call, and nobody need look through final records for such. A
// call that is due too early waits for its record; one that is due already is
// as good. Its ID keeps a late loser of the race for the record from having
// the call made anew, for the two minutes that the server remembers it.
func (q *Queue) announce(ctx context.Context, r record, occasion string) error {
	if r.Webhook == nil || occasion == noticeStarted && !r.Webhook.Started {
		return nil
	}
	name := occasion + "." + r.ID
	_, err := q.connection.stream.Publish(ctx, noticeSubjects+name, nil,
		jetstream.WithExpectStream(noticesStream), jetstream.WithMsgID(name))
	switch {
	case err == nil && occasion == noticeStarted:
		q.passed(StepStartedNotice, r.ID)
		return nil
	case err == nil:
		q.passed(StepEndedNotice, r.ID)
		return nil
	case isThereAlready(err):
		return nil
	}
	return fmt.Errorf("announce: %w", err)
}

// NextNotice implements job.Notices.
func (q *Queue) NextNotice(ctx context.Context) (job.Delivery, error) {
	for ctx.Err() == nil {
		message, err := q.take(ctx, q.notices)
		if message == nil {
			if err != nil {
				q.options.Log.Warn("ask for notices", "error", err)
				pause(ctx, retryPause)
			}
			continue
		}
		n, err := q.due(ctx, message)
		if n != nil {
			return n, nil
		}
		if err != nil && ctx.Err() == nil {
			q.options.Log.Warn("read notice", "subject", message.Subject(), "error", err)
			_ = message.NakWithDelay(retryPause) // else it comes back when its time is over
		}
	}
	return nil, ctx.Err()
}

// due turns a message into a notice, or gives nil where there is nothing to
// tell: the record is gone, what is told is overtaken, or it has yet to happen.
func (q *Queue) due(ctx context.Context, message jetstream.Msg) (*notice, error) {
	occasion, id, _ := strings.Cut(strings.TrimPrefix(message.Subject(), noticeSubjects), ".")
	about, err := message.Metadata()
	if err != nil {
		return nil, fmt.Errorf("read notice: %w", err)
	}
	changed, stop := q.board.subscribe(id, false)
	defer stop()
	// The record follows its notice at once, unless a crash or another writer
	// came between.
	patience := time.NewTimer(min(noticePatience, q.options.Lease/2))
	defer patience.Stop()
	for waits := true; ; {
		r, err := q.read(ctx, id)
		if fault.KindOf(err) == fault.NotFound {
			return nil, message.Ack()
		} else if err != nil {
			return nil, err
		}
		j, verdict := tells(r, occasion, about.NumDelivered)
		switch {
		case verdict == moot:
			return nil, message.Ack()
		case verdict == ripe:
			return q.hand(ctx, j, message, int(about.NumDelivered)), nil
		case !waits:
			return nil, message.NakWithDelay(q.options.Sweep)
		}
		select {
		case <-changed:
		case <-patience.C:
			waits = false
		case <-ctx.Done():
			return nil, message.Nak()
		}
	}
}
