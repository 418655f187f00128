// Package jobtest has the conformance suites of the interfaces of package job, and a
// queue in memory for tests of code that submits to one.
package jobtest

import (
	"bytes"
	"context"
	"io"
	"sync"
	"time"

	"upscaled/models/fault"
	"upscaled/server/job"
)

// Outcome is how a pretend worker ends a job: with a Failure or a Result, or with
// neither, which cancels it.
type Outcome struct {
	Result  *job.Result
	Picture []byte
	Failure *job.Failure
}

// Queue is a job.Queue, Lister, Watcher, Uploads and Deliveries in memory. Its zero
// value accepts jobs and leaves them queued until Start and Finish are called.
type Queue struct {
	// Work, if not nil, finishes every job as soon as it is submitted.
	Work func(spec job.Spec, input []byte) Outcome
	// Refuse, if not nil, may refuse a submission.
	Refuse func(spec job.Spec) error
	// Credits, if not nil, is the balance that submissions return.
	Credits *int64
	// Now is the clock; time.Now if nil.
	Now func() time.Time
	// Retention is how long uploads are kept; 0 is a day.
	Retention time.Duration
	// UploadBytes limits one account's uploads in total; 0 is 1 GiB.
	UploadBytes int64

	mutex   sync.Mutex
	jobs    map[string]job.Job
	order   []string // IDs, oldest first
	inputs  map[string][]byte
	images  map[string][]byte
	changed map[string]chan struct{} // closed when the job becomes final
	uploads map[string]upload
	once    claims
	due     []*delivery
	// notified is closed and replaced when any job changes or a delivery is due; nil
	// while nobody waits.
	notified chan struct{}
}

// notify wakes all goroutines that wait for changes. The mutex is held.
func (q *Queue) notify() {
	if q.notified != nil {
		close(q.notified)
		q.notified = nil
	}
}

// changes returns a channel that the next notify closes. The mutex is held.
func changes(q *Queue) <-chan struct{} {
	if q.notified == nil {
		q.notified = make(chan struct{})
	}
	return q.notified
}

func now(q *Queue) time.Time {
	if q.Now != nil {
		return q.Now()
	}
	return time.Now()
}

// Submit implements job.Queue.
func (q *Queue) Submit(ctx context.Context, spec job.Spec, input []byte) (job.Submitted, error) {
	if err := ctx.Err(); err != nil {
		return job.Submitted{}, err
	}
	if q.Refuse != nil {
		if err := q.Refuse(spec); err != nil {
			return job.Submitted{}, err
		}
	}
	q.mutex.Lock()
	if q.jobs == nil {
		q.jobs, q.inputs = map[string]job.Job{}, map[string][]byte{}
		q.images, q.changed, q.once = map[string][]byte{}, map[string]chan struct{}{}, claims{}
	}
	if spec.Once != nil {
		if first, err := q.once.claim(spec); err != nil || first != "" {
			j := q.jobs[first]
			q.mutex.Unlock()
			return job.Submitted{Job: j, Repeated: err == nil}, err
		}
	}
	if _, taken := q.jobs[spec.ID]; taken {
		q.mutex.Unlock()
		return job.Submitted{}, fault.New(fault.Conflict, "There is a job %s already.", spec.ID)
	}
	spec.Input, spec.Once, spec.Part = job.InputInfo{}, nil, 0 // not part of the record
	j := job.Job{Spec: spec, State: job.Queued, Created: now(q)}
	q.jobs[spec.ID], q.changed[spec.ID] = j, make(chan struct{})
	q.inputs[spec.ID] = bytes.Clone(input)
	q.order = append(q.order, spec.ID)
	q.mutex.Unlock()
	if q.Work != nil {
		q.Finish(spec.ID, q.Work(spec, input))
	}
	return job.Submitted{Job: j, Credits: q.Credits}, nil
}

// claims are the jobs of keyed requests: IDs by part of the request.
type claims map[job.Once]map[int]string

// claim returns the ID of the job that an earlier submission made, or notes this one's
// and returns "".
func (c claims) claim(spec job.Spec) (first string, err error) {
	for known := range c {
		if known.Key == spec.Once.Key && known.Request != spec.Once.Request {
			return "", fault.New(fault.Conflict, "This Idempotency-Key was used for another request.")
		}
	}
	parts := c[*spec.Once]
	if parts == nil {
		parts = map[int]string{}
		c[*spec.Once] = parts
	}
	if first = parts[spec.Part]; first == "" {
		parts[spec.Part] = spec.ID
	}
	return first, nil
}

