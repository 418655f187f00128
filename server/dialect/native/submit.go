package native

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/job"
)

// Batch answers a request with several files: an item for each, in order.
type Batch struct {
	Jobs []any `json:"jobs"` // Job or Rejected
}

// Rejected is a file of several that did not become a job.
type Rejected struct {
	Error Problem `json:"error"`
	Name  string  `json:"name"`
}

// submit answers POST /api/v1/jobs.
func (a *API) submit(c echo.Context) error {
	caller, err := a.authenticate(c)
	if err != nil {
		return a.WriteError(c, err)
	}
	o, err := a.read(c)
	if err == nil {
		err = a.checkOptions(c.Request().Context(), o.options)
	}
	if err != nil {
		return a.WriteError(c, err)
	}
	if o.several {
		return a.submitAll(c, caller, o)
	}
	j, err := a.accept(c, caller, o, o.pictures[0])
	if err != nil {
		return a.WriteError(c, err)
	}
	status := http.StatusAccepted
	if wait, asked := preferredWait(c.Request().Header, a.services.WaitLimit); asked {
		c.Response().Header().Set("Preference-Applied", "wait="+strconv.Itoa(int(wait.Seconds())))
		if j = a.await(c.Request().Context(), j, wait); j.State.Final() {
			status = http.StatusOK
		}
	}
	shown := a.view(c, j)
	c.Response().Header().Set(echo.HeaderLocation, shown.URLs.Self)
	return dialect.JSON(c, status, shown)
}

// submitAll makes a job of every file that can be one.
func (a *API) submitAll(c echo.Context, caller job.Caller, o order) error {
	answer := Batch{Jobs: []any{}}
	for _, p := range o.pictures {
		j, err := a.accept(c, caller, o, p)
		switch {
		case dialect.Canceled(c):
			return nil
		case err == nil:
			answer.Jobs = append(answer.Jobs, a.view(c, j))
			continue
		case fault.KindOf(err) == fault.Internal:
			dialect.Record(c, err)
		}
		answer.Jobs = append(answer.Jobs, Rejected{problemOf(c, err), p.name})
	}
	return dialect.JSON(c, http.StatusAccepted, answer)
}

// accept makes a job of one picture.
func (a *API) accept(c echo.Context, caller job.Caller, o order, p original) (job.Job, error) {
	info, err := a.check(p)
	if err != nil {
		return job.Job{}, err
	}
	spec := job.Spec{
		ID: newID(), API: Name, Account: caller.ID, Price: a.config.Price, InputName: p.name,
		Options: o.options, Webhook: o.webhook,
		Memo: memo{
			Base: a.services.BaseURL(c.Request()), Width: info.Width, Height: info.Height,
			Format: info.Format, Bytes: int64(len(p.data)),
		}.text(),
	}
	submitted, err := a.services.Queue.Submit(c.Request().Context(), spec, p.data)
	return submitted.Job, err
}

// view is the job object for this request's client.
func (a *API) view(c echo.Context, j job.Job) Job {
	return a.viewer().job(j, a.services.BaseURL(c.Request()))
}

// preferredWait reads "Prefer: wait=N" (RFC 7240), N in seconds, bounded by
// the limit. What is not understood is ignored, as the RFC wants it.
func preferredWait(header http.Header, limit time.Duration) (time.Duration, bool) {
	for _, line := range header.Values("Prefer") {
		for preference := range strings.SplitSeq(line, ",") {
			name, value, given := strings.Cut(preference, "=")
			if !strings.EqualFold(strings.TrimSpace(name), "wait") {
				continue
			}
			if !given {
				return limit, true
			}
			seconds, err := strconv.ParseUint(strings.Trim(strings.TrimSpace(value), `"`), 10, 31)
			if err != nil {
				return 0, false
			}
			return min(time.Duration(seconds)*time.Second, limit), true
		}
	}
	return 0, false
}

// await gives the job once it is final, or as it is when the time is up or the
// server stops. A client that leaves does not end the job: it can be listed
// and asked for later.
func (a *API) await(ctx context.Context, j job.Job, wait time.Duration) job.Job {
	waiting, stop := context.WithTimeout(ctx, wait)
	defer stop()
	if a.services.Stopping != nil {
		go func() {
			select {
			case <-a.services.Stopping:
				stop()
			case <-waiting.Done():
			}
		}()
	}
	latest, _ := a.services.Queue.Wait(waiting, j.ID) // whatever ends it, the latest record counts
	if latest.ID == "" {
		return j
	}
	return latest
}
