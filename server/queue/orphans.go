package queue

import (
	"context"
	"strings"
	"time"

	"upscaled/models/fault"
	"upscaled/server/job"
)

// orphans are the images that seem to belong to nothing, with the time when
// they were first met.
type orphans map[string]time.Time

// clearOften removes what crashes left in the object store, at the start and
// then at every pause. Any number of processes may do so at once.
func (q *Queue) clearOften(ctx context.Context) error {
	select {
	case <-q.reclaimed:
	case <-ctx.Done():
		return nil
	}
	seen := orphans{}
	ticker := time.NewTicker(clearPause)
	defer ticker.Stop()
	for {
		var err error
		if seen, err = q.clear(ctx, seen); err != nil && ctx.Err() == nil {
			q.options.Log.Warn("look for pictures that belong to no job", "error", err)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// clear removes images that belong to nothing: inputs of jobs that were never
// recorded or have ended, results of lost leases, contents of uploads without a
// record, whole or not. seen is what the last call returned.
func (q *Queue) clear(ctx context.Context, seen orphans) (orphans, error) {
	ctx, stop := context.WithTimeout(ctx, clearLimit) // answers may be lost with a node
	defer stop()
	names, err := q.images.Names(ctx)
	if err != nil {
		return seen, err
	}
	still := orphans{}
	for _, name := range names {
		if q.isOwned(ctx, name) {
			continue
		}
		if still.meet(name, seen, q.options.Now()) < q.options.Orphans {
			continue
		}
		if err := q.images.Delete(ctx, name); err != nil {
			q.options.Log.Warn("orphaned image is removed later", "image", name, "error", err)
		}
	}
	return still, nil
}

// meet notes a leftover and tells since when it is known.
func (l orphans) meet(name string, before orphans, now time.Time) time.Duration {
	first, known := before[name]
	if !known {
		first = now
	}
	l[name] = first
	return now.Sub(first)
}

// isOwned says whether a job or an upload has, or may yet get, an object. Where
// that cannot be told it is.
func (q *Queue) isOwned(ctx context.Context, name string) bool {
	owner, part, _ := strings.Cut(name, "/")
	if owner == uploadOwner {
		id, _, _ := strings.Cut(part, "/")
		if q.shelf.isPending(id) {
			return true
		}
		r, err := q.uploadRecord(ctx, id)
		return err == nil && r.Object == name || err != nil && fault.KindOf(err) != fault.NotFound
	}
	// Asked before the record is read, as in sweepHolds.
	if q.board.isSubmitting(owner) {
		return true
	}
	r, err := q.read(ctx, owner)
	switch {
	case err != nil:
		return fault.KindOf(err) != fault.NotFound
	case part == inputPart:
		return !r.State.Final()
	case r.State == job.Running:
		return r.Lease == part // its worker is about to record it
	}
	return r.Object == name
}
