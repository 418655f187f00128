package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"upscaled/models/fault"
	"upscaled/server/job"
	"upscaled/server/queue/record"
)

const (
	// beatInterval is the time between two heartbeats of a worker, and lostAfter how
	// long a silent one counts as alive. The clocks of machines may differ by the
	// rest.
	beatInterval = 3 * time.Second
	lostAfter    = 4 * beatInterval
	// changeDelay lets several changes of an entry be written at once.
	changeDelay = 100 * time.Millisecond
	// forgottenAfter is how long a lost worker is listed.
	forgottenAfter = 10 * time.Minute
	// listingAge is how old a listing may be that decides where jobs run.
	listingAge = time.Second
)

// Fleet is all workers of a queue. They write themselves into a key-value bucket in
// memory, which a server that restarts need not remember, and answer on a subject.
type Fleet struct {
	connection *Connection
	bucket     jetstream.KeyValue

	mutex  sync.Mutex
	listed []job.Worker
	at     time.Time
}

// Fleet opens the list of workers.
func (c *Connection) Fleet(ctx context.Context) (*Fleet, error) {
	bucket, err := c.bucketIn(ctx, jetstream.MemoryStorage, workersBucket, forgottenAfter)
	if err != nil {
		return nil, err
	}
	return &Fleet{connection: c, bucket: bucket}, nil
}

// workerEntry is a worker as it is stored.
type workerEntry struct {
	job.Worker
	// Instance is the process: another one may take the name of a dead one.
	Instance string `json:"instance"`
}

// Workers returns the workers by name, with those lost in the last ten minutes.
func (f *Fleet) Workers(ctx context.Context) ([]job.Worker, error) {
	workers := []job.Worker{}
	err := scan(ctx, f.bucket, func(stored jetstream.KeyValueEntry) {
		var e workerEntry
		if json.Unmarshal(stored.Value(), &e) == nil && e.Name == stored.Key() {
			workers = append(workers, seen(e.Worker, stored.Created(), time.Now()))
		}
	})
	if err != nil {
		return nil, fmt.Errorf("list workers: %w", busyInOutage(ctx, err))
	}
	slices.SortFunc(workers, func(a, b job.Worker) int { return strings.Compare(a.Name, b.Name) })
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.listed, f.at = workers, time.Now()
	return workers, nil
}

// seen sets the fields that depend on the last heartbeat.
func seen(w job.Worker, heartbeat, now time.Time) job.Worker {
	w.Heartbeat, w.State = heartbeat.UTC(), job.WorkerReady
	switch {
	//guard:lost-worker TestFleet
	case now.Sub(heartbeat) > lostAfter:
		w.State = job.WorkerLost
	case w.Draining && len(w.Jobs) > 0:
		w.State = job.WorkerDraining
	case w.Draining:
		w.State = job.WorkerDrained
	case !w.Ready:
		w.State = job.WorkerStarting
	}
	return w
}

// Recent is Workers from memory, if that is at most listingAge old.
func (f *Fleet) Recent(ctx context.Context) ([]job.Worker, error) {
	f.mutex.Lock()
	listed, at := f.listed, f.at
	f.mutex.Unlock()
	if age := time.Since(at); age >= 0 && age < listingAge {
		return listed, nil
	}
	return f.Workers(ctx)
}

// scan calls found with all present entries of a bucket.
func scan(ctx context.Context, bucket jetstream.KeyValue, found func(jetstream.KeyValueEntry)) error {
	ctx, stop := context.WithTimeout(ctx, readLimit)
	defer stop()
	watch, err := bucket.WatchAll(ctx, jetstream.IgnoreDeletes())
	if err != nil {
		return fmt.Errorf("read bucket %s: %w", bucket.Bucket(), err)
	}
	defer func() { _ = watch.Stop() }() // the connection may be gone already
	for {
		select {
		case e, open := <-watch.Updates():
			switch {
			case !open:
				return fmt.Errorf("read bucket %s: the watch has ended", bucket.Bucket())
			case e == nil:
				return nil
			}
			found(e)
		case <-ctx.Done():
			return fmt.Errorf("read bucket %s: %w", bucket.Bucket(), ctx.Err())
		}
	}
}

// The requests that a worker answers, with its entry.
const (
	orderDrain   = "drain"
	orderUndrain = "undrain"
)

// Drain makes a worker take no more jobs, or with on unset take them again. It may
// be repeated. It fails with fault.NotFound if no worker of that name is alive.
func (f *Fleet) Drain(ctx context.Context, name string, on bool) (job.Worker, error) {
	order := orderUndrain
	if on {
		order = orderDrain
	}
	if !record.ValidID(name) {
		return job.Worker{}, noWorker(name, nil)
	}
	reply, err := f.ask(ctx, name, order)
	if errors.Is(err, nats.ErrNoResponders) {
		return job.Worker{}, noWorker(name, err)
	} else if err != nil {
		return job.Worker{}, fault.Wrap(fault.Busy, err, "The worker %q does not answer. Please try again.", name)
	}
	return seen(reply.Worker, time.Now(), time.Now()), nil
}

func noWorker(name string, err error) error {
	return fault.Wrap(fault.NotFound, err, "There is no live worker %q.", name)
}

// ask sends a request to a worker.
func (f *Fleet) ask(ctx context.Context, name, order string) (reply workerEntry, err error) {
	ctx, stop := context.WithTimeout(ctx, stepLimit)
	defer stop()
	m, err := f.connection.nats.RequestWithContext(ctx, workerPrefix+name, []byte(order))
	if err != nil {
		return workerEntry{}, fmt.Errorf("ask worker %s: %w", name, err)
	}
	if err := json.Unmarshal(m.Data, &reply); err != nil {
		return workerEntry{}, fmt.Errorf("read answer of worker %s: %w", name, err)
	}
	return reply, nil
}
