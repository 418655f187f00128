// Package cog implements the HTTP API of containers that Cog builds, for the model
// of r8.im/nightmareai/real-esrgan: predictions that clients wait for, or that call
// a webhook. Results are data URIs; in webhooks, which are kept in memory, they are
// URLs.
//
// Differences from Cog: predictions are kept for as long as results are, so that
// an ID stands for one input, and repeating its request returns the prediction
// after its end too. Images are loaded and validated before a prediction is accepted.
package cog

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"upscaled/engine/imagedata"
	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/job"
)

// Name is this dialect's name in job records.
const Name = "cog"

// Config holds the operator's settings.
type Config struct{ dialect.Config }

// Defaults has room for a camera's images; Cog has no limits.
func Defaults() Config { return Config{dialect.Config{Price: 1, MaxBytes: 32 << 20}} }

// Stores are the services that this API needs beyond those of all dialects.
type Stores struct {
	Fetcher dialect.Fetcher
	// CheckWebhook validates the URL of a webhook; nil rejects all webhooks.
	CheckWebhook func(url string) error
	// Ready returns why no work can be done now.
	Ready func(context.Context) error
}

// API handles Cog's routes.
type API struct {
	services dialect.Services
	config   Config
	stores   Stores
	started  time.Time
}

// New returns the API on a server's services.
func New(services dialect.Services, config Config, stores Stores) *API {
	return &API{services, config, stores, services.Now()}
}

// Routes registers Cog's paths. GET / is the server's page, GET /openapi.json its
// description, which has the schemas Input and Output that Cog's clients read.
func (a *API) Routes(e *echo.Echo) {
	authenticated := a.services.Authenticated(dialect.Bearer, a.WriteError)
	e.POST("/predictions", authenticated(a.create))
	e.PUT("/predictions/:id", authenticated(a.create))
	e.POST("/predictions/:id/cancel", authenticated(a.cancel))
	e.GET("/health-check", a.health)
}

// create handles POST /predictions and its idempotent form, PUT /predictions/{id}.
func (a *API) create(c echo.Context, caller job.Caller) error {
	ctx := c.Request().Context()
	r, err := a.read(c)
	if err != nil {
		return err
	}
	id := jobID(caller, r.ID)
	j, err := a.services.Owned(ctx, Name, caller, id)
	if fault.KindOf(err) == fault.NotFound {
		j, err = a.submit(ctx, caller, r, id)
		if fault.KindOf(err) == fault.Conflict && !dialect.Keyed(ctx) { // accepted meanwhile, or just now
			if j, err = a.services.Owned(ctx, Name, caller, id); fault.KindOf(err) == fault.NotFound {
				err = fault.Wrap(fault.Busy, err, "The prediction is being accepted.")
			}
		}
	}
	//guard:cog-input TestIdempotentPredictions
	if err == nil && dialect.DecodeMemo[memo](j.Memo).Sum != r.Sum {
		return apiError{http.StatusConflict, "The ID belongs to a prediction with another input."}
	}
	if err == nil && !r.async && !j.State.Final() && r.named {
		waiting, stop := context.WithTimeout(ctx, a.services.WaitLimit)
		defer stop()
		j, err = a.services.WaitAtMost(waiting, j)
	}
	if err != nil {
		return err
	}
	return a.respond(c, j)
}

// submit submits a job. One that nobody can ask for again, since the client does
// not know its ID, runs until this call ends.
func (a *API) submit(ctx context.Context, caller job.Caller, r request, id string) (job.Job, error) {
	data, info, err := a.load(ctx, r)
	if err != nil {
		return job.Job{}, err
	}
	spec := job.Spec{
		ID: id, API: Name, Account: caller.ID, Price: a.config.Price, InputName: dialect.NameOf(r.Image), Options: r.Options,
		Webhook: r.webhook, Memo: dialect.EncodeMemo(r.memo), Input: info, ClientID: r.named,
	}
	if r.named || r.async {
		submitted, err := a.services.Queue.Submit(ctx, spec, data)
		return submitted.Job, err
	}
	done, err := a.services.RunSync(ctx, spec, data)
	if err == nil && !done.State.Final() {
		err = apiError{http.StatusGatewayTimeout, "The prediction took too long."}
	}
	return done, err
}

// respond writes the prediction of a job.
func (a *API) respond(c echo.Context, j job.Job) error {
	status := http.StatusOK
	switch {
	case j.State == job.Succeeded:
		dialect.SetFaceHeader(c.Response().Header(), j)
		return a.services.JSONWithImage(c, status, j, func(base64 string) any {
			return predictionOf(j, "data:"+imagedata.Format(j.Result.Format).ContentType()+";base64,"+base64)
		})
	case !j.State.Final():
		status = http.StatusAccepted
	}
	return dialect.JSON(c, status, predictionOf(j, ""))
}

// cancel can be repeated; a prediction that has ended is unchanged.
func (a *API) cancel(c echo.Context, caller job.Caller) error {
	ctx := c.Request().Context()
	j, err := a.services.Owned(ctx, Name, caller, jobID(caller, c.Param("id")))
	if err == nil {
		err = a.services.Queue.Cancel(ctx, j.ID)
	}
	return dialect.Reply(c, http.StatusOK, struct{}{}, err)
}

// health reports whether jobs can run. It needs no key, as orchestrators have none.
func (a *API) health(c echo.Context) error {
	h := Health{Status: "READY", Version: map[string]string{"coglet": "0.17.0"}} // whose API this is
	h.Setup.StartedAt, h.Setup.CompletedAt, h.Setup.Status = a.started, a.started, "succeeded"
	if a.stores.Ready != nil && a.stores.Ready(c.Request().Context()) != nil {
		h.Status = "STARTING"
	}
	return dialect.JSON(c, http.StatusOK, h)
}

// Body returns the body of a job's webhook.
func (a *API) Body(j job.Job) (contentType string, body []byte, err error) {
	body, err = dialect.Marshal(predictionOf(j, a.services.NamedURL(dialect.DecodeMemo[memo](j.Memo).Base, j, "output")))
	return echo.MIMEApplicationJSON, body, err
}
