package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Names on the server. The version goes up when records change so that old
// and new processes cannot misread each other's.
const (
	jobsBucket     = "upscaled_jobs_1"
	accountsBucket = "upscaled_accounts_1"
	secretsBucket  = "upscaled_secrets_1"
	picturesBucket = "upscaled_pictures_1"
	workStream     = "upscaled_work_1"
	workSubjects   = "upscaled.work.1."
	progressPrefix = "upscaled.progress.1."
)

// The two lines that jobs wait in.
const (
	smallLine = "small"
	largeLine = "large"
)

// recordMargin is how much longer records live than the pictures they name,
// so that no live signed URL meets a job that is already forgotten.
const recordMargin = time.Hour

// bucket opens a key-value bucket and makes it where it is missing. Only new
// buckets take the TTL; 0 keeps values for good.
func (c *Connection) bucket(ctx context.Context, name string, ttl time.Duration) (jetstream.KeyValue, error) {
	bucket, err := c.stream.KeyValue(ctx, name)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		err = c.replicated(func(replicas int) error {
			_, err := c.stream.CreateKeyValue(ctx, jetstream.KeyValueConfig{
				Bucket: name, TTL: ttl, History: 1, Storage: jetstream.FileStorage, Replicas: replicas,
			})
			return err
		})
		if err == nil {
			bucket, err = c.leaderReads(ctx, name)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open bucket %s: %w", name, err)
	}
	return bucket, nil
}

// leaderReads makes all reads of a new bucket go to the node that leads it: a
// replica that lags would not know a job that was just accepted.
func (c *Connection) leaderReads(ctx context.Context, name string) (jetstream.KeyValue, error) {
	stream, err := c.stream.Stream(ctx, "KV_"+name)
	if err != nil {
		return nil, err
	}
	config := stream.CachedInfo().Config
	if config.Replicas > 1 {
		config.AllowDirect = false
		if _, err := c.stream.UpdateStream(ctx, config); err != nil {
			return nil, err
		}
	}
	return c.stream.KeyValue(ctx, name)
}

func (c *Connection) objects(ctx context.Context, ttl time.Duration) (jetstream.ObjectStore, error) {
	store, err := c.stream.ObjectStore(ctx, picturesBucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		err = c.replicated(func(replicas int) error {
			store, err = c.stream.CreateObjectStore(ctx, jetstream.ObjectStoreConfig{
				Bucket: picturesBucket, TTL: ttl, Storage: jetstream.FileStorage, Replicas: replicas,
			})
			return err
		})
	}
	if err != nil {
		return nil, fmt.Errorf("open object store: %w", err)
	}
	return store, nil
}

// work opens the stream of work items. A subject holds at most one message
// and a full stream refuses new ones, so that the server itself keeps work
// items unique and their number bounded.
func (c *Connection) work(ctx context.Context, unfinished int) (jetstream.Stream, error) {
	var stream jetstream.Stream
	err := c.replicated(func(replicas int) error {
		var err error
		stream, err = c.stream.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
			Name: workStream, Subjects: []string{workSubjects + "*.*"}, Retention: jetstream.WorkQueuePolicy,
			Discard: jetstream.DiscardNew, DiscardNewPerSubject: true,
			MaxMsgs: int64(unfinished), MaxMsgsPerSubject: 1,
			Storage: jetstream.FileStorage, Replicas: replicas,
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open work stream: %w", err)
	}
	return stream, nil
}

// consumer is one line's share of the work, taken by all workers together.
func (q *Queue) consumer(ctx context.Context, line string) (jetstream.Consumer, error) {
	consumer, err := q.work.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{
		Durable: line, FilterSubject: workSubjects + line + ".*",
		AckPolicy: jetstream.AckExplicitPolicy, AckWait: q.options.Lease,
		// Attempts are counted in the records: a delivery to a worker that is
		// about to stop is none.
		MaxDeliver: -1, MaxAckPending: -1,
	})
	if err != nil {
		return nil, fmt.Errorf("open line %s: %w", line, err)
	}
	return consumer, nil
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
