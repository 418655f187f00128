package queue

import (
	"context"
	"strings"
	"time"

	"upscaled/models/fault"
	"upscaled/server/job"
	"upscaled/server/queue/index"
	"upscaled/server/queue/record"
)

// collector deletes images that belong to no job and no upload: inputs of jobs that
// were never recorded or have ended, results of lost leases, contents of uploads
// without a record, whole or not. Any number of processes may collect at once.
type collector struct {
	store   *store
	uploads *uploads
	cache   *index.Cache
	// orphans are the images that seem to belong to nothing, by the time when they
	// were first seen.
	orphans map[string]time.Time
}

// run collects once started is closed and then at every interval, until the context
// ends.
func (c *collector) run(ctx context.Context, started <-chan struct{}) error {
	select {
	case <-started:
	case <-ctx.Done():
		return nil
	}
	ticker := time.NewTicker(collectInterval)
	defer ticker.Stop()
	for {
		if err := c.collect(ctx); err != nil && ctx.Err() == nil {
			c.store.options.Log.Warn("look for orphaned images", "error", err)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// collect deletes the orphans that have been known for Options.Orphans: before
// that, they may belong to a submission in another process.
func (c *collector) collect(ctx context.Context) error {
	ctx, stop := context.WithTimeout(ctx, collectLimit) // answers may be lost with a node
	defer stop()
	images, err := c.store.images.Names(ctx)
	if err != nil {
		return err
	}
	now, before := c.store.options.Now(), c.orphans
	c.orphans = map[string]time.Time{}
	for _, image := range images {
		//guard:owned-images TestClearedAtTheStart TestKilledAtEveryStep/succeeds => true
		if c.owned(ctx, image) {
			continue
		}
		first, known := before[image]
		if !known {
			first = now
		}
		c.orphans[image] = first
		//guard:young-images TestYoungImagesAreLeftAlone => true
		if now.Sub(first) >= c.store.options.Orphans || c.deleted(ctx, image) {
			c.store.eraseImage(ctx, image)
		}
	}
	return nil
}

// owned reports whether a job or an upload has, or may yet get, an image; also if
// that cannot be determined.
func (c *collector) owned(ctx context.Context, image string) bool {
	id, lease, upload := record.ImageOwner(image)
	if upload {
		if c.uploads.index.Pending(id) {
			return true
		}
		r, err := c.uploads.read(ctx, id)
		return err == nil && r.Image == image || err != nil && fault.KindOf(err) != fault.NotFound
	}
	// This precedes the read, as in sweepHolds.
	if c.cache.Submitting(id) {
		return true
	}
	r, err := c.store.read(ctx, id)
	switch {
	case err != nil:
		return fault.KindOf(err) != fault.NotFound
	case lease == "":
		return (!r.State.Final() || r.Repeatable()) && r.InputImage() == image
	case strings.HasPrefix(image, record.PartImages(id)):
		return !r.State.Final() || r.Repeatable()
	case r.State == job.Running:
		return r.Lease == lease // its worker is about to record it
	}
	return r.ResultImage == image
}

// deleted reports whether an image is one of a job that was deleted.
func (c *collector) deleted(ctx context.Context, image string) bool {
	id, _, upload := record.ImageOwner(image)
	return !upload && c.store.purged(ctx, id)
}
