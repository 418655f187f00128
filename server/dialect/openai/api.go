// Package openai implements POST /v1/images/upscale, which several local servers
// have in the style of OpenAI's image API: the union of their requests.
package openai

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/job"
)

// Name is this dialect's name in job records.
const Name = "openai"

// Prefix begins the paths whose errors have this form.
const Prefix = "/v1/images"

// Config holds the operator's settings.
type Config struct{ dialect.Config }

// Defaults returns our own choice.
func Defaults() Config { return Config{dialect.Config{Price: 1, MaxBytes: 20 << 20}} }

// API handles the route.
type API struct {
	services dialect.Services
	config   Config
	fetcher  dialect.Fetcher
}

// New returns the API on a server's services.
func New(services dialect.Services, config Config, fetcher dialect.Fetcher) *API {
	return &API{services: services, config: config, fetcher: fetcher}
}

// Routes registers the path. The server passes unknown ones below Prefix, and wrong
// methods, to WriteError.
func (a *API) Routes(e *echo.Echo) {
	e.POST(Prefix+"/upscale", a.services.Authenticated(dialect.Bearer, a.WriteError)(a.upscale))
}

// upscale waits for the result.
func (a *API) upscale(c echo.Context, caller job.Caller) error {
	ctx := c.Request().Context()
	r, err := a.read(c)
	if err != nil {
		return err
	}
	if r.model, err = a.model(ctx, r.model); err != nil {
		return err
	}
	if err := a.load(ctx, &r); err != nil {
		return err
	}
	info, err := a.services.Inspect(ctx, r.data, a.config.Config)
	if err != nil {
		return imageError(err)
	}
	const length = 24
	done, err := a.services.RunSync(ctx, job.Spec{
		ID: Name + "-" + dialect.Random(length), API: Name, Account: caller.ID, Price: a.config.Price, InputName: r.name,
		Options: job.Options{Model: r.model, Scale: r.scale, Format: r.format}, Input: info,
	}, r.data)
	if err == nil {
		err = failureOf(done, r.model)
	}
	if err != nil {
		return err
	}
	return a.respond(c, done, r.answer)
}

// model returns a model's own name for any spelling of it.
func (a *API) model(ctx context.Context, name string) (string, error) {
	all, err := a.services.Upscalers(ctx)
	if err != nil || len(all) == 0 || name == "" {
		return name, err
	}
	m, known := dialect.FindModel(all, name)
	if !known {
		return "", noModel(name)
	}
	return m.Name, nil
}

func (a *API) respond(c echo.Context, j job.Job, answer string) error {
	images := func(image Image) any { return Images{j.Finished.Unix(), []Image{image}} }
	dialect.SetFaceHeader(c.Response().Header(), j)
	switch answer {
	case answerRaw:
		return a.services.WriteImage(c, j)
	case answerURL:
		return dialect.JSON(c, http.StatusOK, images(Image{URL: a.services.NamedURL(a.services.BaseURL(c.Request()), j, "upscaled")}))
	}
	return a.services.JSONWithImage(c, http.StatusOK, j, func(base64 string) any { return images(Image{Base64: base64}) })
}

// failureOf returns the error of a job without a result, or nil.
func failureOf(j job.Job, model string) error {
	if f := j.Failure; f != nil && (f.Kind == fault.ModelMissing || f.Kind == fault.NotFound) {
		return noModel(model)
	}
	return imageError(dialect.FailureOf(j))
}
