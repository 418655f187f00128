package dialect

import (
	"context"
	"slices"

	"upscaled/server/job"
)

// Recent returns a caller's newest jobs of an API, newest first: at least all that
// have not ended, and the newest page.
func Recent(ctx context.Context, from job.Lister, api string, caller job.Caller) (all []job.Job, err error) {
	page := job.Page{API: api, Account: caller.ID, Limit: job.LongestPage}
	for more := true; more && err == nil; {
		var jobs []job.Job
		jobs, page.Before, err = from.List(ctx, page)
		all = append(all, jobs...)
		more = page.Before != "" && slices.ContainsFunc(jobs, func(j job.Job) bool { return !j.State.Final() })
	}
	return all, err
}

// CancelAll cancels jobs.
func (s Services) CancelAll(ctx context.Context, jobs []job.Job) (err error) {
	for _, j := range jobs {
		if err == nil && !j.State.Final() {
			err = s.Queue.Cancel(ctx, j.ID)
		}
	}
	return err
}
