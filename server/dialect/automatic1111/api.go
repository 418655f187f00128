// Package automatic1111 speaks the "extras" calls of AUTOMATIC1111's
// stable-diffusion-webui: a client posts a picture in base64 and waits for the
// result as a PNG.
//
// What differs from the vendor: sizes are exact and not cut to multiples of 8;
// transparency, 16 bits, colour profiles and animations are kept; faces are
// restored in the same run of the network, and for the upscalers "None",
// "Lanczos" and "Nearest" before them, in a run at the picture's own size that
// redraws its other parts too where it finds a face. PNG text chunks are not
// carried over.
package automatic1111

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/sync/errgroup"

	"upscaled/server/dialect"
	"upscaled/server/job"
)

// Name is this dialect's name in job records.
const Name = "automatic1111"

// Prefix is where all its paths are.
const Prefix = "/sdapi/v1"

// API answers the vendor's routes.
type API struct {
	services dialect.Services
	stores   Stores
	config   Config
	// slots bounds how many pictures are composed at once.
	slots chan struct{}
}

// New works with what the server lends.
func New(host dialect.Services, stores Stores, config Config) *API {
	return &API{services: host, stores: stores, config: config, slots: make(chan struct{}, max(1, config.AtOnce))}
}

// Routes registers the vendor's paths. Unknown ones below Prefix are the
// server's to hand to Refuse, as are wrong methods.
func (a *API) Routes(e *echo.Echo) {
	e.POST(Prefix+"/extra-single-image", a.Single)
	e.POST(Prefix+"/extra-batch-images", a.Batch)
	e.GET(Prefix+"/upscalers", a.Upscalers)
	e.GET(Prefix+"/realesrgan-models", a.Models)
	if a.stores.Lister != nil {
		e.GET(Prefix+"/progress", a.Progress)
	}
}

// authenticate takes a key as the password of HTTP Basic, under any user name,
// or as a bearer token.
func (a *API) authenticate(c echo.Context) (job.Caller, error) {
	key := dialect.Bearer(c.Request())
	if _, password, basic := c.Request().BasicAuth(); basic {
		key = password
	}
	return a.services.Auth.Authenticate(c.Request().Context(), key)
}

// Single answers POST extra-single-image.
func (a *API) Single(c echo.Context) error {
	const base64Of = 4.0 / 3
	return a.extras(c, int64(float64(a.config.MaxBytes)*base64Of)*9/8+bodyOverhead, false) // 1/8 for wrapped and escaped text
}

// Batch answers POST extra-batch-images. A picture that fails fails the batch,
// as at the vendor's; all are looked at before the first one is begun.
func (a *API) Batch(c echo.Context) error { return a.extras(c, a.config.MaxBodyBytes, true) }

func (a *API) extras(c echo.Context, limit int64, batch bool) error {
	caller, err := a.authenticate(c)
	if err != nil {
		return a.WriteError(c, err)
	}
	body, err := readBody(c, limit)
	if err != nil {
		return a.WriteError(c, err)
	}
	o, err := parse(body, batch)
	if err != nil {
		return a.WriteError(c, err)
	}
	tasks, err := a.prepare(c.Request().Context(), o)
	if err != nil {
		return a.WriteError(c, err)
	}
	done, err := a.all(c.Request().Context(), caller, tasks)
	if err != nil {
		return a.WriteError(c, err)
	}
	html := "<p></p>"
	if len(tasks) > 0 { // the vendor tells of the last one
		html = htmlInfo(o.info(tasks[len(tasks)-1].plan))
	}
	return answer(c, html, done, batch)
}

// task is one picture to make.
type task struct {
	input
	plan
}

// prepare loads and judges all pictures of an order, so that none is worked on
// when another is unusable.
func (a *API) prepare(ctx context.Context, o order) ([]task, error) {
	if len(o.images) > a.config.MaxImages {
		return nil, refused(http.StatusRequestEntityTooLarge, fmt.Sprintf("A request can hold at most %d images.", a.config.MaxImages))
	}
	chosen, err := a.choose(ctx, o)
	if err != nil {
		return nil, err
	}
	tasks := make([]task, len(o.images))
	for i := range o.images {
		in, err := a.load(ctx, o.images[i])
		if err != nil {
			return nil, err
		}
		o.images[i].raw = nil // the text is larger than the picture
		p, err := a.planOf(o, chosen, in.info)
		if err != nil {
			return nil, err
		}
		tasks[i] = task{in, p}
	}
	return tasks, nil
}

// all makes the pictures, some at once; the first failure cancels the others.
// The wait limit counts for all of them together.
func (a *API) all(ctx context.Context, caller job.Caller, tasks []task) ([]result, error) {
	done := make([]result, len(tasks))
	deadline := time.Now().Add(a.services.WaitLimit)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(1, a.config.Parallel))
	for i, t := range tasks {
		group.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			var err error
			done[i], err = a.process(ctx, caller, deadline, t.plan, t.input)
			return err
		})
	}
	return done, group.Wait()
}

// Upscalers answers GET upscalers.
func (a *API) Upscalers(c echo.Context) error {
	if _, err := a.authenticate(c); err != nil {
		return a.WriteError(c, err)
	}
	items := []UpscalerItem{}
	for _, u := range a.config.upscalers() {
		items = append(items, UpscalerItem{Name: u.Name, Scale: u.Scale})
	}
	return dialect.JSON(c, http.StatusOK, items)
}

// Models answers GET realesrgan-models.
func (a *API) Models(c echo.Context) error {
	if _, err := a.authenticate(c); err != nil {
		return a.WriteError(c, err)
	}
	items := []ModelItem{}
	for _, u := range a.config.Upscalers {
		items = append(items, ModelItem{Name: u.Name, Scale: u.Scale})
	}
	return dialect.JSON(c, http.StatusOK, items)
}
