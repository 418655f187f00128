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
	// busyTries is how often one item is offered again to a queue that is busy.
	busyTries = 10
	// longestPause is the most that a batch waits between two tries while none
	// of its own items runs.
	longestPause = 10 * time.Second
)

// item is one file of a batch; err says why it did not become a job.
type item struct {
	job job.Job
	err error
}

// ending is what the wait for the item of an index brought.
type ending struct {
	index int
	job   job.Job
	err   error
}

// batch runs files through the queue in order, a bounded number at once. It
// belongs to one goroutine; those it starts only wait and send to ended.
// Once the host's wait limit has passed for the whole batch nothing is waited
// for any more: what is left is queued where there is room, to be asked for
// at GET /v1/jobs.
type batch struct {
	host     dialect.Services
	deadline time.Time
	parallel int
	items    []item // in the order of the files
	ended    chan ending
	running  int
	accepted int
	// stopped is why no further item is submitted.
	stopped error
	// lost are failures to learn a job's end, for the log.
	lost error
}

func newBatch(host dialect.Services, parallel, files int) *batch {
	parallel = max(1, parallel)
	return &batch{
		host: host, deadline: time.Now().Add(host.WaitLimit), parallel: parallel,
		items: make([]item, files), ended: make(chan ending, parallel),
	}
}

// run returns when no item is waited for any more. It fails only when the
// queue would not take a single one of the good files; then nothing was
// charged and nothing runs. When ctx ends, all running items are canceled.
func (b *batch) run(ctx context.Context, files []upload.File, check func(upload.File) error, o order) error {
	for i := range files {
		b.items[i].job.Spec = o.named(files[i].Name)
		err := check(files[i])
		if err == nil {
			err = b.submit(ctx, i, files[i].Data)
		}
		b.items[i].err = err
		files[i].Data = nil // the queue has its own copy; a batch can be large
	}
	for b.running > 0 {
		b.collect()
	}
	if b.accepted == 0 {
		return b.stopped
	}
	return nil
}

// defect is what the log should know though the client was answered.
func (b *batch) defect() error {
	for _, item := range b.items {
		if item.err == nil {
			continue
		}
		if status, _ := refusal(item.err); status == http.StatusInternalServerError {
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
		submitted, err := b.host.Queue.Submit(ctx, b.items[i].job.Spec, data)
		switch kind := fault.KindOf(err); {
		case err == nil:
			b.start(ctx, i, submitted.Job)
			return nil
		case kind == fault.Invalid || kind == fault.Unsupported || kind == fault.TooLarge:
			return err // this picture's own fault
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
	host := b.host
	host.WaitLimit = time.Until(b.deadline)
	go func() {
		latest, err := host.Await(ctx, j)
		b.ended <- ending{i, latest, err}
	}()
}

// collect waits for one of the running items. One whose end could not be
// learned keeps the record of its acceptance, since it goes on.
func (b *batch) collect() {
	e := <-b.ended
	b.running--
	switch {
	case fault.KindOf(e.err) == fault.Busy: // the server stops and gave the job up
		b.items[e.index].err = e.err
	case e.err != nil:
		b.lost = errors.Join(b.lost, e.err)
	default:
		b.items[e.index].job = e.job
	}
}

// room waits until trying again makes sense after a refusal, and says whether
// it ever will. A batch of which nothing was accepted is refused at once, as a
// single call is.
func (b *batch) room(ctx context.Context, refused error) bool {
	kind := fault.KindOf(refused)
	pause := time.Duration(dialect.RetryAfter(refused)) * time.Second
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
