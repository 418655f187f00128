package native

import (
	"net/http"
	"regexp"
	"strconv"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/job"
)

// defaultPage is the page size of a listing without a limit.
const defaultPage = 20

// Listing is the response of GET /api/v1/jobs. Next is the cursor of the next
// page, null on the last.
type Listing struct {
	Jobs []Job   `json:"jobs"`
	Next *string `json:"next"`
}

// browserHeader holds a random name that the page keeps in the browser, of the form
// below.
const browserHeader = "X-Upscaled-Browser"

var browserForm = regexp.MustCompile(`^[A-Za-z0-9_-]{20,64}$`)

// browser returns the name of the caller's browser if the server has no keys to tell
// callers apart, else "". It only selects which jobs are listed: a job's ID,
// which cannot be guessed either, is enough to ask for the job.
func browser(c echo.Context, caller job.Caller) string {
	//guard:browser-listing TestListOfABrowser
	if name := c.Request().Header.Get(browserHeader); caller.ID == "" && browserForm.MatchString(name) {
		return name
	}
	return ""
}

// list returns the caller's own jobs, newest first.
func (a *API) list(c echo.Context, caller job.Caller) error {
	page := job.Page{API: Name, Account: caller.ID, Browser: browser(c, caller), Before: c.QueryParam("before"), Limit: defaultPage}
	if err := readLimit(c, &page.Limit); err != nil {
		return err
	}
	jobs, next, err := a.parts.Jobs.List(c.Request().Context(), page)
	if err != nil {
		return err
	}
	listing := Listing{Jobs: []Job{}}
	for _, j := range jobs {
		listing.Jobs = append(listing.Jobs, a.view(c, j))
	}
	if next != "" {
		listing.Next = &next
	}
	return dialect.JSON(c, http.StatusOK, listing)
}

// readLimit sets the page size to the parameter limit, if there is one.
func readLimit(c echo.Context, limit *int) error {
	text := c.QueryParam("limit")
	if text == "" {
		return nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > job.LongestPage {
		return fault.New(fault.Invalid, "limit must be a whole number from 1 to %d.", job.LongestPage)
	}
	*limit = n
	return nil
}

func (a *API) show(c echo.Context, j job.Job) error {
	return dialect.JSON(c, http.StatusOK, a.view(c, j))
}

// cancel stops a job; a job that has ended is unchanged.
func (a *API) cancel(c echo.Context, j job.Job) error {
	ctx := c.Request().Context()
	if err := a.services.Queue.Cancel(ctx, j.ID); err != nil {
		return err
	}
	j, err := a.services.Queue.Get(ctx, j.ID)
	if err != nil {
		return err
	}
	return a.show(c, j)
}

// remove deletes a job and its images; an unfinished job is canceled before.
func remove(c echo.Context, queue job.Queue, id string) error {
	if err := queue.Delete(c.Request().Context(), id); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}
