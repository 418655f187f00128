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

// migrateImages moves the images of an earlier version into the image stream and
// removes their object store. It may be repeated after a crash, and run in several
// processes at once.
func migrateImages(ctx context.Context, s *store, consumers []jetstream.Consumer) error {
	objects, err := s.connection.js.ObjectStore(ctx, objectBucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		return nil
	} else if err != nil {
		return fmt.Errorf("look for images of an earlier version: %w", err)
	}
	if err := refuseEarlierVersions(ctx, s.connection, consumers); err != nil {
		return err
	}
	all, err := objects.List(ctx)
	if err != nil && !errors.Is(err, jetstream.ErrNoObjectsFound) {
		return fmt.Errorf("list images of an earlier version: %w", err)
	}
	s.options.Log.Info("images of an earlier version are moved", "images", len(all))
	for _, object := range all {
		if err := migrateImage(ctx, s, objects, object); err != nil {
			return fault.Wrap(fault.Internal, err, "The images of an earlier version could not be moved: check that the disk has space and start again; none is lost.")
		}
	}
	err = s.connection.js.DeleteObjectStore(ctx, objectBucket)
	if err != nil && !errors.Is(err, jetstream.ErrBucketNotFound) && !errors.Is(err, jetstream.ErrStreamNotFound) {
		return fmt.Errorf("remove the object store of an earlier version: %w", err)
	}
	return nil
}

// migrateImage moves one image; expired and damaged ones are left out.
func migrateImage(ctx context.Context, s *store, from jetstream.ObjectStore, object *jetstream.ObjectInfo) error {
	name := object.Name
	if err := s.connection.checkSpace(int(object.Size)); err != nil {
		return err
	}
	reading, stop := context.WithTimeout(ctx, readLimit)
	defer stop()
	data, err := from.GetBytes(reading, name)
	switch {
	case errors.Is(err, jetstream.ErrObjectNotFound):
		return nil
	case errors.Is(err, jetstream.ErrDigestMismatch):
		s.options.Log.Error("damaged image of an earlier version is left out", "image", name)
		return nil
	case err != nil:
		return fmt.Errorf("read %s: %w", name, err)
	}
	if err := s.putImage(ctx, name, data); err != nil {
		return err
	}
	if err := from.Delete(ctx, name); err != nil && !errors.Is(err, jetstream.ErrObjectNotFound) {
		return fmt.Errorf("remove %s: %w", name, err)
	}
	return nil
}

// refuseEarlierVersions fails while processes of an earlier version may be at work:
// they look for images in the object store only. On an external server their
// pending requests for work show them.
func refuseEarlierVersions(ctx context.Context, c *Connection, consumers []jetstream.Consumer) error {
	refused := fault.New(fault.Busy, "Programs of an earlier version are still at work on this queue: stop all of them, wait half a minute, and start again.")
	if c.embedded != nil {
		return nil // its data folder is locked
	}
	if c.dir != "" {
		return refused // the server on this machine is one
	}
	for _, consumer := range consumers {
		info, err := consumer.Info(ctx)
		if err != nil {
			return fmt.Errorf("look for programs of an earlier version: %w", err)
		}
		if info.NumWaiting > 0 {
			return refused
		}
	}
	return nil
}
