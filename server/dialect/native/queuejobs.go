package native

import (
	"cmp"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/job"
)

// QueueJob is a job of any API, as operators see it.
type QueueJob struct {
	ID       string       `json:"id"`
	API      string       `json:"api"`
	Account  string       `json:"account"` // the key's ID, "" without keys
	State    job.State    `json:"state"`
	Priority job.Priority `json:"priority"`
	// Model is the one that made the result, else the requested one; "" is the
	// worker's default.
	Model      string     `json:"model"`
	Worker     string     `json:"worker"` // that runs or last ran it
	Attempts   int        `json:"attempts"`
	Price      int64      `json:"price"`
	CreatedAt  time.Time  `json:"created_at"`
	StartedAt  *time.Time `json:"started_at"`
	FinishedAt *time.Time `json:"finished_at"`
	// Error is the reason of a failure; operators see internal ones too.
	Error *job.Failure `json:"error"`
}

const normalPriority = "normal"

// NewQueueJob returns an operator's view of a job.
func NewQueueJob(j job.Job) QueueJob {
	v := QueueJob{
		ID: j.ID, API: j.API, Account: j.Account, State: j.State, Priority: cmp.Or(j.Priority, normalPriority), Model: j.Options.Model,
		Worker: j.Worker, Attempts: j.Attempts, Price: j.Price, CreatedAt: milliseconds(j.Created),
		StartedAt: moment(j.Started), FinishedAt: moment(j.Finished), Error: j.Failure,
	}
	if j.Result != nil {
		v.Model = j.Result.Model
	}
	return v
}

// QueueJobs is the response of GET /api/v1/queue/jobs. Next is the cursor of the next
// page, null on the last.
type QueueJobs struct {
	Jobs []QueueJob `json:"jobs"`
	Next *string    `json:"next"`
}

// findJobs lists the jobs of all callers, newest first.
func (o operator) findJobs(c echo.Context) error {
	f, err := readFilter(c)
	if err != nil {
		return err
	}
	found, next, err := o.parts.Fleet.Find(c.Request().Context(), f)
	if err != nil {
		return err
	}
	view := QueueJobs{Jobs: []QueueJob{}}
	for _, j := range found {
		view.Jobs = append(view.Jobs, NewQueueJob(j))
	}
	if next != "" {
		view.Next = &next
	}
	return dialect.JSON(c, http.StatusOK, view)
}

func readFilter(c echo.Context) (f job.Filter, err error) {
	f = job.Filter{
		State: job.State(c.QueryParam("state")), API: c.QueryParam("api"), Account: c.QueryParam("key"), Model: c.QueryParam("model"),
		Before: c.QueryParam("before"), Limit: defaultPage,
	}
	if f.State != "" && f.State != job.Queued && f.State != job.Running && !f.State.Final() {
		return f, fault.New(fault.Invalid, "state must be queued, running, succeeded, failed or canceled.")
	}
	for name, into := range map[string]*time.Duration{"older_than": &f.MinAge, "younger_than": &f.MaxAge} {
		if text := c.QueryParam(name); text != "" {
			seconds, err := strconv.ParseFloat(text, 64)
			if err != nil || !(seconds >= 0 && seconds < 1e9) {
				return f, fault.New(fault.Invalid, "%s must be a number of seconds.", name)
			}
			*into = time.Duration(seconds * float64(time.Second))
		}
	}
	return f, readLimit(c, &f.Limit)
}

func (o operator) cancelJob(c echo.Context) error {
	if err := o.services.Queue.Cancel(c.Request().Context(), c.Param("id")); err != nil {
		return err
	}
	j, err := o.services.Queue.Get(c.Request().Context(), c.Param("id"))
	return showQueueJob(c, j, err)
}

func (o operator) retryJob(c echo.Context) error {
	j, err := o.parts.Fleet.Retry(c.Request().Context(), c.Param("id"))
	return showQueueJob(c, j, err)
}

func (o operator) prioritize(c echo.Context) error {
	var body struct {
		Priority string `json:"priority"`
	}
	if err := readBody(c, &body); err != nil {
		return err
	}
	p, err := ParsePriority(body.Priority)
	if err != nil {
		return err
	}
	j, err := o.parts.Fleet.Prioritize(c.Request().Context(), c.Param("id"), p)
	return showQueueJob(c, j, err)
}

// ParsePriority reads high, normal or low.
func ParsePriority(text string) (job.Priority, error) {
	switch text {
	case string(job.High), string(job.Low):
		return job.Priority(text), nil
	case normalPriority:
		return job.Normal, nil
	}
	return "", fault.New(fault.Invalid, "The priority must be high, normal or low.")
}

func showQueueJob(c echo.Context, j job.Job, err error) error {
	return dialect.Reply(c, http.StatusOK, NewQueueJob(j), err)
}
