package native

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/job"
)

// maxWatched is how many jobs one stream can follow.
const maxWatched = 100

// watchOne streams the events of one job.
func (a *API) watchOne(c echo.Context, j job.Job) error { return a.stream(c, []string{j.ID}, nil) }

// watchMany streams the events of the jobs in the parameter ids. Jobs that the
// caller does not have are reported as gone.
func (a *API) watchMany(c echo.Context, caller job.Caller) error {
	ids := slices.Compact(slices.Sorted(strings.SplitSeq(c.QueryParam("ids"), ",")))
	switch {
	case len(ids) == 1 && ids[0] == "":
		return fault.New(fault.Invalid, "Name the jobs to follow, such as ids=A,B,C.")
	case len(ids) > maxWatched:
		return fault.New(fault.TooLarge, "One stream follows at most %d jobs, not %d.", maxWatched, len(ids))
	}
	var known, gone []string
	for _, id := range ids {
		_, err := a.owned(c, caller, id)
		switch fault.KindOf(err) {
		case "":
			known = append(known, id)
		case fault.NotFound:
			gone = append(gone, dialect.DisplayName(id))
		default:
			return err
		}
	}
	if len(known) == 0 {
		return errNoJob
	}
	return a.stream(c, known, gone)
}

// update is one message of a watcher: a record, or the ID of a job that is gone,
// or the error that ended the watch.
type update struct {
	job  job.Job
	gone string
	err  error
}

// watch follows the jobs until all have ended or the context does, and then
// closes the channel. The caller must drain the channel.
func watch(ctx context.Context, jobs job.Watcher, ids []string) <-chan update {
	updates := make(chan update)
	send := func(u update) error {
		select {
		case updates <- u:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	var watchers sync.WaitGroup
	for _, id := range ids {
		watchers.Go(func() {
			err := jobs.Watch(ctx, id, func(j job.Job) error { return send(update{job: j}) })
			switch {
			case err == nil || ctx.Err() != nil:
			case fault.KindOf(err) == fault.NotFound:
				_ = send(update{gone: id}) // fails only if the context has ended
			default:
				_ = send(update{err: err})
			}
		})
	}
	go func() {
		watchers.Wait()
		close(updates)
	}()
	return updates
}

// Gone is the event of a job that does not exist any more.
type Gone struct {
	ID string `json:"id"`
}

// stream sends events until all jobs are final or gone, the client disconnects,
// the server shuts down or a watch breaks. Clients that saw no final state
// connect again.
func (a *API) stream(c echo.Context, ids, gone []string) error {
	ctx, stop := context.WithCancel(c.Request().Context())
	s := open(c)
	updates := watch(ctx, a.parts.Jobs, ids)
	defer func() {
		stop()
		for range updates { // until all watchers have ended
		}
	}()
	for _, id := range gone {
		s.send("gone", Gone{id})
	}
	silence := time.NewTicker(a.config.KeepAlive)
	defer silence.Stop()
	for s.err == nil {
		select {
		case u, more := <-updates:
			switch {
			case !more:
				return nil
			case u.err != nil:
				dialect.Record(c, u.err)
				return nil
			case u.gone != "":
				s.send("gone", Gone{u.gone})
			default:
				s.send("job", a.view(c, u.job))
			}
			silence.Reset(a.config.KeepAlive)
		case <-silence.C:
			s.comment("keep-alive")
		case <-a.services.Stopping: // a nil channel blocks
			return nil
		case <-ctx.Done():
			return nil
		}
	}
	if !errors.Is(s.err, context.Canceled) && !dialect.Canceled(c) {
		dialect.Record(c, s.err)
	}
	return nil
}
