// Package automatic1111 implements the "extras" calls of AUTOMATIC1111's
// stable-diffusion-webui: a client posts an image in base64 and waits for the
// result as a PNG.
//
// Differences from the vendor: sizes are exact and not cut to multiples of 8;
// transparency, 16 bits, color profiles and animations are kept; faces are
// restored in the same run of the model, and for the upscalers "None", "Lanczos"
// and "Nearest" before them, in a run at the image's own size that redraws its
// other parts too if it finds a face. Each image is one job of the queue. PNG text
// chunks such as "parameters" are kept and "postprocessing" is added.
package automatic1111

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"upscaled/engine/imagedata/metadata"
	"upscaled/server/dialect"
	"upscaled/server/job"
)

// Name is this dialect's name in job records.
const Name = "automatic1111"

// Prefix is the prefix of all its paths.
const Prefix = "/sdapi/v1"

// API handles the vendor's routes.
type API struct{ menus }

// menus are the choices of a request, and the state of requests.
type menus struct {
	services dialect.Services
	stores   Stores
	config   Config
}

// New returns the API on a server's services.
func New(services dialect.Services, stores Stores, config Config) *API {
	return &API{menus{services, stores, config}}
}

// Routes registers the vendor's paths. The server passes unknown ones below
// Prefix, and wrong methods, to WriteError.
func (a *API) Routes(e *echo.Echo) {
	authenticated := a.services.Authenticated(dialect.PasswordOrBearer, a.WriteError)
	e.POST(Prefix+"/extra-single-image", authenticated(a.single))
	e.POST(Prefix+"/extra-batch-images", authenticated(a.batch))
	e.GET(Prefix+"/upscalers", authenticated(a.listUpscalers))
	e.GET(Prefix+"/realesrgan-models", authenticated(a.listModels))
	e.GET(Prefix+"/face-restorers", authenticated(a.listRestorers))
	e.POST(Prefix+"/png-info", authenticated(a.pngInfo))
	e.POST(Prefix+"/options", authenticated(a.setOptions))
	for path, body := range fixed() {
		e.GET(Prefix+path, authenticated(func(c echo.Context, _ job.Caller) error { return dialect.JSON(c, http.StatusOK, body) }))
	}
	e.GET("/internal/ping", func(c echo.Context) error { return dialect.JSON(c, http.StatusOK, struct{}{}) })
	if a.stores.Lister != nil {
		e.GET(Prefix+"/progress", authenticated(a.progress))
		e.POST(Prefix+"/interrupt", authenticated(a.interrupt))
	}
}

// single handles POST extra-single-image.
func (a *API) single(c echo.Context, caller job.Caller) error {
	return a.extras(c, caller, a.singleLimit(), false)
}

// singleLimit limits the body of a request with one image, in bytes.
func (a *API) singleLimit() int64 {
	const base64Of = 4.0 / 3
	return int64(float64(a.config.MaxBytes)*base64Of)*9/8 + bodyOverhead // 1/8 for wrapped and escaped text
}

// batch handles POST extra-batch-images. An image that fails fails the batch, as
// with the vendor; all are validated before the first one is started.
func (a *API) batch(c echo.Context, caller job.Caller) error {
	return a.extras(c, caller, a.config.MaxBodyBytes, true)
}

func (a *API) extras(c echo.Context, caller job.Caller, limit int64, batch bool) error {
	body, err := a.body(c, limit)
	if err != nil {
		return err
	}
	r, err := parse(body, batch, a.config.MaxImages)
	if err != nil {
		return err
	}
	tasks, err := a.prepare(c.Request().Context(), r)
	if err != nil {
		return err
	}
	done, err := a.all(c.Request().Context(), caller, tasks)
	if err != nil {
		return err
	}
	for i := range done {
		done[i].png = metadata.WithPNGText(done[i].png, "postprocessing", infoText(r.info(tasks[i].plan)))
	}
	html := "<p></p>"
	if len(tasks) > 0 { // the vendor describes the last one
		html = htmlInfo(r.info(tasks[len(tasks)-1].plan))
	}
	return respond(c, html, done, batch)
}

// task is one image to make.
type task struct {
	input
	plan
	id   string
	part int // of its request
}

// prepare loads and validates all images of a request, so that none is processed
// if another is unusable.
func (a *API) prepare(ctx context.Context, r request) ([]task, error) {
	chosen, err := a.choose(ctx, r)
	if err != nil {
		return nil, err
	}
	tasks := make([]task, len(r.images))
	for i := range r.images {
		in, err := a.load(ctx, r.images[i])
		if err != nil {
			return nil, err
		}
		r.images[i].raw = nil // the text is larger than the image
		p, err := a.planOf(r, chosen, in.info)
		if err != nil {
			return nil, err
		}
		const length = 24
		tasks[i] = task{in, p, "a1111-" + dialect.Random(length), i}
	}
	return tasks, nil
}

// all makes the images, some at once. An image that fails fails all, and the wait
// limit applies to all of them together.
func (a *API) all(ctx context.Context, caller job.Caller, tasks []task) ([]result, error) {
	done, ids := make([]result, len(tasks)), make([]string, len(tasks))
	for i, t := range tasks {
		ids[i] = t.id
	}
	deadline := time.Now().Add(a.services.WaitLimit)
	err := a.services.AllOrNone(ctx, ids, a.config.Parallel, func(ctx context.Context, i int) (err error) {
		done[i], err = a.process(ctx, caller, deadline, tasks[i])
		return err
	})
	return done, err
}
