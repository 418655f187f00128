package queue

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"upscaled/models/fault"
	"upscaled/server/job"
)

// chunkSubjects has the contents of objects, in pieces; the rest of a subject
// is the NUID that the object's description names.
const chunkSubjects = "$O." + picturesBucket + ".C."

// leftovers are objects that seem to belong to nothing, by name or by NUID,
// with the time when they were first met.
type leftovers map[string]time.Time

// clearOften removes what crashes left in the object store, at the start and
// then at every pause. Any number of processes may do so at once.
func (q *Queue) clearOften(ctx context.Context) error {
	select {
	case <-q.reclaimed:
	case <-ctx.Done():
		return nil
	}
	seen := leftovers{}
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

// clear removes inputs of jobs that were never recorded or have ended, results
// of leases that were lost, contents of uploads without a description, and
// pieces of objects that were never whole. seen is what the last call gave.
func (q *Queue) clear(ctx context.Context, seen leftovers) (leftovers, error) {
	ctx, stop := context.WithTimeout(ctx, clearLimit) // a list may be lost with a node
	defer stop()
	// Pieces come before the descriptions, as they are written: whatever was
	// whole by now has a description then.
	pieces, err := q.pieces(ctx)
	if err != nil {
		return seen, err
	}
	still := leftovers{}
	objects, err := q.objects(ctx)
	if err != nil {
		return seen, err
	}
	for _, o := range objects {
		delete(pieces, o.NUID)
		if q.isOwned(ctx, o.Name) {
			continue
		}
		if still.meet(o.Name, seen, q.options.Now()) < q.options.Orphans {
			continue
		}
		if err := q.pictures.Delete(ctx, o.Name); err != nil && !errors.Is(err, jetstream.ErrObjectNotFound) {
			q.options.Log.Warn("remove picture that belongs to no job", "object", o.Name, "error", err)
		}
	}
	for nuid := range pieces {
		if still.meet(nuid, seen, q.options.Now()) >= piecePatience || q.isOfTheDead(ctx, nuid) {
			err = errors.Join(err, q.connection.purgePieces(ctx, nuid))
		}
	}
	return still, err
}

// meet notes a leftover and tells since when it is known.
func (l leftovers) meet(name string, before leftovers, now time.Time) time.Duration {
	first, known := before[name]
	if !known {
		first = now
	}
	l[name] = first
	return now.Sub(first)
}

// errListLost says that a list of objects has not come to its end.
var errListLost = errors.New("the list of pictures has no end")

// objects gives all objects there are. The library's list ends with the object
// behind which the store knew none; where that is removed just then, nothing
// ends it, and it is asked for again.
func (q *Queue) objects(ctx context.Context) ([]*jetstream.ObjectInfo, error) {
	for {
		all, err := q.listObjects(ctx)
		if err == nil || !errors.Is(err, errListLost) || ctx.Err() != nil {
			return all, err
		}
	}
}

func (q *Queue) listObjects(ctx context.Context) (all []*jetstream.ObjectInfo, err error) {
	watcher, err := q.pictures.Watch(ctx, jetstream.IgnoreDeletes())
	if err != nil {
		return nil, fmt.Errorf("list pictures: %w", err)
	}
	defer func() { _ = watcher.Stop() }() // the connection may be gone already
	for {
		silence := time.NewTimer(stepLimit)
		select {
		case o, open := <-watcher.Updates():
			silence.Stop()
			switch {
			case !open:
				return nil, errors.New("the list of pictures has ended too early")
			case o == nil:
				return all, nil
			}
			all = append(all, o)
		case <-silence.C:
			return nil, errListLost
		case <-ctx.Done():
			silence.Stop()
			return nil, ctx.Err()
		}
	}
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

// pieces are the NUIDs that have contents.
func (q *Queue) pieces(ctx context.Context) (map[string]bool, error) {
	stream, err := q.connection.stream.Stream(ctx, picturesStream)
	if err != nil {
		return nil, fmt.Errorf("open object store: %w", err)
	}
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter(chunkSubjects+">"))
	if err != nil {
		return nil, fmt.Errorf("list contents: %w", err)
	}
	nuids := make(map[string]bool, len(info.State.Subjects))
	for subject := range info.State.Subjects {
		nuids[strings.TrimPrefix(subject, chunkSubjects)] = true
	}
	return nuids, nil
}

// isOfTheDead says that nobody writes an object any more: its last piece was
// there before the embedded server started.
func (q *Queue) isOfTheDead(ctx context.Context, nuid string) bool {
	if q.connection.inherited == 0 {
		return false
	}
	stream, err := q.connection.stream.Stream(ctx, picturesStream)
	if err != nil {
		return false
	}
	last, err := stream.GetLastMsgForSubject(ctx, chunkSubjects+nuid)
	return err == nil && last.Sequence <= q.connection.inherited
}

func (c *Connection) purgePieces(ctx context.Context, nuid string) error {
	stream, err := c.stream.Stream(ctx, picturesStream)
	if err == nil {
		err = stream.Purge(ctx, jetstream.WithPurgeSubject(chunkSubjects+nuid))
	}
	if err != nil {
		return fmt.Errorf("remove pieces: %w", err)
	}
	return nil
}

// inherit notes how far the object store was written before this process. It
// goes before anybody else can write.
func (c *Connection) inherit() error {
	ctx, stop := context.WithTimeout(context.Background(), startLimit)
	defer stop()
	stream, err := c.stream.Stream(ctx, picturesStream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil
	} else if err != nil {
		return fmt.Errorf("open object store: %w", err)
	}
	c.inherited = stream.CachedInfo().State.LastSeq
	return nil
}
