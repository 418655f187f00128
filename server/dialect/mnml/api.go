// Package mnml implements the HTTP API of mnmlai.dev's 4K upscaler:
// asynchronous jobs that clients poll.
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

// Config holds the operator's settings.
type Config struct {
	dialect.Config
	// MinBytes is the smallest file accepted.
	MinBytes int64
	// MaxInputWidth is the width, in pixels, that wider images are reduced to
	// before they are upscaled; 0 reduces none.
	MaxInputWidth int
}

// Defaults returns the vendor's own limits and price.
func Defaults() Config {
	return Config{Config: dialect.Config{Price: 1, MaxBytes: 8 << 20}, MinBytes: 1 << 10, MaxInputWidth: 1400}
}

// API handles the vendor's routes.
type API struct {
	services dialect.Services
	config   Config
}

// New returns the API on a server's services.
func New(services dialect.Services, config Config) *API { return &API{services, config} }

// Routes registers the vendor's paths except POST /v1/upscale: another vendor
// has the same path, so the server registers it and decides by content type.
func (a *API) Routes(e *echo.Echo) {
	e.GET("/v1/status/:id", a.authenticated(a.status))
	e.GET("/v1/credits", a.authenticated(a.credits))
}

// authenticated distinguishes a missing key from a wrong one.
func (a *API) authenticated(next dialect.Handler) echo.HandlerFunc {
	writeError := func(c echo.Context, err error) error {
		if fault.KindOf(err) == fault.Unauthorized && dialect.Bearer(c.Request()) == "" {
			err = errNoKey
		}
		return a.WriteError(c, err)
	}
	return a.services.Authenticated(dialect.Bearer, writeError)(next)
}

// Upscale handles POST /v1/upscale by submitting a job. Its error codes are in
// upper case, unlike all other paths'.
func (a *API) Upscale(c echo.Context) error {
	caller, err := a.services.Auth.Authenticate(c.Request().Context(), dialect.Bearer(c.Request()))
	if err != nil {
		return a.writeUpscaleError(c, caller, err)
	}
	spec, input, err := a.read(c, caller)
	if err != nil {
		return a.writeUpscaleError(c, caller, err)
	}
	submitted, err := a.services.Queue.Submit(c.Request().Context(), spec, input)
	if err != nil {
		return a.writeUpscaleError(c, caller, err)
	}
	return dialect.JSON(c, http.StatusOK, Accepted{Status: success, ID: submitted.Job.ID, Credits: submitted.Credits})
}

func (a *API) status(c echo.Context, caller job.Caller) error {
	id := c.Param("id")
	if !isID(id) {
		return errBadID
	}
	j, err := a.services.Owned(c.Request().Context(), apiName, caller, id)
	if err != nil {
		return err
	}
	dialect.SetFaceHeader(c.Response().Header(), j)
	return dialect.JSON(c, http.StatusOK, statusOf(j, a.services.NamedURL(a.services.BaseURL(c.Request()), j, "result")))
}

func (a *API) credits(c echo.Context, caller job.Caller) error {
	return dialect.JSON(c, http.StatusOK, balanceOf(caller))
}

// NotFound handles unknown paths below /v1.
func (a *API) NotFound(c echo.Context) error {
	return a.WriteError(c, fault.New(fault.NotFound, "There is nothing at this address."))
}
