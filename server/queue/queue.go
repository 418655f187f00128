package queue

import (
	"cmp"
	"context"
	"io"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"upscaled/models/fault"
	"upscaled/server/job"
	"upscaled/server/queue/blob"
)

// Queue implements job.Queue and job.Source. It notices what other processes
// do while Run runs; without it, Wait falls back on looking now and then.
type Queue struct {
	options    Options
	name       string // of this process, for others that ask whether it lives
	connection *Connection
	records    jetstream.KeyValue
	images     *blob.Store
	work       jetstream.Stream
	lines      map[string]jetstream.Consumer
	notices    jetstream.Consumer
	uploads    jetstream.KeyValue
	board      *board
	shelf      *shelf
	// reclaimed is closed once Run has freed what a dead process held; no job
	// is leased before.
	reclaimed chan struct{}
}

// Open makes a queue on a connection, which the caller closes afterwards.
func Open(ctx context.Context, c *Connection, o Options) (*Queue, error) {
	o.Sweep, o.UploadBytes = cmp.Or(o.Sweep, sweepPause), cmp.Or(o.UploadBytes, uploadBytes)
	q := &Queue{options: o, name: cmp.Or(c.instance, randomToken()), connection: c, board: newBoard(), shelf: newShelf(), reclaimed: make(chan struct{}), lines: map[string]jetstream.Consumer{}}
	var err error
	if q.records, err = c.bucket(ctx, jobsBucket, o.Retention+recordMargin(o.Retention)); err != nil {
		return nil, err
	}
	if q.uploads, err = c.bucket(ctx, uploadsBucket, o.Retention+recordMargin(o.Retention)); err != nil {
		return nil, err
	}
	if q.images, err = c.images(ctx, o.Retention); err != nil {
		return nil, err
	}
	if q.work, err = c.work(ctx, o.MaxUnfinished); err != nil {
		return nil, err
	}
	for _, line := range []string{smallLine, largeLine} {
		if q.lines[line], err = q.consumer(ctx, line); err != nil {
			return nil, err
		}
	}
	stream, err := c.noticeStream(ctx, o.Retention+recordMargin(o.Retention))
	if err != nil {
		return nil, err
	}
	if q.notices, err = q.callers(ctx, stream); err != nil {
		return nil, err
	}
	return q, q.migrateImages(ctx)
}

// Run watches the records of all processes and finishes what crashes left
// half done, until the context ends. It fails when the disk of an embedded
// server is full: only another process can go on then.
func (q *Queue) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, f := range q.feeds() {
		group.Go(func() error { return q.watch(ctx, f) })
	}
	group.Go(func() error { return q.watchProgress(ctx) })
	group.Go(func() error { return q.sweepOften(ctx) })
	group.Go(func() error { return q.clearOften(ctx) })
	group.Go(func() error { return q.answerAlive(ctx) })
	group.Go(func() error {
		select {
		case <-q.connection.breakage.seen:
			return q.connection.breakage.err()
		case <-ctx.Done():
			return nil
		}
	})
	return group.Wait()
}

// Ready is closed once Run knows all unfinished jobs.
func (q *Queue) Ready() <-chan struct{} { return q.board.loaded }

// Unfinished is how many jobs are waiting or running on all processes.
func (q *Queue) Unfinished() int { return q.board.size() }

// Get implements job.Queue.
func (q *Queue) Get(ctx context.Context, id string) (job.Job, error) {
	r, err := q.read(ctx, id)
	if err != nil {
		return job.Job{}, err
	}
	return q.withProgress(r), nil
}

// Wait implements job.Queue.
func (q *Queue) Wait(ctx context.Context, id string) (job.Job, error) {
	changed, stop := q.board.subscribe(id, false)
	defer stop()
	recheck := time.NewTicker(recheckPause)
	defer recheck.Stop()
	var latest job.Job
	for {
		j, err := q.Get(ctx, id)
		switch {
		case err == nil && j.State.Final():
			return j, nil
		case err == nil:
			latest = j
		case ctx.Err() != nil:
			return latest, ctx.Err()
		case fault.KindOf(err) == fault.NotFound:
			return latest, err
		}
		// Other errors may pass: a node was lost and another takes over.
		select {
		case <-changed:
		case <-recheck.C:
		case <-ctx.Done():
			return latest, ctx.Err()
		}
	}
}

// Open implements job.Queue.
func (q *Queue) Open(ctx context.Context, id string) (io.ReadSeekCloser, job.Job, error) {
	r, err := q.read(ctx, id)
	if err != nil {
		return nil, job.Job{}, err
	}
	gone := fault.New(fault.NotFound, "There is no such result, or it has expired.")
	if r.State != job.Succeeded || q.options.Now().Sub(r.Finished) >= q.options.Retention {
		return nil, job.Job{}, gone
	}
	image, err := q.openImage(ctx, r.Object, gone)
	if err != nil {
		return nil, job.Job{}, err
	}
	return image, r.Job, nil
}

// Cancel implements job.Queue. The worker of a running job notices by the
// record.
func (q *Queue) Cancel(ctx context.Context, id string) error {
	for {
		r, err := q.read(ctx, id)
		if err != nil || r.State.Final() {
			return err
		}
		wasQueued := r.State == job.Queued
		r.State, r.Finished = job.Canceled, q.options.Now().UTC()
		switch err := q.update(ctx, &r); {
		case isConflict(err):
			continue
		case err != nil:
			return err
		}
		q.ended(r)
		if wasQueued {
			q.dropWork(ctx, r)
		}
		q.conclude(ctx, r)
		return nil
	}
}
