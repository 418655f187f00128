package native

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/job"
)

// Batch is the response to a request with several files: one item each, in
// order.
type Batch struct {
	Jobs []any `json:"jobs"` // Job or Rejected
}

// Rejected is one of several files that did not become a job.
type Rejected struct {
	Error Problem `json:"error"`
	Name  string  `json:"name"`
}

// submit handles POST /api/v1/jobs.
func (a *API) submit(c echo.Context, caller job.Caller) error {
	r, err := a.read(c)
	defer r.close()
	if err == nil {
		err = a.checkOptions(c.Request().Context(), r.options)
	}
	if err != nil {
		return err
	}
	if r.several {
		return a.submitAll(c, caller, r)
	}
	j, err := a.accept(c, caller, r, 0)
	if err != nil {
		return err
	}
	status := http.StatusAccepted
	if wait, asked := dialect.PreferredWait(c.Request().Header, a.services.WaitLimit); asked {
		c.Response().Header().Set("Preference-Applied", "wait="+strconv.Itoa(int(wait.Seconds())))
		if j = a.await(c.Request().Context(), j, wait); j.State.Final() {
			status = http.StatusOK
		}
	}
	shown := a.view(c, j)
	c.Response().Header().Set(echo.HeaderLocation, shown.URLs.Self)
	return dialect.JSON(c, status, shown)
}

// submitAll submits every valid file.
func (a *API) submitAll(c echo.Context, caller job.Caller, r request) error {
	batch := Batch{Jobs: []any{}}
	for i, in := range r.images {
		j, err := a.accept(c, caller, r, i)
		switch {
		case dialect.Canceled(c):
			return nil
		case err == nil:
			batch.Jobs = append(batch.Jobs, a.view(c, j))
			continue
		case fault.KindOf(err) == fault.Internal:
			dialect.Record(c, err)
		}
		batch.Jobs = append(batch.Jobs, Rejected{problemOf(c, err), in.name})
	}
	return dialect.JSON(c, http.StatusAccepted, batch)
}

// accept submits one image of a request.
func (a *API) accept(c echo.Context, caller job.Caller, r request, part int) (job.Job, error) {
	in := r.images[part]
	spec := job.Spec{
		ID: newID(), API: Name, Account: caller.ID, Browser: browser(c, caller), Price: a.config.Price, InputName: in.name,
		Options: r.options, Webhook: r.webhook, Part: part,
	}
	var info job.InputInfo
	var err error
	if in.isFilm(r.options) {
		info, err = a.film(c.Request().Context(), in, &spec)
		defer removeFile(spec.File)
		in.data = nil
	} else {
		info, err = a.check(c.Request().Context(), in, r.options)
		spec.Input = info
	}
	if err != nil {
		return job.Job{}, err
	}
	m := memo{Base: a.services.BaseURL(c.Request()), Width: info.Width, Height: info.Height, Format: info.Format, Bytes: in.size}
	if spec.File != nil {
		m.Frames = info.Frames
	}
	spec.Memo = dialect.EncodeMemo(m)
	submitted, err := a.services.Queue.Submit(c.Request().Context(), spec, in.data)
	return submitted.Job, err
}

// await returns the job once it is final, or its latest record when the wait is
// over or the server shuts down. A client that disconnects does not cancel the
// job: it can be listed and queried later.
func (a *API) await(ctx context.Context, j job.Job, wait time.Duration) job.Job {
	waiting, stop := context.WithTimeout(ctx, wait)
	defer stop()
	latest, _ := a.services.WaitAtMost(waiting, j) // the latest record counts, whatever ended the wait
	return latest
}
