// Package aetherforge implements the HTTP API of aetherforgeai.com's image
// enhancement: an upload that returns a job's ID, and a route to poll it.
package aetherforge

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"upscaled/server/dialect"
	"upscaled/server/job"
)

// apiName is this dialect's name in job records.
const apiName = "aetherforge"

// Config holds the operator's settings.
type Config struct{ dialect.Config }

// Defaults returns our own choice: the vendor documents no limit and no price.
func Defaults() Config { return Config{dialect.Config{Price: 1, MaxBytes: 20 << 20}} }

// API handles the vendor's routes.
type API struct {
	services dialect.Services
	config   Config
}

// New returns the API on a server's services.
func New(services dialect.Services, config Config) *API { return &API{services, config} }

// Routes registers the vendor's paths. The vendor documents two for a job: one
// with the prefix of the whole API and one without.
func (a *API) Routes(e *echo.Echo) {
	authenticated := a.services.Authenticated(dialect.Bearer, writeError)
	e.POST("/public/v1/image-tune/upscale", authenticated(a.upscale))
	e.GET("/public/v1/job/:id", authenticated(a.job))
	e.GET("/job/:id", authenticated(a.job))
}

// upscale submits a job and returns its ID.
func (a *API) upscale(c echo.Context, caller job.Caller) error {
	r, err := a.read(c)
	if err != nil {
		return err
	}
	info, format, err := a.check(c.Request().Context(), r.file)
	if err != nil {
		return err
	}
	spec := job.Spec{
		ID: newID(), API: apiName, Account: caller.ID, Price: a.config.Price, InputName: dialect.DisplayName(r.file.Name),
		Options: job.Options{Longest: r.longest, Format: string(format)}, Input: info,
	}
	submitted, err := a.services.Queue.Submit(c.Request().Context(), spec, r.file.Data)
	return dialect.Reply(c, http.StatusOK, Accepted{submitted.Job.ID}, err)
}

// job returns the status of a job.
func (a *API) job(c echo.Context, caller job.Caller) error {
	id, ok := parseID(c.Param("id"))
	if !ok {
		return dialect.NewViolation("value is not a valid uuid", "type_error.uuid", "path", "job_id")
	}
	j, err := a.services.Owned(c.Request().Context(), apiName, caller, id)
	if err != nil {
		return err
	}
	return dialect.JSON(c, http.StatusOK, progressOf(j, a.services.NamedURL(a.services.BaseURL(c.Request()), j, "result")))
}

func writeError(c echo.Context, err error) error {
	status, body := apiError(err)
	return dialect.WriteError(c, status, body, err)
}
