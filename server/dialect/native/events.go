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

// mostWatched is how many jobs one stream follows at most.
const mostWatched = 100

// watchOne streams the events of one job.
func (a *API) watchOne(c echo.Context) error {
	j, err := a.found(c)
	if err != nil {
		return a.WriteError(c, err)
	}
	return a.stream(c, []string{j.ID}, nil)
}

// watchMany streams the events of the jobs in the parameter ids. Those that
// the caller has not, or has no more, are told as gone.
func (a *API) watchMany(c echo.Context) error {
	caller, err := a.authenticate(c)
	if err != nil {
		return a.WriteError(c, err)
	}
	ids := slices.Compact(slices.Sorted(strings.SplitSeq(c.QueryParam("ids"), ",")))
	switch {
	case len(ids) == 1 && ids[0] == "":
		return a.WriteError(c, fault.New(fault.Invalid, "Name the jobs to follow, such as ids=A,B,C."))
	case len(ids) > mostWatched:
		return a.WriteError(c, fault.New(fault.TooLarge, "One stream follows at most %d jobs, not %d.", mostWatched, len(ids)))
	}
	var known, gone []string
	for _, id := range ids {
		_, err := a.owned(c, caller, id)
		switch fault.KindOf(err) {
		case "":
			known = append(known, id)
		case fault.NotFound:
			gone = append(gone, shown(id))
		default:
			return a.WriteError(c, err)
		}
	}
	if len(known) == 0 {
		return a.WriteError(c, errNoJob)
	}
	return a.stream(c, known, gone)
}

// news is what a watcher brings: a record, or an ID that is gone, or the error
// that ended its watching.
type news struct {
	job  job.Job
	gone string
	err  error
}

// watch follows every job until the context ends, or all jobs and then the
// channel. The channel has to be read until it closes.
func (a *API) watch(ctx context.Context, ids []string) <-chan news {
	told := make(chan news)
	tell := func(n news) error {
		select {
		case told <- n:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	var watchers sync.WaitGroup
	for _, id := range ids {
		watchers.Go(func() {
			err := a.parts.Jobs.Watch(ctx, id, func(j job.Job) error { return tell(news{job: j}) })
			switch {
			case err == nil || ctx.Err() != nil:
			case fault.KindOf(err) == fault.NotFound:
				_ = tell(news{gone: id}) // only the context ends it
			default:
				_ = tell(news{err: err})
			}
		})
	}
	go func() {
		watchers.Wait()
		close(told)
	}()
	return told
}

// Gone is the event of a job that is not there any more.
type Gone struct {
	ID string `json:"id"`
}

// stream sends events until all jobs are final or gone, the client leaves, the
// server stops or a watch breaks. Clients that saw no final state ask again.
func (a *API) stream(c echo.Context, ids, gone []string) error {
	ctx, stop := context.WithCancel(c.Request().Context())
	s := open(c)
	told := a.watch(ctx, ids)
	defer func() {
		stop()
		for range told { // until all watchers have ended
		}
	}()
	for _, id := range gone {
		s.send("gone", Gone{id})
	}
	silence := time.NewTicker(a.config.KeepAlive)
	defer silence.Stop()
	for s.err == nil {
		select {
		case n, more := <-told:
			if !more {
				return nil
			}
			if n.err != nil {
				dialect.Record(c, n.err)
				return nil
			}
			a.tell(c, s, n)
			silence.Reset(a.config.KeepAlive)
		case <-silence.C:
			s.comment("keep-alive")
		case <-a.services.Stopping: // nil never comes
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

func (a *API) tell(c echo.Context, s *eventStream, n news) {
	if n.gone != "" {
		s.send("gone", Gone{n.gone})
		return
	}
	s.send("job", a.view(c, n.job))
}
