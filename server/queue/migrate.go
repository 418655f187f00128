package queue

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"upscaled/models/fault"
)

// objectBucket is the object store that held images until November 2026.
const objectBucket = "upscaled_pictures_1"

// migrateImages moves the images of an earlier version into the image stream,
// and removes their object store, so that no process reads or writes it any
// more. It may be repeated after a crash, and run in several processes at once.
func (q *Queue) migrateImages(ctx context.Context) error {
	objects, err := q.connection.stream.ObjectStore(ctx, objectBucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		return nil
	} else if err != nil {
		return fmt.Errorf("look for images of an earlier version: %w", err)
	}
	if err := q.refuseEarlierVersions(ctx); err != nil {
		return err
	}
	all, err := objects.List(ctx)
	if err != nil && !errors.Is(err, jetstream.ErrNoObjectsFound) {
		return fmt.Errorf("list images of an earlier version: %w", err)
	}
	q.options.Log.Info("images of an earlier version are moved", "images", len(all))
	for _, object := range all {
		if err := q.migrateImage(ctx, objects, object); err != nil {
			return fault.Wrap(fault.Internal, err, "The images of an earlier version could not be moved: see that the disk has room and start again; none is lost.")
		}
	}
	err = q.connection.stream.DeleteObjectStore(ctx, objectBucket)
	if err != nil && !errors.Is(err, jetstream.ErrBucketNotFound) && !errors.Is(err, jetstream.ErrStreamNotFound) {
		return fmt.Errorf("remove the object store of an earlier version: %w", err)
	}
	return nil
}

// migrateImage moves one image; expired and damaged ones are left out.
func (q *Queue) migrateImage(ctx context.Context, from jetstream.ObjectStore, object *jetstream.ObjectInfo) error {
	name := object.Name
	if err := q.connection.room(int(object.Size)); err != nil {
		return err
	}
	reading, stop := context.WithTimeout(ctx, readPatience)
	defer stop()
	data, err := from.GetBytes(reading, name)
	switch {
	case errors.Is(err, jetstream.ErrObjectNotFound):
		return nil
	case errors.Is(err, jetstream.ErrDigestMismatch):
		q.options.Log.Error("damaged image of an earlier version is left out", "image", name)
		return nil
	case err != nil:
		return fmt.Errorf("read %s: %w", name, err)
	}
	if err := q.storeImage(ctx, name, data); err != nil {
		return err
	}
	if err := from.Delete(ctx, name); err != nil && !errors.Is(err, jetstream.ErrObjectNotFound) {
		return fmt.Errorf("remove %s: %w", name, err)
	}
	return nil
}

// refuseEarlierVersions fails while processes of an earlier version may be at
// work: they know no other place for images than the object store. On an
// external server they show by the requests for work that wait there.
func (q *Queue) refuseEarlierVersions(ctx context.Context) error {
	refused := fault.New(fault.Busy, "Programs of an earlier version are still at work on this queue: stop all of them, wait half a minute, and start again.")
	if q.connection.embedded == nil && q.connection.dir != "" {
		return refused // attached to a server of an earlier version
	}
	for _, consumer := range []jetstream.Consumer{q.lines[smallLine], q.lines[largeLine], q.notices} {
		info, err := consumer.Info(ctx)
		if err != nil {
			return fmt.Errorf("look for programs of an earlier version: %w", err)
		}
		if q.connection.embedded == nil && info.NumWaiting > 0 {
			return refused
		}
	}
	return nil
}
