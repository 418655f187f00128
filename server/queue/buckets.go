package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"upscaled/server/queue/blob"
)

// Names on the server. The version goes up when records change so that old
// and new processes cannot misread each other's.
const (
	jobsBucket     = "upscaled_jobs_1"
	accountsBucket = "upscaled_accounts_1"
	secretsBucket  = "upscaled_secrets_1"
	uploadsBucket  = "upscaled_uploads_1"
	workStream     = "upscaled_work_1"
	workSubjects   = "upscaled.work.1."
	noticesStream  = "upscaled_notices_1"
	noticeSubjects = "upscaled.notice.1."
	progressPrefix = "upscaled.progress.1."
)

// The two lines that jobs wait in.
const (
	smallLine = "small"
	largeLine = "large"
)

// recordMargin is how much longer records live than the pictures they name,
// so that no live signed URL meets a job that is already forgotten: an hour, or
// as long again where pictures are kept for less.
func recordMargin(retention time.Duration) time.Duration { return min(time.Hour, retention) }

// bucket opens a key-value bucket and makes it where it is missing. Only new
// buckets take the TTL; 0 keeps values for good.
func (c *Connection) bucket(ctx context.Context, name string, ttl time.Duration) (jetstream.KeyValue, error) {
	err := c.ready(ctx, "KV_"+name, func(replicas int) error {
		_, err := c.stream.CreateKeyValue(ctx, jetstream.KeyValueConfig{
			Bucket: name, TTL: ttl, History: 1, Storage: jetstream.FileStorage, Replicas: replicas,
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("make bucket %s: %w", name, err)
	}
	bucket, err := c.stream.KeyValue(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("open bucket %s: %w", name, err)
	}
	return bucket, nil
}

// images opens the stream of images. Only a new one takes the TTL.
func (c *Connection) images(ctx context.Context, ttl time.Duration) (*blob.Store, error) {
	config := blob.Config()
	config.MaxAge = ttl
	err := c.ready(ctx, config.Name, func(replicas int) error {
		config.Replicas = replicas
		_, err := c.stream.CreateStream(ctx, config)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("create image stream: %w", err)
	}
	return blob.Open(ctx, c.stream)
}

// work opens the stream of work items. A subject holds at most one message
// and a full stream refuses new ones, so that the server itself keeps work
// items unique and their number bounded.
func (c *Connection) work(ctx context.Context, unfinished int) (jetstream.Stream, error) {
	err := c.ready(ctx, workStream, func(replicas int) error {
		_, err := c.stream.CreateStream(ctx, jetstream.StreamConfig{
			Name: workStream, Subjects: []string{workSubjects + "*.*"}, Retention: jetstream.WorkQueuePolicy,
			Discard: jetstream.DiscardNew, DiscardNewPerSubject: true,
			MaxMsgs: int64(unfinished), MaxMsgsPerSubject: 1,
			Storage: jetstream.FileStorage, Replicas: replicas,
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("make work stream: %w", err)
	}
	stream, err := c.stream.Stream(ctx, workStream)
	if err != nil {
		return nil, fmt.Errorf("open work stream: %w", err)
	}
	if config := stream.CachedInfo().Config; config.MaxMsgs != int64(unfinished) {
		config.MaxMsgs = int64(unfinished)
		if stream, err = c.stream.UpdateStream(ctx, config); err != nil {
			return nil, fmt.Errorf("set bound of work stream: %w", err)
		}
	}
	return stream, nil
}

// ready is readyOnce, done patiently.
func (c *Connection) ready(ctx context.Context, name string, create func(replicas int) error) error {
	return patiently(ctx, func() error { return c.readyOnce(ctx, name, create) })
}

// patiently does a step of the start while a cluster is still choosing who
// leads it, or is slow: it tries again for startLimit.
func patiently(ctx context.Context, step func() error) error {
	for deadline := time.Now().Add(startLimit); ; {
		err := step()
		waits := errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrTimeout) || errors.Is(err, nats.ErrNoResponders)
		if !waits || ctx.Err() != nil || time.Now().After(deadline) {
			return err
		}
		pause(ctx, retryPause)
	}
}

// readyOnce makes a stream where it is missing and brings one that is there in
// order: all reads go to the node that leads it, because a replica that lags
// would not know a job that was just accepted, and a stream made while nodes
// were missing gets its replicas. The number of replicas never goes down: a
// node that is lost now comes back.
func (c *Connection) readyOnce(ctx context.Context, name string, create func(replicas int) error) error {
	stream, err := c.stream.Stream(ctx, name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		err = c.replicated(create)
		if errors.Is(err, jetstream.ErrBucketExists) || errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			err = nil // another process was faster
		}
		if err == nil {
			stream, err = c.stream.Stream(ctx, name)
		}
	}
	if err != nil {
		return err
	}
	config := stream.CachedInfo().Config
	return c.replicated(func(replicas int) error {
		wanted := config
		wanted.Replicas = max(config.Replicas, replicas)
		wanted.AllowDirect = config.AllowDirect && wanted.Replicas == 1
		if wanted.Replicas == config.Replicas && wanted.AllowDirect == config.AllowDirect {
			return nil
		}
		_, err := c.stream.UpdateStream(ctx, wanted)
		return err
	})
}

// consumer is one line's share of the work, taken by all workers together.
func (q *Queue) consumer(ctx context.Context, line string) (jetstream.Consumer, error) {
	consumer, err := share(ctx, q.work, jetstream.ConsumerConfig{
		Durable: line, FilterSubject: workSubjects + line + ".*", AckWait: q.options.Lease,
	})
	if err != nil {
		return nil, fmt.Errorf("open line %s: %w", line, err)
	}
	return consumer, nil
}

// share opens a consumer that several processes take messages from. Attempts
// are counted elsewhere: a delivery to a process that is about to stop is none.
func share(ctx context.Context, from jetstream.Stream, c jetstream.ConsumerConfig) (consumer jetstream.Consumer, err error) {
	c.AckPolicy, c.MaxDeliver, c.MaxAckPending = jetstream.AckExplicitPolicy, -1, -1
	err = patiently(ctx, func() error {
		consumer, err = from.CreateOrUpdateConsumer(ctx, c)
		return err
	})
	return consumer, err
}

// replicated runs create for the wanted number of replicas, and for one on a
// server or cluster that has not as many nodes.
func (c *Connection) replicated(create func(replicas int) error) error {
	err := create(c.replicas)
	var refused *jetstream.APIError
	if c.replicas > 1 && errors.As(err, &refused) && isTooFewNodes(refused) {
		c.replicas = 1
		return create(1)
	}
	return err
}

// isTooFewNodes knows the server's codes "no suitable peers for placement"
// (10005), "replicas > 1 not supported in non-clustered mode" (10074) and
// "insufficient resources" (10023).
func isTooFewNodes(e *jetstream.APIError) bool {
	return e.ErrorCode == 10005 || e.ErrorCode == 10074 || e.ErrorCode == 10023
}
