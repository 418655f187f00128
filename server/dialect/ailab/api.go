// Package ailab implements the HTTP API of ailabapi.com's image upscaler: one
// synchronous call that returns a URL, and a call that returns the credits.
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

// Config holds the operator's settings.
type Config struct {
	dialect.Config
	// MaxWidth limits an input's longer side and MaxHeight its shorter one, in
	// pixels, so that portraits may be as large as landscapes; 0 is no limit.
	MaxWidth, MaxHeight int
	// MinSide is the length in pixels that both sides of an input must exceed.
	MinSide int
	// BaseModel and EnhancementModel are the models of the two modes.
	BaseModel, EnhancementModel string
}

// Defaults returns the vendor's own limits and price.
func Defaults() Config {
	return Config{
		Config:   dialect.Config{Price: 5, MaxBytes: 3 << 20},
		MaxWidth: 1920, MaxHeight: 1080, MinSide: 32,
		BaseModel: "realesr-general-x4v3", EnhancementModel: "realesrgan-x4plus",
	}
}

// API handles the vendor's routes.
type API struct {
	services dialect.Services
	config   Config
}

// New returns the API on a server's services.
func New(services dialect.Services, config Config) *API { return &API{services, config} }

// Routes registers the vendor's paths, and answers every other path below /api/
// that no other package registers, whatever the method, as the vendor does.
func (a *API) Routes(e *echo.Echo) {
	authenticated := a.services.Authenticated(key, a.WriteError)
	e.POST("/api/image/enhance/image-lossless-enlargement", authenticated(a.upscale))
	e.GET("/api/common/query-credits", authenticated(a.credits))
	e.Any("/api/*", a.NotFound)
	e.RouteNotFound("/api/*", a.NotFound) // methods that Any does not cover
}

func key(r *http.Request) string { return strings.TrimSpace(r.Header.Get(keyHeader)) }

// upscale waits for the result and returns its URL.
func (a *API) upscale(c echo.Context, caller job.Caller) error {
	spec, input, err := a.read(c, caller)
	if err != nil {
		return err
	}
	done, err := a.services.RunSync(c.Request().Context(), spec, input)
	if err == nil {
		err = failure(done)
	}
	if err != nil {
		return err
	}
	url := a.services.NamedURL(a.services.BaseURL(c.Request()), done, "result")
	return dialect.JSON(c, http.StatusOK, success(dialect.RequestID(c), Picture{URL: url}))
}

func (a *API) credits(c echo.Context, caller job.Caller) error {
	return dialect.JSON(c, http.StatusOK, success(dialect.RequestID(c), balance(caller)))
}

// NotFound handles unknown paths below /api/.
func (a *API) NotFound(c echo.Context) error {
	return a.WriteError(c, fault.New(fault.NotFound, "There is nothing at this address."))
}

// WriteError writes any error in the vendor's form.
func (a *API) WriteError(c echo.Context, err error) error {
	if dialect.Canceled(c) {
		return nil
	}
	e := apiErrorOf(err)
	switch e.code {
	case ExceedingLimits, InsufficientResources: // not NotEnoughCredits, which is a 429 too
		c.Response().Header().Set(echo.HeaderRetryAfter, strconv.Itoa(dialect.RetryAfter(err)))
	case ProcessingFailure, ServiceTimeout:
		dialect.Record(c, err)
	}
	status, _ := e.code.terms()
	return dialect.JSON(c, status, e.envelope(dialect.RequestID(c)))
}
