package replicate

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"upscaled/engine/imagedata"
	"upscaled/server/dialect"
	"upscaled/server/job"
)

// maxWait is the vendor's longest wait and its default.
const maxWait = 60 * time.Second

// submit creates a prediction. The order of its checks is part of the API: input,
// webhook, the image's bytes, then credits and capacity.
func (a *API) submit(c echo.Context, caller job.Caller, given fields, v variant, version string) error {
	wait, waits := dialect.PreferredWait(c.Request().Header, maxWait)
	waits = waits && wait > 0
	// Clients give up soon after the time they asked for, so downloading the
	// image counts as waiting.
	waiting, stop := context.WithTimeout(c.Request().Context(), min(wait, a.services.WaitLimit))
	defer stop()

	in, wrong := v.Parse(given["input"])
	if len(wrong) > 0 {
		return wrong
	}
	webhook, err := dialect.ParseWebhook(given, false, a.stores.CheckWebhook)
	if err != nil {
		return err
	}
	loaded, err := a.load(c, caller, in)
	if err != nil {
		return v.rename(err)
	}
	noted := memo{Model: v.name, Version: version, Input: v.repeat(in), Base: a.services.BaseURL(c.Request())}
	submitted, err := a.services.Queue.Submit(c.Request().Context(), job.Spec{
		ID: newID(), API: Name, Account: caller.ID, Price: a.config.Price, InputName: loaded.name,
		Options: in.Options, Webhook: webhook, Memo: dialect.EncodeMemo(noted), Input: loaded.info,
	}, loaded.data)
	if err != nil {
		return err
	}
	j := submitted.Job
	if waits {
		c.Response().Header().Set("Preference-Applied", "wait")
		j = a.await(c, waiting, j)
	}
	return a.respond(c, http.StatusCreated, j)
}

// await returns the job once it has ended, or as it was accepted if that takes
// longer or the server shuts down: clients take any status except "starting" to
// be final. The prediction continues, whether the client waits or disconnects.
func (a *API) await(c echo.Context, ctx context.Context, accepted job.Job) job.Job {
	latest, err := a.services.WaitAtMost(ctx, accepted)
	if err != nil { // the client can still query the accepted job
		dialect.Record(c, err)
	}
	if err == nil && latest.State.Final() {
		return latest
	}
	if !accepted.State.Final() { // a repeated request's may be running
		accepted.State, accepted.Started = job.Queued, time.Time{}
	}
	return accepted
}

// cli begins the User-Agent of the vendor's command line: its --save downloads
// only lists of URLs.
const cli = "replicate-cli/"

// respond writes the prediction of a job.
func (a *API) respond(c echo.Context, status int, j job.Job) error {
	base := a.services.BaseURL(c.Request())
	p := predictionOf(j, base, a.services.NamedURL(base, j, output))
	if j.State != job.Succeeded {
		return dialect.JSON(c, status, p)
	}
	dialect.SetFaceHeader(c.Response().Header(), j)
	agent := c.Request().UserAgent()
	needsData := slices.ContainsFunc(a.config.DataURIClients, func(client string) bool { return strings.HasPrefix(agent, client) })
	switch {
	case needsData && dialect.HasScheme(base, "http:") && j.Result.Bytes < a.config.DataURIBelow:
		return a.services.JSONWithImage(c, status, j, func(base64 string) any {
			p.Output = "data:" + imagedata.Format(j.Result.Format).ContentType() + ";base64," + base64
			return p
		})
	case strings.HasPrefix(agent, cli):
		p.Output = []any{p.Output}
	}
	return dialect.JSON(c, status, p)
}

// output names results: clients take the type from the file name.
const output = "output"
