package native

import (
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/job"
)

// defaultPage is how many jobs a listing has that asks for no number.
const defaultPage = 20

// Listing answers GET /api/v1/jobs. Next is the cursor of the page after this
// one, null on the last.
type Listing struct {
	Jobs []Job   `json:"jobs"`
	Next *string `json:"next"`
}

// list answers the caller's own jobs, newest first.
func (a *API) list(c echo.Context) error {
	caller, err := a.authenticate(c)
	if err != nil {
		return a.WriteError(c, err)
	}
	page := job.Page{API: Name, Account: caller.ID, Before: c.QueryParam("before"), Limit: defaultPage}
	if text := c.QueryParam("limit"); text != "" {
		page.Limit, err = strconv.Atoi(text)
		if err != nil || page.Limit < 1 || page.Limit > job.LongestPage {
			return a.WriteError(c, fault.New(fault.Invalid, "limit must be a whole number from 1 to %d.", job.LongestPage))
		}
	}
	jobs, next, err := a.parts.Jobs.List(c.Request().Context(), page)
	if err != nil {
		return a.WriteError(c, err)
	}
	answer := Listing{Jobs: []Job{}}
	for _, j := range jobs {
		answer.Jobs = append(answer.Jobs, a.view(c, j))
	}
	if next != "" {
		answer.Next = &next
	}
	return dialect.JSON(c, http.StatusOK, answer)
}

// show answers one job.
func (a *API) show(c echo.Context) error {
	j, err := a.found(c)
	if err != nil {
		return a.WriteError(c, err)
	}
	return dialect.JSON(c, http.StatusOK, a.view(c, j))
}

// cancel stops a job; one that has ended stays as it is.
func (a *API) cancel(c echo.Context) error {
	j, err := a.found(c)
	if err == nil {
		err = a.services.Queue.Cancel(c.Request().Context(), j.ID)
	}
	if err == nil {
		j, err = a.services.Queue.Get(c.Request().Context(), j.ID)
	}
	if err != nil {
		return a.WriteError(c, err)
	}
	return dialect.JSON(c, http.StatusOK, a.view(c, j))
}
