// Package artnex implements the HTTP API of artnex.app's upscaling: one
// synchronous call with a JSON body that holds the image as a URL or data URI.
package artnex

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"upscaled/server/dialect"
	"upscaled/server/job"
)

// apiName is this dialect's name in job records.
const apiName = "artnex"

// Config holds the operator's settings. Responses report Price as credits_used.
type Config struct{ dialect.Config }

// Defaults returns the vendor's own limit and price.
func Defaults() Config { return Config{dialect.Config{Price: 100, MaxBytes: 10 << 20}} }

// API handles the vendor's one call.
type API struct {
	services dialect.Services
	config   Config
	fetcher  dialect.Fetcher
}

// New returns the API on a server's services.
func New(services dialect.Services, config Config, fetcher dialect.Fetcher) *API {
	return &API{services: services, config: config, fetcher: fetcher}
}

// Upscale handles POST /v1/upscale with a JSON body. Another vendor has the
// same path, so the server registers it and decides by content type.
func (a *API) Upscale(c echo.Context) error {
	id := "req_ups_" + dialect.Random(12)
	done, err := a.upscale(c, id)
	if err != nil {
		status, code, message := apiError(err)
		return dialect.WriteError(c, status, ErrorBody{Error: code, Message: message, RequestID: id}, err)
	}
	url := a.services.NamedURL(a.services.BaseURL(c.Request()), done, "upscaled")
	return dialect.JSON(c, http.StatusOK, Success{Success: true, ImageURL: url, RequestID: done.ID, CreditsUsed: done.Price})
}

func (a *API) upscale(c echo.Context, id string) (job.Job, error) {
	ctx := c.Request().Context()
	caller, err := a.services.Auth.Authenticate(ctx, dialect.Bearer(c.Request()))
	if err != nil {
		return job.Job{}, err
	}
	r, err := a.readRequest(c)
	if err != nil {
		return job.Job{}, err
	}
	input, err := a.load(ctx, r.image)
	if err != nil {
		return job.Job{}, err
	}
	info, format, err := a.check(c.Request().Context(), input)
	if err != nil {
		return job.Job{}, err
	}
	done, err := a.services.RunSync(ctx, job.Spec{
		ID: id, API: apiName, Account: caller.ID, Price: a.config.Price, InputName: dialect.NameOf(r.image),
		Options: job.Options{Scale: r.scale, Format: string(format)}, Input: info,
	}, input)
	if err != nil {
		return job.Job{}, err
	}
	return done, unusable(dialect.FailureOf(done))
}
