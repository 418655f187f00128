package maskr

import (
	"context"
	"errors"
	"net/http"
	"time"

	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/job"
	"upscaled/server/upload"
)

const (
	// busyTries is how often one item is submitted again to a busy queue.
	busyTries = 10
	// longestPause limits the wait between two tries while none of the batch's
	// own items runs.
	longestPause = 10 * time.Second
)

// item is one file of a batch; err is why it did not become a job.
type item struct {
	job job.Job
	err error
}

// ending is the outcome of waiting for the item of an index.
type ending struct {
	index int
	job   job.Job
	err   error
}

// batch runs files through the queue in order, a limited number at once. It
// belongs to one goroutine; those it starts only wait and send to ended. Once
// the wait limit has passed for the whole batch, it waits for nothing more: the
// remaining files are queued while there is room, to be queried at GET /v1/jobs.
type batch struct {
	services dialect.Services
	deadline time.Time
	parallel int
	items    []item // in the order of the files
	ended    chan ending
	running  int
	accepted int
	// stopped is why no more items are submitted.
	stopped error
	// lost collects failures to learn a job's outcome, for the log.
	lost error
}

func newBatch(services dialect.Services, parallel, files int) *batch {
	parallel = max(1, parallel)
	return &batch{
		services: services, deadline: time.Now().Add(services.WaitLimit), parallel: parallel,
		items: make([]item, files), ended: make(chan ending, parallel),
	}
}

// run returns once it waits for no item any more. It fails only if the queue
// accepted none of the valid files; then nothing was charged and nothing runs.
// When ctx ends, all running items are canceled.
func (b *batch) run(ctx context.Context, files []upload.File, check func(context.Context, upload.File) (job.InputInfo, error), t template) error {
	for i := range files {
		spec := t.named(files[i].Name)
		spec.Part = i
		var err error
		spec.Input, err = check(ctx, files[i])
		b.items[i].job.Spec = spec
		if err == nil {
			err = b.submit(ctx, i, files[i].Data)
		}
		b.items[i].err = err
		files[i].Data = nil // release the memory: the queue has its own copy
	}
	for b.running > 0 {
		b.collect()
	}
	if b.accepted == 0 {
		return b.stopped
	}
	return nil
}

// defect returns the internal errors that belong into the log.
func (b *batch) defect() error {
	for _, item := range b.items {
		if item.err == nil {
			continue
		}
		if status, _ := apiError(item.err); status == http.StatusInternalServerError {
			return errors.Join(b.lost, item.err)
		}
	}
	return b.lost
}

func (b *batch) submit(ctx context.Context, i int, data []byte) error {
	for b.running >= b.parallel {
		b.collect()
	}
	for try := 1; b.stopped == nil; try++ {
		submitted, err := b.services.Queue.Submit(ctx, b.items[i].job.Spec, data)
		switch kind := fault.KindOf(err); {
		case err == nil:
			b.start(ctx, i, submitted.Job)
			return nil
		case kind == fault.Invalid || kind == fault.Unsupported || kind == fault.TooLarge:
			return err // the fault of this image alone
		case try > busyTries || !b.room(ctx, err):
			b.stopped = err
		}
	}
	return b.stopped
}

// start waits for an accepted job in a goroutine of its own.
func (b *batch) start(ctx context.Context, i int, j job.Job) {
	b.items[i].job = j
	b.running++
	b.accepted++
	services := b.services
	services.WaitLimit = time.Until(b.deadline)
	go func() {
		latest, err := services.Await(ctx, j)
		b.ended <- ending{i, latest, err}
	}()
}

// collect waits for one of the running items. An item whose outcome is unknown
// keeps the record of its acceptance, since the job continues.
func (b *batch) collect() {
	e := <-b.ended
	b.running--
	switch {
	case fault.KindOf(e.err) == fault.Busy: // the server is stopping and canceled the job
		b.items[e.index].err = e.err
	case e.err != nil:
		b.lost = errors.Join(b.lost, e.err)
	default:
		b.items[e.index].job = e.job
	}
}

// room waits until trying again makes sense after an error, and reports whether
// it does. A batch of which nothing was accepted fails at once, as a single call
// does.
func (b *batch) room(ctx context.Context, cause error) bool {
	kind := fault.KindOf(cause)
	pause := time.Duration(dialect.RetryAfter(cause)) * time.Second
	switch {
	case kind != fault.Busy && kind != fault.RateLimited, b.accepted == 0:
		return false
	case b.running > 0:
		b.collect()
		return true
	case pause > longestPause, time.Now().Add(pause).After(b.deadline):
		return false
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
