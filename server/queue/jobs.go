package queue

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"upscaled/models/fault"
	"upscaled/server/job"
	"upscaled/server/queue/blob"
	"upscaled/server/queue/index"
	"upscaled/server/queue/record"
)

// jobs reads jobs: it implements job.Lister, job.Watcher and the reading half of
// job.Queue.
type jobs struct {
	store     *store
	lifecycle *lifecycle
	cache     *index.Cache
	listing   *index.Listing
	sound     soundImages
}

// Get implements job.Queue.
func (q *jobs) Get(ctx context.Context, id string) (job.Job, error) {
	r, err := q.store.read(ctx, id)
	if err != nil {
		return job.Job{}, busyInOutage(ctx, err)
	}
	return q.withProgress(r), nil
}

// withProgress returns a record as callers see it.
func (q *jobs) withProgress(r record.Job) job.Job {
	if r.State == job.Running {
		fraction, _ := q.cache.Progress(r)
		r.Progress = max(r.Progress, fraction)
	}
	return r.Job
}

// Wait implements job.Queue.
func (q *jobs) Wait(ctx context.Context, id string) (latest job.Job, err error) {
	err = q.follow(ctx, id, false, func(j job.Job) error {
		latest = j
		return nil
	})
	return latest, err
}

// Watch implements job.Watcher.
func (q *jobs) Watch(ctx context.Context, id string, changed func(job.Job) error) error {
	var reported job.Job
	return q.follow(ctx, id, true, func(j job.Job) error {
		if !differs(reported, j) {
			return nil
		}
		reported = j
		return changed(j)
	})
}

func differs(a, b job.Job) bool {
	return a.ID != b.ID || a.State != b.State || a.Progress != b.Progress || a.Attempts != b.Attempts || !a.Started.Equal(b.Started)
}

// follow calls report with a job at once, after its changes and, with progress,
// after changes of its progress, until it is final. It learns of changes while Run
// runs; without it the record is only read now and then.
func (q *jobs) follow(ctx context.Context, id string, progress bool, report func(job.Job) error) error {
	changed, stop := q.cache.Subscribe(id, progress)
	defer stop()
	recheck := time.NewTicker(recheckInterval)
	defer recheck.Stop()
	var known record.Job
	for read := true; ; {
		if read {
			r, err := q.store.read(ctx, id)
			switch {
			case err == nil:
				known = r
			case ctx.Err() != nil:
				return ctx.Err()
			case fault.KindOf(err) == fault.NotFound:
				return err
			}
			// Other errors may pass: a node was lost and another takes over.
		}
		if known.ID != "" {
			if err := report(q.withProgress(known)); err != nil || known.State.Final() {
				return err
			}
		}
		select {
		case <-changed:
			// Progress alone needs no read.
			_, current := q.cache.Progress(known)
			read = !current
		case <-recheck.C:
			read = true
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Open implements job.Queue.
func (q *jobs) Open(ctx context.Context, id string) (io.ReadSeekCloser, job.Job, error) {
	r, err := q.store.read(ctx, id)
	if err != nil {
		return nil, job.Job{}, busyInOutage(ctx, err)
	}
	missing := fault.New(fault.NotFound, "There is no such result, or it has expired.")
	if spoiling(r) {
		return nil, job.Job{}, errors.Join(missing, q.lifecycle.spoil(ctx, r, damaged()))
	}
	if r.State != job.Succeeded || q.store.options.Now().Sub(r.Finished) >= q.store.options.Retention {
		return nil, job.Job{}, missing
	}
	image, err := q.openResult(ctx, r, missing)
	if err != nil {
		return nil, job.Job{}, busyInOutage(ctx, err)
	}
	return image, r.Job, nil
}

// openResult opens the result of a job. The first time in this process it reads all
// of it before: a damaged one must not begin like a sound one.
func (q *jobs) openResult(ctx context.Context, r record.Job, missing error) (*blob.Reader, error) {
	image, err := q.store.openImage(ctx, r.ResultImage, missing)
	//guard:result-read TestDamagedResult TestDamagedFolder => false
	if err == nil && !q.sound.has(r.ResultImage) {
		if _, err = io.Copy(io.Discard, image); err == nil {
			q.sound.add(r.ResultImage)
			_, err = image.Seek(0, io.SeekStart)
		}
	}
	if q.store.damaged(err, missing, r.Finished) {
		q.store.options.Log.Error("the result of a job is damaged; its price is refunded", "job", r.ID, "image", r.ResultImage, "error", err)
		return nil, errors.Join(missing, q.lifecycle.spoil(ctx, r, damaged()))
	} else if errors.Is(err, blob.ErrNotFound) {
		return nil, missing // it expires just now
	}
	return image, err
}

// List implements job.Lister. Jobs that other processes accept are listed as soon
// as this one learns of them. It waits until Run knows all jobs.
func (q *jobs) List(ctx context.Context, page job.Page) ([]job.Job, string, error) {
	before, err := index.ParseCursor(page.Before)
	if err != nil {
		return nil, "", err
	}
	select {
	case <-q.cache.Loaded():
	case <-ctx.Done():
		return nil, "", ctx.Err()
	}
	limit := min(max(page.Limit, 1), job.LongestPage)
	owner := index.Owner{API: page.API, Account: page.Account, Browser: page.Browser}
	var found []job.Job
	for len(found) <= limit { // one more shows that there is a next page
		places := q.listing.Before(owner, before, limit+1-len(found))
		if len(places) == 0 {
			return found, "", nil
		}
		jobs, err := q.readAll(ctx, owner, places)
		if err != nil {
			return nil, "", err
		}
		found, before = append(found, jobs...), places[len(places)-1]
	}
	found = found[:limit]
	return found, index.PlaceOf(found[limit-1]).Cursor(), nil
}

// readAll returns the jobs at some places, without those that are gone.
func (q *jobs) readAll(ctx context.Context, owner index.Owner, places []index.Place) ([]job.Job, error) {
	const concurrent = 8
	jobs := make([]job.Job, len(places))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(concurrent)
	for i, place := range places {
		group.Go(func() error {
			j, err := q.Get(ctx, place.ID)
			if fault.KindOf(err) == fault.NotFound {
				q.listing.Remove(owner, place)
				return nil
			}
			jobs[i] = j
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(jobs, func(j job.Job) bool { return j.ID == "" }), nil
}

// Depth returns how much work waits and runs, from the cache: it costs no round
// trip.
func (q *jobs) Depth() job.Depth {
	d := job.Depth{PerAPI: map[string]int{}}
	var oldest time.Time
	for _, r := range q.cache.Unfinished() {
		if r.Film != "" {
			continue
		}
		d.PerAPI[r.API]++
		if r.State == job.Running {
			d.Running++
			continue
		}
		d.Queued++
		if oldest.IsZero() || r.Created.Before(oldest) {
			oldest = r.Created
		}
	}
	if !oldest.IsZero() {
		d.Oldest = max(0, q.store.options.Now().Sub(oldest))
	}
	return d
}