// Start begins a queued job, or sets the progress of a running one.
func (q *Queue) Start(id string, progress float64) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	j, known := q.jobs[id]
	if !known {
		return
	}
	begins := j.State == job.Queued
	if begins {
		j.State, j.Started, j.Attempts = job.Running, now(q), j.Attempts+1
	}
	j.Progress = progress
	q.jobs[id] = j
	if begins && j.Webhook != nil && j.Webhook.Started {
		q.due = append(q.due, &delivery{queue: q, job: j})
	}
	q.notify()
}

// Finish ends a job that is not final yet.
func (q *Queue) Finish(id string, o Outcome) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	j, known := q.jobs[id]
	if !known || j.State.Final() {
		return
	}
	j.Finished = now(q)
	switch {
	case o.Failure != nil:
		j.State, j.Failure = job.Failed, o.Failure
	case o.Result != nil:
		j.State, j.Result, j.Progress = job.Succeeded, o.Result, 1
		q.images[id] = o.Picture
	default:
		j.State = job.Canceled
	}
	q.jobs[id] = j
	close(q.changed[id])
	if j.Webhook != nil {
		q.due = append(q.due, &delivery{queue: q, job: j})
	}
	q.notify()
}

// Input returns the bytes that a job was submitted with.
func (q *Queue) Input(id string) []byte {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	return q.inputs[id]
}

// Jobs returns all records, oldest first.
func (q *Queue) Jobs() []job.Job {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	var all []job.Job
	for _, id := range q.order {
		if j, known := q.jobs[id]; known {
			all = append(all, j)
		}
	}
	return all
}

// Get implements job.Queue.
func (q *Queue) Get(_ context.Context, id string) (job.Job, error) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	j, known := q.jobs[id]
	if !known {
		return job.Job{}, fault.New(fault.NotFound, "There is no such job.")
	}
	return j, nil
}

// Wait implements job.Queue.
func (q *Queue) Wait(ctx context.Context, id string) (job.Job, error) {
	q.mutex.Lock()
	done := q.changed[id]
	q.mutex.Unlock()
	if done == nil {
		return q.Get(ctx, id)
	}
	select {
	case <-done:
		return q.Get(ctx, id)
	case <-ctx.Done():
		j, _ := q.Get(ctx, id)
		return j, ctx.Err()
	}
}

// Open implements job.Queue.
func (q *Queue) Open(ctx context.Context, id string) (io.ReadSeekCloser, job.Job, error) {
	j, err := q.Get(ctx, id)
	if err != nil {
		return nil, job.Job{}, err
	}
	if j.State != job.Succeeded {
		return nil, job.Job{}, fault.New(fault.NotFound, "The job has no result.")
	}
	q.mutex.Lock()
	defer q.mutex.Unlock()
	return nopCloser{bytes.NewReader(q.images[id])}, j, nil
}

// Cancel implements job.Queue.
func (q *Queue) Cancel(ctx context.Context, id string) error {
	if _, err := q.Get(ctx, id); err != nil {
		return err
	}
	q.Finish(id, Outcome{})
	return nil
}

// Revoke implements job.Queue.
func (q *Queue) Revoke(ctx context.Context, id string) error {
	err := q.Cancel(ctx, id)
	q.mutex.Lock()
	defer q.mutex.Unlock()
	if j := q.jobs[id]; j.State == job.Succeeded {
		j.State, j.Result, j.Failure = job.Failed, nil, &job.Failure{Kind: fault.Canceled, Message: "revoked"}
		q.jobs[id] = j
		delete(q.images, id)
	}
	return err
}

// Delete implements job.Queue.
func (q *Queue) Delete(ctx context.Context, id string) error {
	if err := q.Cancel(ctx, id); err != nil {
		return err
	}
	q.mutex.Lock()
	defer q.mutex.Unlock()
	delete(q.jobs, id)
	delete(q.images, id)
	delete(q.inputs, id)
	q.notify()
	return nil
}

type nopCloser struct{ io.ReadSeeker }

func (nopCloser) Close() error { return nil }
