package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"upscaled/models/fault"
	"upscaled/server/job"
	"upscaled/server/queue/blob"
)

// record is a job as it is stored.
type record struct {
	job.Job
	// Line is where the job waits.
	Line string `json:"line"`
	// Lease is the token of the worker that holds or held the job.
	Lease string `json:"lease,omitempty"`
	// Holder is the process that leased the job last, where that process holds
	// the embedded server; "" elsewhere. See reclaim.
	Holder string `json:"holder,omitempty"`
	// Waiter is the process whose call waits for the job, where only that call
	// can answer it; see sweepWaiters.
	Waiter string `json:"waiter,omitempty"`
	// Object names the result in the object store.
	Object string `json:"object,omitempty"`

	// revision is what a compare-and-swap compares.
	revision uint64
	// tried says of a submission that its record may have been written.
	tried bool
}

// workSubject is where a job's work item lies.
func (r record) workSubject() string { return workSubjects + r.Line + "." + r.ID }

// errForeign is for entries that no Queue wrote, as others may on an external
// NATS: taken for a job, one would hold a place in the queue for ever.
var errForeign = errors.New("the entry is not of this program")

// genuine says whether a record can be a Queue's under a key; whoever is given
// its job relies on this.
func (r record) genuine(key string) bool {
	if r.ID != key {
		return false
	}
	switch r.State {
	case job.Queued, job.Running, job.Canceled:
		return true
	case job.Succeeded:
		return r.Result != nil
	case job.Failed:
		return r.Failure != nil
	}
	return false
}

func decodeRecord(entry jetstream.KeyValueEntry) (record, error) {
	r := record{revision: entry.Revision()}
	err := json.Unmarshal(entry.Value(), &r)
	if err == nil && !r.genuine(entry.Key()) {
		err = errForeign
	}
	if err != nil {
		return record{}, fmt.Errorf("decode record %s: %w", entry.Key(), err)
	}
	return r, nil
}

// validID says whether an ID can be a job's: it becomes part of subjects,
// where a longer one would break the connection (control lines end at 4 KiB)
// and other characters have meanings.
func validID(id string) bool {
	const longest = 100
	for _, c := range []byte(id) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return id != "" && len(id) <= longest
}

// read gives a job's record; fault.NotFound when unknown or expired.
func (q *Queue) read(ctx context.Context, id string) (record, error) {
	unknown := fault.New(fault.NotFound, "There is no such job, or it has expired.")
	if !validID(id) {
		return record{}, unknown
	}
	entry, err := q.records.Get(ctx, id)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return record{}, unknown
	} else if err != nil {
		return record{}, fmt.Errorf("read record: %w", err)
	}
	return decodeRecord(entry)
}

// create writes the first record of a job; a conflict when the ID is taken.
func (q *Queue) create(ctx context.Context, r *record) error {
	value, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode record: %w", err)
	}
	if r.revision, err = q.records.Create(ctx, r.ID, value); err != nil {
		return fmt.Errorf("create record: %w", err)
	}
	return nil
}

// update replaces exactly the revision that was read. A job's end is announced
// first.
func (q *Queue) update(ctx context.Context, r *record) error {
	if r.State.Final() {
		if err := q.announce(ctx, *r, noticeEnded); err != nil {
			return err
		}
	}
	value, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode record: %w", err)
	}
	revision, err := q.records.Update(ctx, r.ID, value, r.revision)
	if err != nil {
		return fmt.Errorf("update record: %w", err)
	}
	r.revision = revision
	switch {
	case r.State.Final():
		q.passed(StepEnded, r.ID)
	case r.State == job.Running:
		q.passed(StepBegun, r.ID)
	default:
		q.passed(StepPutBack, r.ID)
	}
	return nil
}

// conclude does what follows from a final record: the charge is settled or
// given back and the input dropped. It may be repeated; what goes wrong is
// left to the sweeper.
func (q *Queue) conclude(ctx context.Context, r record) {
	ctx, stop := context.WithTimeout(ctx, concludeLimit)
	defer stop()
	if err := q.persist(ctx, func(ctx context.Context) error { return q.account(ctx, r) }); err != nil {
		q.options.Log.Warn("settle later", "job", r.ID, "error", err)
	}
	q.passed(StepAccounted, r.ID)
	if err := q.images.Delete(ctx, inputImage(r.ID)); err != nil {
		q.options.Log.Warn("input is removed later", "job", r.ID, "error", err)
	}
	q.passed(StepInputGone, r.ID)
}

// ended tells the observer of a record that was just made final.
func (q *Queue) ended(r record) {
	if q.options.Observer != nil {
		q.options.Observer.JobEnded(r.Job)
	}
}

// account settles or refunds a final job's charge.
func (q *Queue) account(ctx context.Context, r record) error {
	switch {
	case q.options.Ledger == nil || r.Account == "":
		return nil
	case r.State == job.Succeeded:
		return q.options.Ledger.Settle(ctx, r.Account, r.ID)
	default:
		return q.options.Ledger.Refund(ctx, r.Account, r.ID)
	}
}

// dropWork removes the work item of a job that nobody is to run any more. A
// worker that meets one left over sees the final record and skips it.
//
// The message is deleted by its number: a purge of its subject makes the server
// (2.15.2) forget other items that were handed back and wait for their next
// delivery, so that they never come.
func (q *Queue) dropWork(ctx context.Context, r record) {
	message, err := q.work.GetLastMsgForSubject(ctx, r.workSubject())
	if err == nil {
		err = q.work.DeleteMsg(ctx, message.Sequence)
	}
	q.passed(StepUnqueued, r.ID)
	if err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
		q.options.Log.Warn("work item is left to be skipped", "job", r.ID, "error", err)
	}
}

// persist repeats a step until it is done, is refused for good or the context
// ends: while a node is lost, steps fail or stay unanswered for some seconds.
func (q *Queue) persist(ctx context.Context, step func(context.Context) error) error {
	return q.persistFor(ctx, stepLimit, step)
}

// persistFor is persist for steps of which the first try may take that long;
// each next one may take longer, for a store that is only slow.
func (q *Queue) persistFor(ctx context.Context, limit time.Duration, step func(context.Context) error) error {
	const firstPause, longestPause = 50 * time.Millisecond, time.Second
	for pause := firstPause; ; pause, limit = min(2*pause, longestPause), 2*limit {
		trying, stop := context.WithTimeout(ctx, limit)
		err := step(trying)
		stop()
		if err == nil || isConflict(err) || isFinal(err) || ctx.Err() != nil {
			return err
		}
		if fault.KindOf(err) != fault.Internal && !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		if q.connection.breakage.err() != nil {
			return err // nothing can be written any more
		}
		q.options.Log.Warn("queue step is tried again", "error", err)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return err
		}
	}
}

// isFinal reports whether an image can never be read, however often it is tried.
func isFinal(err error) bool {
	return errors.Is(err, blob.ErrNotFound) || errors.Is(err, blob.ErrDamaged)
}
