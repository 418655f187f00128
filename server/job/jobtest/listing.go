package jobtest

import (
	"context"
	"encoding/base64"
	"slices"
	"strconv"

	"upscaled/models/fault"
	"upscaled/server/job"
)

// List implements job.Lister. Its cursor is the number of the last job returned.
func (q *Queue) List(ctx context.Context, page job.Page) ([]job.Job, string, error) {
	if err := ctx.Err(); err != nil {
		return nil, "", err
	}
	limit := min(max(page.Limit, 1), job.LongestPage)
	q.mutex.Lock()
	defer q.mutex.Unlock()
	before := len(q.order)
	if page.Before != "" {
		number, damaged := base64.RawURLEncoding.DecodeString(page.Before)
		var err error
		if before, err = strconv.Atoi(string(number)); damaged != nil || err != nil || before < 0 || before > len(q.order) {
			return nil, "", fault.New(fault.Invalid, "The cursor is not one that a listing returned.")
		}
	}
	var found []job.Job
	last := before
	for i, id := range slices.Backward(q.order[:before]) {
		j, known := q.jobs[id]
		if !known || j.API != page.API || j.Account != page.Account || j.Browser != page.Browser {
			continue
		}
		if len(found) == limit {
			return found, base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(last))), nil
		}
		found, last = append(found, j), i
	}
	return found, "", nil
}

// Watch implements job.Watcher.
func (q *Queue) Watch(ctx context.Context, id string, report func(job.Job) error) error {
	var reported job.Job
	for {
		q.mutex.Lock()
		j, known := q.jobs[id]
		changed := changes(q)
		q.mutex.Unlock()
		if !known {
			return fault.New(fault.NotFound, "There is no such job.")
		}
		if reported.ID == "" || reported.State != j.State || reported.Progress != j.Progress {
			reported = j
			if err := report(j); err != nil {
				return err
			}
		}
		if j.State.Final() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
