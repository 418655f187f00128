// Package ailab speaks the HTTP API of ailabapi.com's image upscaler: one
// synchronous call that answers with a URL, and the call that tells credits.
package ailab

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/job"
)

// apiName is this dialect's name in job records.
const apiName = "ailab"

// keyHeader carries the bare key.
const keyHeader = "ailabapi-api-key"

// Config is what an operator may set.
type Config struct {
	// Price of one picture in credits.
	Price int64
	// MaxBytes bounds the uploaded file.
	MaxBytes int64
	// MaxWidth bounds an input's longer side and MaxHeight its shorter one, in
	// pixels, so that portraits may be as large as landscapes; 0 is no bound.
	MaxWidth, MaxHeight int
	// MinSide is what both sides of an input must exceed, in pixels.
	MinSide int
	// BaseModel and EnhancementModel are the networks of the two modes.
	BaseModel, EnhancementModel string
}

// Defaults are the vendor's own limits and price.
func Defaults() Config {
	return Config{
		Price: 5, MaxBytes: 3 << 20, MaxWidth: 1920, MaxHeight: 1080, MinSide: 32,
		BaseModel: "realesr-general-x4v3", EnhancementModel: "realesrgan-x4plus",
	}
}

// API answers the vendor's routes.
type API struct {
	services dialect.Services
	config   Config
}

// New works with what the server lends.
func New(host dialect.Services, config Config) *API { return &API{services: host, config: config} }

// Routes registers the vendor's paths and answers everything else below /api/
// that no other package registers, whatever the method, as the vendor does.
func (a *API) Routes(e *echo.Echo) {
	e.POST("/api/image/enhance/image-lossless-enlargement", a.Upscale)
	e.GET("/api/common/query-credits", a.Credits)
	e.Any("/api/*", a.NotFound)
	e.RouteNotFound("/api/*", a.NotFound) // methods that Any does not know
}

func (a *API) authenticate(c echo.Context) (job.Caller, error) {
	key := strings.TrimSpace(c.Request().Header.Get(keyHeader))
	return a.services.Auth.Authenticate(c.Request().Context(), key)
}

// Upscale answers with the URL of the enlarged picture.
func (a *API) Upscale(c echo.Context) error {
	caller, err := a.authenticate(c)
	if err != nil {
		return a.WriteError(c, err)
	}
	spec, input, err := a.read(c, caller)
	if err != nil {
		return a.WriteError(c, err)
	}
	spec.Waited = true // the vendor has no call to ask later
	done, err := a.services.Run(c.Request().Context(), spec, input)
	if err != nil {
		return a.WriteError(c, err)
	}
	if !done.State.Final() {
		// The vendor has no call to ask again, so nobody could fetch the result.
		a.services.Abandon(c.Request().Context(), done.ID)
	}
	if err := failure(done); err != nil {
		return a.WriteError(c, err)
	}
	return dialect.JSON(c, http.StatusOK, success(requestID(c), Picture{URL: a.services.NamedURL(a.services.BaseURL(c.Request()), done, "result")}))
}

// Credits answers with the caller's balance.
func (a *API) Credits(c echo.Context) error {
	caller, err := a.authenticate(c)
	if err != nil {
		return a.WriteError(c, err)
	}
	return dialect.JSON(c, http.StatusOK, success(requestID(c), balance(caller)))
}

// NotFound answers unknown paths below /api/.
func (a *API) NotFound(c echo.Context) error {
	return a.WriteError(c, fault.New(fault.NotFound, "There is nothing at this address."))
}

// WriteError answers any error in the vendor's form; a client that has gone gets
// no answer.
func (a *API) WriteError(c echo.Context, err error) error {
	if dialect.Canceled(c) {
		return nil
	}
	r := refusalOf(err)
	switch r.code {
	case ExceedingLimits, InsufficientResources: // not for want of credits, which is a 429 too
		c.Response().Header().Set(echo.HeaderRetryAfter, strconv.Itoa(dialect.RetryAfter(err)))
	case ProcessingFailure, ServiceTimeout:
		dialect.Record(c, err)
	}
	status, _ := r.code.terms()
	return dialect.JSON(c, status, r.envelope(requestID(c)))
}

// requestID is the one that middleware gave the response, so that clients'
// reports and the access log can be joined.
func requestID(c echo.Context) string {
	if id := c.Response().Header().Get(echo.HeaderXRequestID); id != "" {
		return id
	}
	const length = 20
	return dialect.Random(length)
}
