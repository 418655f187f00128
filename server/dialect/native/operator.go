package native

import (
	"bytes"
	"encoding/json"
	"net/http"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/job"
)

// operator handles the calls of operators, which show and steer all workers, jobs and
// keys. Clients' keys are refused.
type operator struct {
	services dialect.Services
	parts    Parts
	models   modelStore
}

func (o operator) routes(authenticated func(dialect.Handler) echo.HandlerFunc) []route {
	allowed := func(next func(echo.Context) error) echo.HandlerFunc {
		return authenticated(func(c echo.Context, caller job.Caller) error {
			//guard:operator-only TestOperatorOnly
			if !caller.Operator {
				return fault.New(fault.Disabled, "This call needs the key of an operator.")
			}
			return next(c)
		})
	}
	const oneWorker = root + "/workers/:name"
	const oneJob = root + "/queue/jobs/:id"
	const oneKey = root + "/keys/:id"
	const oneModel = root + "/models/:name"
	return []route{
		{http.MethodGet, root + "/workers", allowed(o.listWorkers)},
		{http.MethodPost, oneWorker + "/drain", allowed(func(c echo.Context) error { return o.drain(c, true) })},
		{http.MethodPost, oneWorker + "/undrain", allowed(func(c echo.Context) error { return o.drain(c, false) })},
		{http.MethodGet, root + "/queue/jobs", allowed(o.findJobs)},
		{http.MethodPatch, oneJob, allowed(o.prioritize)},
		{http.MethodDelete, oneJob, allowed(func(c echo.Context) error { return remove(c, o.services.Queue, c.Param("id")) })},
		{http.MethodPost, oneJob + "/cancel", allowed(o.cancelJob)},
		{http.MethodPost, oneJob + "/retry", allowed(o.retryJob)},
		{http.MethodGet, root + "/keys", allowed(o.listKeys)},
		{http.MethodPost, root + "/keys", allowed(o.createKey)},
		{http.MethodPatch, oneKey, allowed(o.changeKey)},
		{http.MethodDelete, oneKey, allowed(o.deleteKey)},
		{http.MethodPost, oneKey + "/rotate", allowed(o.rotateKey)},
		{http.MethodPost, root + "/models", allowed(o.models.add)},
		{http.MethodPost, oneModel, allowed(o.models.install)},
		{http.MethodDelete, oneModel, allowed(o.models.remove)},
		{http.MethodGet, oneModel + "/events", allowed(o.models.watch)},
	}
}

// readBody reads a small JSON object without unknown members. An empty body is an
// empty object.
func readBody(c echo.Context, into any) error {
	const limit = 64 << 10
	body, err := dialect.ReadJSON(c, limit)
	if err != nil {
		return bodyError(err, limit)
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return fault.Wrap(fault.Invalid, err, "The request's body is not the JSON object that this call takes: %v.", err)
	}
	return nil
}
