package queue

import (
	"cmp"
	"context"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"upscaled/server/job"
	"upscaled/server/queue/index"
)

// Queue implements the interfaces of package job: Queue, Lister, Watcher, Source,
// Deliveries and Uploads. It follows other processes' changes while Run runs;
// without it, callers that wait read the records now and then.
type Queue struct {
	*jobs
	*submitter
	*leaser
	*deliveries
	*uploads
	*presence
	*Fleet
	*Operator

	core      *core
	cache     *index.Cache
	sweeper   *sweeper
	collector *collector
	watchers  []*watcher
}

// Open returns a queue on a connection, which the caller closes afterwards.
func Open(ctx context.Context, c *Connection, o Options) (*Queue, error) {
	o.HoldBack, o.Sweep, o.UploadBytes = cmp.Or(o.HoldBack, holdBack), cmp.Or(o.Sweep, sweepInterval), cmp.Or(o.UploadBytes, defaultUploadBytes)
	core := &core{options: o, name: cmp.Or(c.instance, randomToken()), connection: c}
	cache, listing := index.NewCache(), index.NewListing()
	store, err := openStore(ctx, core)
	if err != nil {
		return nil, err
	}
	uploads, err := openUploads(ctx, store)
	if err != nil {
		return nil, err
	}
	deliveries, err := openDeliveries(ctx, store, cache)
	if err != nil {
		return nil, err
	}
	lifecycle := &lifecycle{store, deliveries}
	once, err := c.bucket(ctx, onceBucket, job.OnceFor)
	if err != nil {
		return nil, err
	}
	fleet, err := c.Fleet(ctx)
	if err != nil {
		return nil, err
	}
	presence := newPresence(core, fleet)
	leaser, err := openLeaser(ctx, lifecycle, cache, presence)
	if err != nil {
		return nil, err
	}
	consumers := []jetstream.Consumer{deliveries.consumer}
	for _, lane := range leaser.lanes {
		consumers = append(consumers, lane.consumer)
	}
	if err := migrateImages(ctx, store, consumers); err != nil {
		return nil, err
	}
	return &Queue{
		jobs: &jobs{store: store, lifecycle: lifecycle, cache: cache, listing: listing}, submitter: &submitter{lifecycle, cache, listing, once},
		leaser: leaser, deliveries: deliveries, uploads: uploads, core: core, cache: cache, presence: presence, Fleet: fleet,
		Operator:  &Operator{lifecycle, cache},
		sweeper:   &sweeper{lifecycle: lifecycle, cache: cache, listing: listing, uploads: uploads.index, reclaimed: leaser.reclaimed},
		collector: &collector{store: store, uploads: uploads, cache: cache},
		watchers:  []*watcher{watchJobs(store, cache, listing), watchUploads(uploads)},
	}, nil
}

// Run follows the records of all processes and finishes steps that crashes interrupted,
// until the context ends. It fails when an embedded server cannot write any
// more: only another process can continue then.
func (q *Queue) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, w := range q.watchers {
		group.Go(func() error { return w.run(ctx) })
	}
	for _, lane := range q.leaser.lanes {
		group.Go(func() error { return lane.run(ctx) })
	}
	group.Go(func() error { return q.core.watchProgress(ctx, q.cache) })
	group.Go(func() error { return q.core.respondAlive(ctx) })
	group.Go(func() error { return q.sweeper.run(ctx) })
	group.Go(func() error { return q.collector.run(ctx, q.leaser.reclaimed) })
	group.Go(func() error {
		select {
		case <-q.core.connection.writes.failed:
			return q.core.connection.writes.err()
		case <-ctx.Done():
			return nil
		}
	})
	return group.Wait()
}

// Ready is closed once Run knows all unfinished jobs.
func (q *Queue) Ready() <-chan struct{} { return q.cache.Loaded() }

// Unfinished returns how many jobs are waiting or running on all processes.
func (q *Queue) Unfinished() int { return q.cache.Len() }
