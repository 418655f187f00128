package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"upscaled/models"
	"upscaled/models/fault"
	"upscaled/server/job"
	"upscaled/server/queue/blob"
	"upscaled/server/queue/index"
	"upscaled/server/queue/record"
)

// Operator implements job.Operator.
type Operator struct {
	lifecycle *lifecycle
	cache     *index.Cache
}

// NewOperator opens the jobs of a store whose servers run or have run, for commands.
func NewOperator(ctx context.Context, c *Connection, ledger Ledger, log *slog.Logger) (*Operator, error) {
	core := &core{connection: c, name: randomToken(), options: Options{Ledger: ledger, Log: log, Now: time.Now}}
	s := &store{core: core}
	var err error
	if s.records, err = c.js.KeyValue(ctx, jobsBucket); err == nil {
		s.work, err = c.js.Stream(ctx, workStream)
	}
	if errors.Is(err, jetstream.ErrBucketNotFound) || errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, fault.Wrap(fault.NotFound, err, "There are no jobs here: no server has used this store yet.")
	}
	if err == nil {
		s.images, err = blob.Open(ctx, c.js)
	}
	if err != nil {
		return nil, fmt.Errorf("open jobs: %w", err)
	}
	cache := index.NewCache()
	return &Operator{&lifecycle{s, &deliveries{store: s, cache: cache}}, cache}, nil
}

// Find implements job.Operator.
func (o *Operator) Find(ctx context.Context, f job.Filter) ([]job.Job, string, error) {
	before, err := index.ParseCursor(f.Before)
	if err != nil {
		return nil, "", err
	}
	limit := min(max(f.Limit, 1), job.LongestPage)
	var found []job.Job
	newestFirst := func(a, b job.Job) int { return index.PlaceOf(b).Compare(index.PlaceOf(a)) }
	now := o.lifecycle.options.Now()
	err = scan(ctx, o.lifecycle.records, func(e jetstream.KeyValueEntry) {
		r, err := record.Decode(e)
		past := before != (index.Place{}) && index.PlaceOf(r.Job).Compare(before) >= 0
		if err != nil || past || !matches(r.Job, f, now) {
			return
		}
		if found = append(found, r.Job); len(found) > 8*job.LongestPage {
			slices.SortFunc(found, newestFirst)
			found = found[:limit+1]
		}
	})
	if err != nil {
		return nil, "", busyInOutage(ctx, err)
	}
	slices.SortFunc(found, newestFirst)
	if len(found) <= limit {
		return found, "", nil
	}
	return found[:limit], index.PlaceOf(found[limit-1]).Cursor(), nil
}

func matches(j job.Job, f job.Filter, now time.Time) bool {
	age := now.Sub(j.Created)
	model := j.Options.Model
	if j.Result != nil {
		model = j.Result.Model
	}
	return j.Film == "" && (f.State == "" || j.State == f.State) && (f.API == "" || j.API == f.API) && (f.Account == "" || j.Account == f.Account) &&
		(f.Model == "" || models.SameName(model, f.Model)) && age >= f.MinAge && (f.MaxAge == 0 || age < f.MaxAge)
}

// Cancel implements job.Queue.
func (o *Operator) Cancel(ctx context.Context, id string) error { return o.lifecycle.cancel(ctx, id) }

// Revoke implements job.Queue.
func (o *Operator) Revoke(ctx context.Context, id string) error { return o.lifecycle.revoke(ctx, id) }

// Delete implements job.Queue.
func (o *Operator) Delete(ctx context.Context, id string) error {
	return busyInOutage(ctx, o.lifecycle.remove(ctx, id))
}

// Retry implements job.Operator. Its steps are a submission's: the sweeper refunds or
// finishes steps that a crash interrupted.
func (o *Operator) Retry(ctx context.Context, id string) (job.Job, error) {
	l := o.lifecycle
	ctx, stop := context.WithTimeout(ctx, submitLimit)
	defer stop()
	r, err := l.read(ctx, id)
	switch {
	case err != nil:
		return job.Job{}, busyInOutage(ctx, err)
	case !r.State.Final():
		return r.Job, nil
	case r.State == job.Failed && r.Sync:
		return job.Job{}, fault.New(fault.Invalid, "The call that waited for this job has ended: nobody could have its result.")
	case !r.Repeatable():
		return job.Job{}, fault.New(fault.Invalid, "Only failed jobs can run again; this one is %s.", r.State)
	}
	expired := fault.New(fault.NotFound, "The image of this job has expired.")
	if _, err := l.openImage(ctx, r.InputImage(), expired); err != nil {
		return job.Job{}, busyInOutage(ctx, err)
	}
	r.State, r.Failure, r.Attempts, r.Run = job.Queued, nil, 0, randomToken()[:16]
	r.Lease, r.Holder, r.Started, r.Finished = "", "", time.Time{}, time.Time{}
	end, _ := o.cache.BeginSubmit(r.ChargeID())
	defer end()
	if _, err := l.charge(ctx, r); err != nil {
		return job.Job{}, busyInOutage(ctx, err)
	}
	l.reached(AfterCharge, id)
	err = l.persist(ctx, func(ctx context.Context) error { return l.replace(ctx, &r) })
	if isConflict(err) {
		return o.raced(ctx, r)
	} else if err != nil {
		return job.Job{}, busyInOutage(ctx, err)
	}
	return r.Job, o.requeue(ctx, r)
}

// raced returns the job that another operator was faster to let run, and refunds the
// charge of this one; or, if only an answer was lost, the job as it was written.
func (o *Operator) raced(ctx context.Context, r record.Job) (job.Job, error) {
	now, err := o.lifecycle.read(ctx, r.ID)
	switch {
	case err != nil: // the sweeper will find out
		return job.Job{}, busyInOutage(ctx, err)
	//guard:retry-race TestRetryIsChargedOnce
	case now.Run != r.Run:
		r.State = job.Canceled
		err = o.lifecycle.settle(ctx, r)
	default:
		err = o.requeue(ctx, now)
	}
	return now.Job, err
}

// requeue writes the work item of a record that was just changed. If that fails the
// sweeper does, or the queue is full and the job waits for space.
func (o *Operator) requeue(ctx context.Context, r record.Job) error {
	if err := o.lifecycle.push(ctx, r); err != nil {
		o.lifecycle.options.Log.Warn("work item follows later", "job", r.ID, "error", err)
	}
	return nil
}

// Prioritize implements job.Operator. A worker that has the item of the old lane in
// hand finds the new record, or has begun the job before.
func (o *Operator) Prioritize(ctx context.Context, id string, p job.Priority) (job.Job, error) {
	l := o.lifecycle
	for {
		old, err := l.read(ctx, id)
		if err != nil || old.State != job.Queued || old.Priority == p {
			return old.Job, busyInOutage(ctx, err)
		}
		r := old
		r.Priority = p
		switch err = l.replace(ctx, &r); {
		case isConflict(err):
			continue
		case err != nil:
			return job.Job{}, busyInOutage(ctx, err)
		}
		l.unqueue(ctx, old)
		return r.Job, o.requeue(ctx, r)
	}
}
