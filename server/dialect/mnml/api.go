// Package mnml speaks the HTTP API of mnmlai.dev's 4K upscaler: asynchronous
// jobs that clients poll.
package mnml

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/job"
)

// apiName is this dialect's name in job records.
const apiName = "mnml"

// Config is what an operator may set.
type Config struct {
	// Price of one picture in credits.
	Price int64
	// MaxBytes and MinBytes bound an uploaded file.
	MaxBytes, MinBytes int64
	// MaxInputWidth is what wider pictures are reduced to before they are
	// upscaled, in pixels; 0 reduces none.
	MaxInputWidth int
	// MaxPixels and MaxSide bound an input picture, in pixels; with 0 only the
	// engine's own limit holds.
	MaxPixels int64
	MaxSide   int
}

// Defaults are the vendor's own limits and price.
func Defaults() Config {
	return Config{Price: 1, MaxBytes: 8 << 20, MinBytes: 1 << 10, MaxInputWidth: 1400}
}

// API answers the vendor's routes.
type API struct {
	services dialect.Services
	config   Config
}

// New works with what the server lends.
func New(host dialect.Services, config Config) *API { return &API{services: host, config: config} }

// Routes registers the vendor's paths but POST /v1/upscale: another vendor has
// the same path, so the server registers it and looks at the content type.
func (a *API) Routes(e *echo.Echo) {
	e.GET("/v1/status/:id", a.Status)
	e.GET("/v1/credits", a.Credits)
}

// Upscale answers POST /v1/upscale with a job to be asked for. Its errors have
// codes in upper case, unlike those of all other paths.
func (a *API) Upscale(c echo.Context) error {
	caller, err := a.services.Auth.Authenticate(c.Request().Context(), dialect.Bearer(c.Request()))
	if err != nil {
		return a.refuseUpscale(c, caller, err)
	}
	spec, input, err := a.read(c, caller)
	if err != nil {
		return a.refuseUpscale(c, caller, err)
	}
	submitted, err := a.services.Queue.Submit(c.Request().Context(), spec, input)
	if err != nil {
		return a.refuseUpscale(c, caller, err)
	}
	return dialect.JSON(c, http.StatusOK, Accepted{Status: success, ID: submitted.Job.ID, Credits: submitted.Credits})
}

// Status answers what became of a job.
func (a *API) Status(c echo.Context) error {
	caller, err := a.caller(c)
	if err != nil {
		return a.WriteError(c, err)
	}
	id := c.Param("id")
	if !isID(id) {
		return a.WriteError(c, errBadID)
	}
	j, err := a.services.Owned(c.Request().Context(), apiName, caller, id)
	if err != nil {
		return a.WriteError(c, err)
	}
	url := ""
	if j.State == job.Succeeded {
		url = a.services.NamedURL(a.services.BaseURL(c.Request()), j, "result")
		if restorer := j.Result.Faces.Header(); restorer != "" {
			c.Response().Header().Set(job.FaceHeader, restorer)
		}
	}
	return dialect.JSON(c, http.StatusOK, statusOf(j, url))
}

// Credits answers the caller's balance.
func (a *API) Credits(c echo.Context) error {
	caller, err := a.caller(c)
	if err != nil {
		return a.WriteError(c, err)
	}
	return dialect.JSON(c, http.StatusOK, balanceOf(caller))
}

// caller authenticates, and tells a key that is missing from a wrong one.
func (a *API) caller(c echo.Context) (job.Caller, error) {
	key := dialect.Bearer(c.Request())
	caller, err := a.services.Auth.Authenticate(c.Request().Context(), key)
	if fault.KindOf(err) == fault.Unauthorized && key == "" {
		err = errNoKey
	}
	return caller, err
}

// NotFound answers unknown paths below /v1.
func (a *API) NotFound(c echo.Context) error {
	return a.WriteError(c, fault.New(fault.NotFound, "There is nothing at this address."))
}
