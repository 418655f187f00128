// Package stability implements the upscaling of Stability AI's HTTP API: the fast
// upscaler of v2beta and the ESRGAN engine of v1, both synchronous.
package stability

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/job"
)

// Name is this dialect's name in job records.
const Name = "stability"

// engine is the only engine of v1 that upscales without a prompt.
const engine = "esrgan-v1-x2plus"

// Config holds the operator's settings.
type Config struct {
	dialect.Config
	// MinSide is the least length of an input's sides, in pixels.
	MinSide int
	// MaxOutputPixels limits the results of v1.
	MaxOutputPixels int64
}

// Defaults returns the vendor's own limits and price.
func Defaults() Config {
	return Config{
		Config:  dialect.Config{Price: 2, MaxBytes: 10 << 20, MaxPixels: 1 << 20, MaxSide: 1536},
		MinSide: 32, MaxOutputPixels: 4 << 20,
	}
}

// API handles the vendor's routes.
type API struct {
	services dialect.Services
	config   Config
}

// New returns the API on a server's services.
func New(services dialect.Services, config Config) *API { return &API{services, config} }

// Prefixes are the paths whose errors have this vendor's form.
func Prefixes() []string { return []string{"/v2beta", "/v1/generation", "/v1/user"} }

// Routes registers the vendor's paths. The server passes unknown ones below
// Prefixes, and wrong methods, to WriteError.
func (a *API) Routes(e *echo.Echo) {
	authenticated := a.services.Authenticated(dialect.Bearer, a.WriteError)
	e.POST("/v2beta/stable-image/upscale/fast", authenticated(a.fast))
	e.POST("/v1/generation/:engine/image-to-image/upscale", authenticated(a.esrgan))
	e.GET("/v1/user/balance", authenticated(a.balance))
}

// fast handles v2beta's upscaler, which makes images four times as wide and high.
func (a *API) fast(c echo.Context, caller job.Caller) error {
	done, err := a.upscale(c, caller, a.fastOptions)
	if err != nil {
		return err
	}
	if dialect.PrefersImage(c.Request(), true) {
		return a.writeImage(c, done)
	}
	return a.services.JSONWithImage(c, http.StatusOK, done, func(base64 string) any {
		return Image{Image: base64, FinishReason: success}
	})
}

// esrgan handles v1's upscaler.
func (a *API) esrgan(c echo.Context, caller job.Caller) error {
	if name := c.Param("engine"); name != engine {
		return fault.New(fault.NotFound, "The specified engine (ID %.80s) was not found.", name)
	}
	done, err := a.upscale(c, caller, a.esrganOptions)
	if err != nil {
		return err
	}
	if dialect.PrefersImage(c.Request(), false) {
		return a.writeImage(c, done)
	}
	return a.services.JSONWithImage(c, http.StatusOK, done, func(base64 string) any {
		return Artifacts{[]Artifact{{Base64: base64, FinishReason: success}}}
	})
}

// upscale waits for the job of a form with an image; choose returns its options.
func (a *API) upscale(c echo.Context, caller job.Caller, choose chooser) (job.Job, error) {
	spec, input, err := a.read(c, caller, choose)
	if err != nil {
		return job.Job{}, err
	}
	done, err := a.services.RunSync(c.Request().Context(), spec, input)
	if err != nil {
		return job.Job{}, err
	}
	return done, imageError(dialect.FailureOf(done))
}

func (a *API) writeImage(c echo.Context, j job.Job) error {
	c.Response().Header().Set("Finish-Reason", success)
	c.Response().Header().Set("Seed", "0")
	return a.services.WriteImage(c, j)
}

// balance handles GET /v1/user/balance.
func (a *API) balance(c echo.Context, caller job.Caller) error {
	return dialect.JSON(c, http.StatusOK, balanceOf(caller))
}
