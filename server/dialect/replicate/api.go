// Package replicate speaks the HTTP API of Replicate's predictions for the
// model nightmareai/real-esrgan, as its public clients use it: predictions
// that clients poll, wait for or are called back about, and files that they
// upload to use as inputs.
//
// Collections, deployments, trainings, streams, searches and the Cancel-After
// header are not offered. Input URLs are fetched and looked at before a
// prediction is made, so a picture that cannot be used is refused at once
// instead of giving a prediction that fails.
package replicate

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/job"
)

// Name is this dialect's name in job records.
const Name = "replicate"

// API answers the vendor's routes.
type API struct {
	services dialect.Services
	config   Config
	stores   Stores
}

// New works with what the server lends.
func New(host dialect.Services, config Config, stores Stores) *API {
	if len(config.Models) == 0 {
		config.Models = Defaults().Models
	}
	return &API{services: host, config: config, stores: stores}
}

// Routes registers the vendor's paths but GET /v1/files/:id: results of all
// APIs have that path too, so the server registers it and asks IsFileID.
func (a *API) Routes(e *echo.Echo) {
	e.POST("/v1/predictions", a.signedIn(a.create))
	e.GET("/v1/predictions", a.signedIn(a.list))
	e.GET("/v1/predictions/:id", a.signedIn(a.get))
	e.POST("/v1/predictions/:id/cancel", a.signedIn(a.cancel))
	e.GET("/v1/models/:owner/:name", a.signedIn(a.model))
	e.POST("/v1/models/:owner/:name/predictions", a.signedIn(a.createForModel))
	e.GET("/v1/models/:owner/:name/versions", a.signedIn(a.versions))
	e.GET("/v1/models/:owner/:name/versions/:version", a.signedIn(a.version))
	e.POST("/v1/files", a.CreateFile)
	e.DELETE("/v1/files/:id", a.DeleteFile)
}

// handler answers a caller that showed a good key.
type handler func(c echo.Context, caller job.Caller) error

// signedIn lets callers with a good key pass and answers every error.
func (a *API) signedIn(next handler) echo.HandlerFunc {
	return func(c echo.Context) error {
		caller, err := a.services.Auth.Authenticate(c.Request().Context(), key(c.Request()))
		if err == nil {
			err = next(c, caller)
		}
		if err == nil || c.Response().Committed {
			return err
		}
		return a.WriteError(c, err)
	}
}

// key takes the key out of "Authorization: Bearer KEY", or of the scheme Token
// that older clients send; "" where there is none.
func key(r *http.Request) string {
	if scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "Token") {
		return strings.TrimSpace(key)
	}
	return dialect.Bearer(r)
}

// create answers POST /v1/predictions.
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

// createForModel answers POST /v1/models/{owner}/{name}/predictions.
func (a *API) createForModel(c echo.Context, caller job.Caller) error {
	model, err := a.knownModel(c)
	if err != nil {
		return err
	}
	fields, err := a.readBody(c)
	if err != nil {
		return err
	}
	return a.submit(c, caller, fields, model, latestVersion)
}

func (a *API) get(c echo.Context, caller job.Caller) error {
	j, err := a.owned(c, caller)
	if err != nil {
		return err
	}
	return a.answer(c, http.StatusOK, j)
}

// cancel may be repeated; a prediction that has ended stays as it is.
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

// owned is the job that the path names.
func (a *API) owned(c echo.Context, caller job.Caller) (job.Job, error) {
	id := c.Param("id")
	if !IsID(id) {
		return job.Job{}, errNotFound
	}
	return a.services.Owned(c.Request().Context(), Name, caller, id)
}

// pageSize is the vendor's.
const pageSize = 100

// list answers the caller's predictions, newest first.
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
	page := Page[Prediction]{Results: make([]Prediction, 0, len(jobs))}
	for _, j := range jobs {
		page.Results = append(page.Results, predictionOf(j, base, a.resultURL(base, j)))
	}
	if next != "" {
		link := base + "/v1/predictions?cursor=" + url.QueryEscape(next)
		page.Next = &link
	}
	return dialect.JSON(c, http.StatusOK, page)
}

// knownModel is the model that the path names.
func (a *API) knownModel(c echo.Context) (string, error) {
	name := c.Param("owner") + "/" + c.Param("name")
	if !slices.Contains(a.config.Models, name) {
		return "", errNotFound
	}
	return name, nil
}
