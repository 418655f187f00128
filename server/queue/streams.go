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

// Names on the server. The version goes up when the content changes, so that old
// and new processes cannot misread each other's.
const (
	jobsBucket     = "upscaled_jobs_1"
	accountsBucket = "upscaled_accounts_1"
	secretsBucket  = "upscaled_secrets_1"
	uploadsBucket  = "upscaled_uploads_1"
	workersBucket  = "upscaled_workers_1"
	onceBucket     = "upscaled_once_1"
	workStream     = "upscaled_work_1"
	workSubjects   = "upscaled.work.1."
	deliveryStream = "upscaled_notices_1"
	deliveryPrefix = "upscaled.notice.1."
	progressPrefix = "upscaled.progress.1."
	alivePrefix    = "upscaled.alive.1." // processes respond on these while they live
	workerPrefix   = "upscaled.worker.1."
)

// recordMargin is how much longer records live than the images they name, so that
// no valid signed URL refers to a forgotten job: an hour, or as long again if images
// are kept for less.
func recordMargin(retention time.Duration) time.Duration { return min(time.Hour, retention) }

// bucket opens a key-value bucket and creates it if it is missing. Only new
// buckets take the TTL; 0 keeps values for good.
func (c *Connection) bucket(ctx context.Context, name string, ttl time.Duration) (jetstream.KeyValue, error) {
	//guard:record-storage TestReopen TestKilledServerLosesNothing => c.bucketIn(ctx, map[bool]jetstream.StorageType{true: jetstream.MemoryStorage}[name == jobsBucket], name, ttl)
	return c.bucketIn(ctx, jetstream.FileStorage, name, ttl)
}

