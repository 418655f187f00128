package native

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/job"
)

// maxWatched is how many jobs one stream can follow, maxStreams how many streams a
// caller can have open in one process. Without keys all callers are one.
const maxWatched, maxStreams = 100, 1000

// watchOne streams the events of one job.
func (a *API) watchOne(c echo.Context, j job.Job) error {
	return a.stream(c, job.Caller{ID: j.Account}, []string{j.ID}, nil)
}

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
	return a.stream(c, caller, known, gone)
}

// Gone is the event of a job that does not exist any more.
type Gone struct {
	ID string `json:"id"`
}

var errEnded = errors.New("all jobs have ended")

// stream sends events until all jobs are final or gone, the client disconnects,
// the server shuts down or a watch breaks. Clients that saw no final state
// connect again.
func (a *API) stream(c echo.Context, caller job.Caller, ids, gone []string) error {
	stream, err := a.streams.Open(c.Request().Context(), caller)
	if err != nil {
		return err
	}
	defer stream.Close()
	s := open(c)
	if c.Request().Method == http.MethodHead {
		return nil
	}
	for _, id := range gone {
		s.send("gone", Gone{id})
	}
	for _, id := range ids {
		stream.Follow(id)
	}
	left := len(ids)
	err = stream.Run(a.config.KeepAlive, func(u dialect.Update) error {
		switch {
		case u.Err == nil:
			s.send("job", a.view(c, u.Job))
		case fault.KindOf(u.Err) == fault.NotFound:
			s.send("gone", Gone{u.Job.ID})
		default:
			return u.Err
		}
		if u.Err != nil || u.Job.State.Final() {
			left--
		}
		if s.err == nil && left == 0 {
			return errEnded
		}
		return s.err
	}, func() error {
		s.comment("keep-alive")
		return s.err
	})
	if err != nil && !errors.Is(err, errEnded) && !errors.Is(err, context.Canceled) && !dialect.Canceled(c) {
		dialect.Record(c, err)
	}
	return nil
}
