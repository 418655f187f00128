// Package aetherforge speaks the HTTP API of aetherforgeai.com's picture
// enhancement: an upload that answers a job's ID, and a route to poll it.
package aetherforge

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"upscaled/server/dialect"
	"upscaled/server/job"
)

// apiName is this dialect's name in job records.
const apiName = "aetherforge"

// Config is what an operator may set.
type Config struct {
	// Price of one picture in credits.
	Price int64
	// MaxBytes bounds one uploaded file.
	MaxBytes int64
	// MaxPixels and MaxSide bound an input picture, in pixels; with 0 only the
	// engine's own limit holds.
	MaxPixels int64
	MaxSide   int
}

// Defaults are ours: the vendor names neither a limit nor a price.
func Defaults() Config { return Config{Price: 1, MaxBytes: 20 << 20} }

// API answers the vendor's routes.
type API struct {
	services dialect.Services
	config   Config
}

// New works with what the server lends.
func New(host dialect.Services, config Config) *API { return &API{services: host, config: config} }

// Routes registers the vendor's paths. The vendor's pages name two for a job:
// one with the prefix of the whole API and one without.
func (a *API) Routes(e *echo.Echo) {
	e.POST("/public/v1/image-tune/upscale", a.Upscale)
	e.GET("/public/v1/job/:id", a.Job)
	e.GET("/job/:id", a.Job)
}

func (a *API) authenticate(c echo.Context) (job.Caller, error) {
	return a.services.Auth.Authenticate(c.Request().Context(), dialect.Bearer(c.Request()))
}

// Upscale takes a picture and answers the ID of its job.
func (a *API) Upscale(c echo.Context) error {
	caller, err := a.authenticate(c)
	if err != nil {
		return refuse(c, err)
	}
	order, err := a.read(c)
	if err != nil {
		return refuse(c, err)
	}
	format, err := a.check(order.file)
	if err != nil {
		return refuse(c, err)
	}
	spec := job.Spec{
		ID: newID(), API: apiName, Account: caller.ID, Price: a.config.Price, InputName: display(order.file.Name),
		Options: job.Options{Longest: order.longest, Format: string(format)},
	}
	submitted, err := a.services.Queue.Submit(c.Request().Context(), spec, order.file.Data)
	if err != nil {
		return refuse(c, err)
	}
	return dialect.JSON(c, http.StatusOK, Accepted{submitted.Job.ID})
}

// Job answers what has become of a job.
func (a *API) Job(c echo.Context) error {
	caller, err := a.authenticate(c)
	if err != nil {
		return refuse(c, err)
	}
	id, ok := parseID(c.Param("id"))
	if !ok {
		return refuse(c, violation("value is not a valid uuid", "type_error.uuid", "path", "job_id"))
	}
	j, err := a.services.Owned(c.Request().Context(), apiName, caller, id)
	if err != nil {
		return refuse(c, err)
	}
	url := ""
	if j.State == job.Succeeded {
		url = a.services.NamedURL(a.services.BaseURL(c.Request()), j, "result")
	}
	return dialect.JSON(c, http.StatusOK, progressOf(j, url))
}

// refuse answers an error; a client that has gone gets no answer.
func refuse(c echo.Context, err error) error {
	status, body := refusal(err)
	return dialect.WriteError(c, status, body, err)
}