func (c *Connection) bucketIn(ctx context.Context, storage jetstream.StorageType, name string, ttl time.Duration) (jetstream.KeyValue, error) {
	err := c.ensure(ctx, "KV_"+name, func(replicas int) error {
		_, err := c.js.CreateKeyValue(ctx, jetstream.KeyValueConfig{
			Bucket: name, TTL: ttl, History: 1, Replicas: replicas, Storage: storage,
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("create bucket %s: %w", name, err)
	}
	bucket, err := c.js.KeyValue(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("open bucket %s: %w", name, err)
	}
	return bucket, nil
}

// images opens the stream of images.
func (c *Connection) images(ctx context.Context, ttl time.Duration) (*blob.Store, error) {
	config := blob.Config()
	config.MaxAge = ttl
	if _, err := c.streamOf(ctx, config); err != nil {
		return nil, err
	}
	return blob.Open(ctx, c.js)
}

// work opens the stream of work items. A subject holds at most one message and a
// full stream refuses new ones, so the server itself keeps work items unique and
// their number bounded.
func (c *Connection) work(ctx context.Context, unfinished int) (jetstream.Stream, error) {
	stream, err := c.streamOf(ctx, jetstream.StreamConfig{
		Name: workStream, Subjects: []string{workSubjects + "*.*"}, Retention: jetstream.WorkQueuePolicy,
		Discard: jetstream.DiscardNew, DiscardNewPerSubject: true,
		MaxMsgsPerSubject: 1, Storage: jetstream.FileStorage,
		//guard:queue-bound TestBoundedQueue => MaxMsgs: -1
		MaxMsgs: int64(unfinished),
	})
	if err != nil {
		return nil, err
	}
	config := stream.CachedInfo().Config
	//guard:queue-bound => true
	if config.MaxMsgs == int64(unfinished) {
		return stream, nil
	}
	config.MaxMsgs = int64(unfinished)
	if stream, err = c.js.UpdateStream(ctx, config); err != nil {
		return nil, fmt.Errorf("set limit of work stream: %w", err)
	}
	return stream, nil
}

// deliveries opens the stream of webhook calls that are due: one message per job
// and event.
func (c *Connection) deliveries(ctx context.Context, ttl time.Duration) (jetstream.Stream, error) {
	return c.streamOf(ctx, jetstream.StreamConfig{
		Name: deliveryStream, Subjects: []string{deliveryPrefix + "*.*"}, Retention: jetstream.WorkQueuePolicy,
		Discard: jetstream.DiscardNew, DiscardNewPerSubject: true, MaxMsgsPerSubject: 1,
		MaxAge: ttl, Storage: jetstream.FileStorage,
	})
}

// streamOf opens a stream and creates it if it is missing. The configuration of
// an existing one stays.
func (c *Connection) streamOf(ctx context.Context, config jetstream.StreamConfig) (jetstream.Stream, error) {
	err := c.ensure(ctx, config.Name, func(replicas int) error {
		config.Replicas = replicas
		_, err := c.js.CreateStream(ctx, config)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("create stream %s: %w", config.Name, err)
	}
	stream, err := c.js.Stream(ctx, config.Name)
	if err != nil {
		return nil, fmt.Errorf("open stream %s: %w", config.Name, err)
	}
	return stream, nil
}

// workers opens the consumer of one lane, which all workers share.
func (c *Connection) workers(ctx context.Context, work jetstream.Stream, lane string, lease time.Duration) (jetstream.Consumer, error) {
	return sharedConsumer(ctx, work, jetstream.ConsumerConfig{
		Durable: lane, FilterSubject: workSubjects + lane + ".*",
		//guard:lease-expiry TestCrashWhileRunning TestTakeover TestClusterOfProcesses => AckWait: time.Hour
		AckWait: lease,
	})
}

// sharedConsumer opens a consumer that several processes take messages from. It
// does not limit deliveries: attempts are counted in the records, because a
// delivery to a process that is about to stop is none.
func sharedConsumer(ctx context.Context, from jetstream.Stream, c jetstream.ConsumerConfig) (consumer jetstream.Consumer, err error) {
	c.AckPolicy, c.MaxDeliver, c.MaxAckPending = jetstream.AckExplicitPolicy, -1, -1
	err = patiently(ctx, func() error {
		consumer, err = from.CreateOrUpdateConsumer(ctx, c)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open consumer %s: %w", c.Durable, err)
	}
	return consumer, nil
}

// patiently repeats a step of the start for startLimit, while a cluster elects a
// leader or is slow.
func patiently(ctx context.Context, step func() error) error {
	for deadline := time.Now().Add(startLimit); ; {
		err := step()
		unanswered := errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrTimeout) || errors.Is(err, nats.ErrNoResponders)
		if !unanswered || time.Now().After(deadline) || !wait(ctx, retryDelay) {
			return err
		}
	}
}

// ensure creates a stream if it is missing and corrects an existing one. Reads go
// to the stream's leader only, since a replica that lags would not know a job that
// was just accepted. A stream that was created while nodes were missing gets its
// replicas; their number never goes down, because a lost node comes back.
func (c *Connection) ensure(ctx context.Context, name string, create func(replicas int) error) error {
	return patiently(ctx, func() error {
		stream, err := c.js.Stream(ctx, name)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			err = c.replicated(create)
			if err == nil || errors.Is(err, jetstream.ErrBucketExists) || errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
				stream, err = c.js.Stream(ctx, name) // maybe another process's
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
			_, err := c.js.UpdateStream(ctx, wanted)
			return err
		})
	})
}

// replicated runs create for the wanted number of replicas, and for one if the
// server or cluster has fewer nodes.
func (c *Connection) replicated(create func(replicas int) error) error {
	err := create(c.replicas)
	var refused *jetstream.APIError
	if c.replicas > 1 && errors.As(err, &refused) && tooFewNodes(refused) {
		c.replicas = 1
		return create(1)
	}
	return err
}

// tooFewNodes recognizes the server's codes "no suitable peers for placement"
// (10005), "replicas > 1 not supported in non-clustered mode" (10074) and
// "insufficient resources" (10023).
func tooFewNodes(e *jetstream.APIError) bool {
	return e.ErrorCode == 10005 || e.ErrorCode == 10074 || e.ErrorCode == 10023
}
