// Package replicate implements the HTTP API of Replicate's predictions for the
// model nightmareai/real-esrgan, as its public clients use it: predictions that
// clients poll, wait for or receive by webhook, and files uploaded as inputs.
//
// Collections, deployments and trainings are empty lists; streams and the
// Cancel-After header are not supported. Input URLs are downloaded and validated before a
// prediction is created, so an unusable image is rejected at once instead of
// producing a failed prediction.
package replicate

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/job"
)

// Name is this dialect's name in job records.
const Name = "replicate"

// API handles the vendor's routes.
type API struct {
	inputs
	models
	services dialect.Services
	config   Config
	stores   Stores
	// CreateFile, GetFile and DeleteFile handle uploaded files. GetFile is for
	// IDs that IsFileID recognizes, and returns the object, not the contents.
	CreateFile, GetFile, DeleteFile echo.HandlerFunc
}

// New returns the API on a server's services.
func New(services dialect.Services, config Config, stores Stores) *API {
	if len(config.Models) == 0 {
		config.Models = Defaults().Models
	}
	a := &API{
		services: services, config: config, stores: stores,
		inputs: inputs{files{services, config, stores}}, models: models{services, config},
	}
	a.CreateFile, a.GetFile, a.DeleteFile = a.authenticated(a.createFile), a.authenticated(a.getFile), a.authenticated(a.deleteFile)
	return a
}

// Prefixes are the prefixes of all paths of the vendor, so that unknown paths below them
// are answered in its form.
func Prefixes() []string {
	return []string{
		"/v1/account", "/v1/collections", "/v1/deployments", "/v1/files", "/v1/hardware", "/v1/models", "/v1/predictions",
		"/v1/search", "/v1/trainings", "/v1/webhooks",
	}
}

// Routes registers the vendor's paths except GET /v1/files/:id: results of all
// APIs have that path too, so the server registers it and calls IsFileID.
func (a *API) Routes(e *echo.Echo) {
	for _, route := range []struct {
		method, path string
		handler      dialect.Handler
	}{
		{"POST", "/predictions", a.create}, {"GET", "/predictions", a.list},
		{"GET", "/predictions/:id", a.get}, {"POST", "/predictions/:id/cancel", a.cancel},
		{"GET", "/models", a.models.list}, {"QUERY", "/models", a.query}, {"GET", "/search", a.search},
		{"GET", "/models/:owner/:name", a.model}, {"POST", "/models/:owner/:name/predictions", a.createForModel},
		{"GET", "/models/:owner/:name/versions", a.versions}, {"GET", "/models/:owner/:name/versions/:version", a.version},
		{"GET", "/files", a.listFiles},
		{"GET", "/account", a.account}, {"GET", "/hardware", a.hardware}, {"GET", "/webhooks/default/secret", a.secret},
		{"GET", "/collections", none}, {"GET", "/deployments", none}, {"GET", "/trainings", none},
	} {
		e.Add(route.method, "/v1"+route.path, a.authenticated(route.handler))
	}
	e.POST("/v1/files", a.CreateFile)
	e.DELETE("/v1/files/:id", a.DeleteFile)
}

func (a *API) authenticated(next dialect.Handler) echo.HandlerFunc {
	return a.services.Authenticated(key, a.WriteError)(next)
}

// key returns the key of "Authorization: Bearer KEY", or of the scheme Token
// that older clients send; "" if there is none.
func key(r *http.Request) string {
	if scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "Token") {
		return strings.TrimSpace(key)
	}
	return dialect.Bearer(r)
}

// create handles POST /v1/predictions.
func (a *API) create(c echo.Context, caller job.Caller) error {
	fields, err := a.readBody(c)
	if err != nil {
		return err
	}
	model, version, err := a.parseVersion(fields["version"])
	if err != nil {
		return err
	}
	return a.submit(c, caller, fields, model, version)
}

// createForModel handles POST /v1/models/{owner}/{name}/predictions.
func (a *API) createForModel(c echo.Context, caller job.Caller) error {
	model, err := a.knownModel(c)
	if err != nil {
		return err
	}
	fields, err := a.readBody(c)
	if err != nil {
		return err
	}
	return a.submit(c, caller, fields, model, model.versions[0])
}

func (a *API) get(c echo.Context, caller job.Caller) error {
	j, err := a.owned(c, caller)
	if err != nil {
		return err
	}
	return a.respond(c, http.StatusOK, j)
}

// cancel can be repeated; a prediction that has ended is unchanged.
func (a *API) cancel(c echo.Context, caller job.Caller) error {
	j, err := a.owned(c, caller)
	if err != nil {
		return err
	}
	if err := a.services.Queue.Cancel(c.Request().Context(), j.ID); err != nil {
		return err
	}
	return a.get(c, caller)
}

// owned returns the job that the path names.
func (a *API) owned(c echo.Context, caller job.Caller) (job.Job, error) {
	id := c.Param("id")
	if !IsID(id) {
		return job.Job{}, errNotFound
	}
	return a.services.Owned(c.Request().Context(), Name, caller, id)
}

// pageSize is the vendor's page size.
const pageSize = 100

// list returns the caller's predictions, newest first.
func (a *API) list(c echo.Context, caller job.Caller) error {
	jobs, next, err := a.stores.Lister.List(c.Request().Context(), job.Page{
		API: Name, Account: caller.ID, Before: c.QueryParam("cursor"), Limit: pageSize,
	})
	if fault.KindOf(err) == fault.Invalid {
		return apiError{Problem{Detail: "The cursor is not valid.", Status: http.StatusBadRequest}}
	} else if err != nil {
		return err
	}
	base := a.services.BaseURL(c.Request())
	page := Page[Prediction]{Results: make([]Prediction, 0, len(jobs)), Next: nextLink(base+"/v1/predictions", next)}
	for _, j := range jobs {
		page.Results = append(page.Results, predictionOf(j, base, a.services.NamedURL(base, j, output)))
	}
	return dialect.JSON(c, http.StatusOK, page)
}
