package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"upscaled/models/fault"
	"upscaled/server/job"
	"upscaled/server/queue/blob"
	"upscaled/server/queue/record"
)

// store reads and writes records, work items and images, one at a time.
type store struct {
	*core
	records jetstream.KeyValue
	work    jetstream.Stream
	images  *blob.Store
}

// openStore opens the buckets and streams, which it creates if they are missing.
func openStore(ctx context.Context, c *core) (s *store, err error) {
	s = &store{core: c}
	retention := c.options.Retention
	if s.records, err = c.connection.bucket(ctx, jobsBucket, retention+recordMargin(retention)); err != nil {
		return nil, err
	}
	if s.work, err = c.connection.work(ctx, c.options.MaxUnfinished); err != nil {
		return nil, err
	}
	s.images, err = c.connection.images(ctx, retention)
	return s, err
}

// read returns a job's record; fault.NotFound if it is unknown or expired.
func (s *store) read(ctx context.Context, id string) (record.Job, error) {
	unknown := fault.New(fault.NotFound, "There is no such job, or it has expired.")
	if !record.ValidID(id) {
		return record.Job{}, unknown
	}
	entry, err := s.records.Get(ctx, id)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return record.Job{}, unknown
	} else if err != nil {
		return record.Job{}, fmt.Errorf("read record: %w", err)
	}
	return record.Decode(entry)
}

// create writes the first record of a job; a conflict if the ID is taken.
func (s *store) create(ctx context.Context, r *record.Job) error {
	value, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode record: %w", err)
	}
	if r.Revision, err = s.records.Create(ctx, r.ID, value); err != nil {
		return fmt.Errorf("create record: %w", err)
	}
	s.connection.wrote(jobsBucket, r.Revision)
	return nil
}

// replace writes a record in place of exactly the revision that was read.
func (s *store) replace(ctx context.Context, r *record.Job) error {
	value, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode record: %w", err)
	}
	revision, err := s.records.Update(ctx, r.ID, value, r.Revision)
	if err != nil {
		return fmt.Errorf("update record: %w", err)
	}
	r.Revision = revision
	s.connection.wrote(jobsBucket, revision)
	switch {
	case r.State.Final():
		s.reached(AfterEnd, r.ID)
	case r.State == job.Running:
		s.reached(AfterBegin, r.ID)
	default:
		s.reached(AfterRequeue, r.ID)
	}
	return nil
}

// erase removes a record: the given revision, or with revision 0, if the answer to
// its creation was lost, whatever is there. Its mark says whether the job was purged,
// as one that was deleted is, or withdrawn by its submission.
func (s *store) erase(ctx context.Context, r record.Job, withdrawn bool) error {
	var options []jetstream.KVDeleteOpt
	if r.Revision != 0 {
		options = append(options, jetstream.LastRevision(r.Revision))
	}
	remove := s.records.Purge
	if withdrawn {
		remove = s.records.Delete
	}
	if err := remove(ctx, r.ID, options...); err != nil {
		return fmt.Errorf("erase record: %w", err)
	}
	s.reached(AfterErase, r.ID)
	return nil
}

// purged reports whether a job was deleted, so that it is never recorded again.
func (s *store) purged(ctx context.Context, id string) bool {
	history, err := s.records.History(ctx, id)
	//guard:deleted-images TestCrashWhileDeleting => false
	return err == nil && len(history) > 0 && history[len(history)-1].Operation() == jetstream.KeyValuePurge
}

func workSubject(r record.Job) string {
	return workSubjects + laneName(r.Lane, r.Priority) + "." + r.ID
}

// push writes a job's work item; an existing one stays. It fails with fault.Busy
// when the queue is full.
func (s *store) push(ctx context.Context, r record.Job) error {
	ctx, stop := context.WithTimeout(ctx, pushLimit)
	defer stop()
	_, err := s.connection.js.Publish(ctx, workSubject(r), nil, jetstream.WithExpectStream(workStream))
	var refused *jetstream.APIError
	switch {
	case err == nil:
		s.reached(AfterQueue, r.ID)
		return nil
	case isDuplicate(err):
		return nil
	case errors.As(err, &refused) && strings.Contains(refused.Description, "maximum messages exceeded"):
		return errFull()
	}
	return fmt.Errorf("push work item: %w", err)
}

func errFull() error { return fault.New(fault.Busy, "The queue is full. Please try again later.") }

// isDuplicate reports whether a second message on a subject was refused.
func isDuplicate(err error) bool {
	var refused *jetstream.APIError
	return errors.As(err, &refused) && strings.Contains(refused.Description, "maximum messages per subject")
}

// unqueue removes the work item of a job that must not run any more. A worker that
// takes a leftover one sees the final record and skips it.
//
// The message is deleted by its number: a purge of its subject makes the server
// (2.15.2) forget other items that were handed back and wait for their next
// delivery, so that they never come.
func (s *store) unqueue(ctx context.Context, r record.Job) {
	message, err := s.work.GetLastMsgForSubject(ctx, workSubject(r))
	if err == nil {
		err = s.work.DeleteMsg(ctx, message.Sequence)
	}
	s.reached(AfterUnqueue, r.ID)
	if err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
		s.options.Log.Warn("work item is left to be skipped", "job", r.ID, "error", err)
	}
}
