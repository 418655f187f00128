// Package artnex speaks the HTTP API of artnex.app's upscaling: one
// synchronous call with a JSON body, whose picture is a URL or a data URI.
package artnex

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/job"
)

// apiName is this dialect's name in job records.
const apiName = "artnex"

// Config is what an operator may set.
type Config struct {
	// Price of one picture in credits, whatever the scale; it is also what
	// answers tell as credits_used.
	Price int64
	// MaxBytes bounds a picture's file, fetched or sent. A request's body may
	// have as much as such a file takes in base64.
	MaxBytes int64
	// MaxPixels and MaxSide bound an input picture, in pixels; with 0 only the
	// engine's own limit holds.
	MaxPixels int64
	MaxSide   int
}

// Defaults are the vendor's own limit and price.
func Defaults() Config { return Config{Price: 100, MaxBytes: 10 << 20} }

// Fetcher downloads a picture from a URL that a stranger named. Its faults'
// sentences are shown to that stranger: fault.Invalid for a URL that is not
// acceptable, fault.TooLarge and fault.FetchFailed.
type Fetcher interface {
	Fetch(ctx context.Context, url string) ([]byte, error)
}

// API answers the vendor's one call.
type API struct {
	services dialect.Services
	config   Config
	fetcher  Fetcher
}

// New works with what the server lends.
func New(host dialect.Services, config Config, fetcher Fetcher) *API {
	return &API{services: host, config: config, fetcher: fetcher}
}

// Upscale answers POST /v1/upscale for JSON bodies. Another vendor has the
// same path, so the server registers it and looks at the content type.
func (a *API) Upscale(c echo.Context) error {
	id := "req_ups_" + dialect.Random(12)
	done, err := a.upscale(c, id)
	if err != nil {
		return refuse(c, id, err)
	}
	return dialect.JSON(c, http.StatusOK, Success{
		Success: true, ImageURL: a.services.NamedURL(a.services.BaseURL(c.Request()), done, "upscaled"), RequestID: id, CreditsUsed: done.Price,
	})
}

func (a *API) upscale(c echo.Context, id string) (job.Job, error) {
	ctx := c.Request().Context()
	caller, err := a.services.Auth.Authenticate(ctx, dialect.Bearer(c.Request()))
	if err != nil {
		return job.Job{}, err
	}
	body, err := a.readBody(c)
	if err != nil {
		return job.Job{}, err
	}
	order, err := parse(body)
	if err != nil {
		return job.Job{}, err
	}
	input, err := a.load(ctx, order.image)
	if err != nil {
		return job.Job{}, err
	}
	format, err := a.check(input)
	if err != nil {
		return job.Job{}, err
	}
	return a.run(ctx, job.Spec{
		ID: id, API: apiName, Account: caller.ID, Price: a.config.Price, InputName: nameOf(order.image),
		Options: job.Options{Scale: order.scale, Format: string(format)},
	}, input)
}

// run gives a succeeded job or an error. This API has no second call that
// could fetch a late result, so nothing is left running, nor paid for, that
// the caller does not get.
func (a *API) run(ctx context.Context, spec job.Spec, input []byte) (job.Job, error) {
	spec.Waited = true
	done, err := a.services.Run(ctx, spec, input)
	if fault.KindOf(err) == fault.Internal {
		a.services.Abandon(ctx, spec.ID) // it may have been accepted before the store failed
	}
	if err != nil {
		return job.Job{}, err
	}
	if !done.State.Final() {
		a.services.Abandon(ctx, done.ID)
		// A job that ended meanwhile was paid for and is left alone by Abandon.
		if latest, err := a.services.Queue.Get(ctx, done.ID); err == nil && latest.State == job.Succeeded {
			return latest, nil
		}
		return job.Job{}, fault.New(fault.Busy, "The image was not done within the time limit.")
	}
	return done, failureOf(done)
}

// refuse answers an error; a client that has gone gets no answer.
func refuse(c echo.Context, id string, err error) error {
	status, code, message := refusal(err)
	return dialect.WriteError(c, status, ErrorBody{Error: code, Message: message, RequestID: id}, err)
}
