package jobs

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"upscaled/engine/fault"
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
	consumer, err := stream.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{
		Durable: "callers", AckPolicy: jetstream.AckExplicitPolicy, AckWait: q.options.Lease,
		MaxDeliver: -1, MaxAckPending: -1,
	})
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
	if err == nil || isThereAlready(err) {
		return nil
	}
	return fmt.Errorf("announce: %w", err)
}

// NextNotice implements job.Notices.
func (q *Queue) NextNotice(ctx context.Context) (job.Notice, error) {
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
	job     job.Job
	attempt int
	message jetstream.Msg
	cancel  context.CancelFunc
	beating sync.WaitGroup
}

func (q *Queue) hand(ctx context.Context, j job.Job, message jetstream.Msg, attempt int) *notice {
	n := &notice{job: j, attempt: attempt, message: message}
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
	if err := n.message.DoubleAck(ctx); err != nil && !errors.Is(err, jetstream.ErrMsgAlreadyAckd) {
		return fmt.Errorf("end notice: %w", err)
	}
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
