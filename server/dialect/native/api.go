// Package native implements the server's own HTTP API below /api/v1: every
// option of the engine, live events and results, for the web page and for
// programs.
package native

import (
	"context"
	"net/http"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/job"
)

const (
	// Name is this dialect's name in job records.
	Name = "native"
	// root is the prefix of all paths of this API.
	root = "/api/v1"
)

// Config holds the operator's settings. Clients can query MaxPixels and MaxSide.
type Config struct {
	dialect.Config
	// MaxRequestBytes limits the body of a whole form, which is held in memory.
	// A form with one file of MaxBytes is always accepted.
	MaxRequestBytes int64
	// MaxFiles is how many images one request may hold.
	MaxFiles int
	// PreviewPrice is the price of a preview in credits.
	PreviewPrice int64
	// FilmBytes and FilmFrames limit a film; with 0 bytes none is taken. FilmPrice is in
	// credits for a megapixel, all frames together.
	FilmBytes, FilmFrames, FilmPrice int64
	// Retention is how long results and records are kept, as reported to
	// clients; it must match the queue's.
	Retention time.Duration
	// KeepAlive is the longest silence on an event stream.
	KeepAlive time.Duration
}

// Defaults suit a server that a few people share.
func Defaults() Config {
	return Config{
		Config:    dialect.Config{Price: 1, MaxBytes: 50 << 20},
		FilmBytes: 2 << 30, FilmFrames: 300_000, FilmPrice: 1,
		MaxRequestBytes: 256 << 20, MaxFiles: 50, Retention: 24 * time.Hour, KeepAlive: 15 * time.Second,
	}
}

// FilmValidator describes the film of a file, or returns a fault as
// job.ImageValidator does. Frames of the result is never less than the film's.
type FilmValidator interface {
	ValidateFilm(ctx context.Context, path string, o job.Options) (job.InputInfo, error)
	// TakesFilms reports whether films can be checked at all, without starting a process.
	TakesFilms() bool
}

// Jobs lists and watches jobs.
type Jobs interface {
	job.Lister
	job.Watcher
}

// Parts are the services that this API needs beyond those of all dialects.
type Parts struct {
	Jobs   Jobs
	System System
	// Films checks films, which are in files of Scratch then; nil takes none.
	Films   FilmValidator
	Scratch func() (*os.File, error)
	// Fetcher is nil if images cannot be given as URLs.
	Fetcher dialect.Fetcher
	// CheckWebhook validates the URL of a webhook; clients read its errors. nil
	// rejects all webhooks.
	CheckWebhook func(url string) error
	// Keys, Fleet and Models are for operators. Models is nil if this process runs no
	// models.
	Keys   Keys
	Fleet  Fleet
	Models ModelStore
	// Samples are small images, of which models make samples, by kind: "photo",
	// "drawing" and "film".
	Samples map[string][]byte
}

// API handles the routes below /api/v1.
type API struct {
	intake
	objects
	services dialect.Services
	config   Config
	parts    Parts
	store    modelStore
	previews previews
	streams  *dialect.Streams
}

// New returns the API on a server's services.
func New(services dialect.Services, config Config, parts Parts) *API {
	store := modelStore{services, parts, &pulls{all: map[string]*pull{}}}
	in := intake{services, config, parts}
	return &API{
		services: services, config: config, parts: parts, streams: services.NewStreams(parts.Jobs, maxStreams),
		store: store, previews: previews{in, store, &samples{made: map[string][]byte{}}},
		intake: in, objects: objects{services, config.Retention},
	}
}

// route is one call of this API.
type route struct {
	method, path string
	handler      echo.HandlerFunc
}

func (a *API) routes() []route {
	const one = root + "/jobs/:id"
	authenticated := a.services.Authenticated(key, a.WriteError)
	owned := func(next func(echo.Context, job.Job) error) echo.HandlerFunc {
		return authenticated(func(c echo.Context, caller job.Caller) error {
			j, err := a.owned(c, caller, c.Param("id"))
			if err != nil {
				return err
			}
			return next(c, j)
		})
	}
	return append(operator{a.services, a.parts, a.store}.routes(authenticated), []route{
		{http.MethodGet, root + "/system", a.system},
		{http.MethodGet, root + "/account", authenticated(a.account)},
		{http.MethodGet, root + "/models", authenticated(a.models)},
		{http.MethodGet, root + "/models/:name/sample", authenticated(a.previews.sample)},
		{http.MethodPost, root + "/preview", authenticated(a.previews.preview)},
		{http.MethodGet, root + "/devices", authenticated(a.devices)},
		{http.MethodPost, root + "/jobs", authenticated(a.submit)},
		{http.MethodGet, root + "/jobs", authenticated(a.list)},
		{http.MethodGet, one, owned(a.show)},
		{http.MethodDelete, one, owned(func(c echo.Context, j job.Job) error { return remove(c, a.services.Queue, j.ID) })},
		{http.MethodPost, one + "/cancel", owned(a.cancel)},
		{http.MethodGet, one + "/result", owned(a.result)},
		{http.MethodHead, one + "/result", owned(a.result)},
		{http.MethodGet, one + "/events", owned(a.watchOne)},
		{http.MethodGet, root + "/events", authenticated(a.watchMany)},
	}...)
}

// Routes registers every path, and answers all others below /api/v1/.
func (a *API) Routes(e *echo.Echo) {
	for _, r := range a.routes() {
		e.Add(r.method, r.path, r.handler)
	}
	e.RouteNotFound(root+"/*", a.NotFound)
}

// NotFound handles requests without a route. If the path exists with other
// methods, the response lists those.
func (a *API) NotFound(c echo.Context) error {
	var allowed []string
	for _, r := range a.routes() {
		if matches(r.path, c.Request().URL.Path) {
			allowed = append(allowed, r.method)
		}
	}
	if len(allowed) > 0 {
		c.Response().Header().Set(echo.HeaderAllow, strings.Join(allowed, ", "))
		return a.WriteError(c, withStatus{http.StatusMethodNotAllowed,
			fault.New(fault.Unsupported, "This address does not take the method %s.", c.Request().Method)})
	}
	return a.WriteError(c, fault.New(fault.NotFound, "There is nothing at this address."))
}

// matches reports whether a path matches a route's pattern.
func matches(pattern, path string) bool {
	want, got := strings.Split(pattern, "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return false
	}
	for i, part := range want {
		if part != got[i] && (!strings.HasPrefix(part, ":") || got[i] == "") {
			return false
		}
	}
	return true
}

// keyHeader carries the bare key for clients that cannot set Authorization.
const keyHeader = "X-API-Key"

func key(r *http.Request) string {
	if key := dialect.Bearer(r); key != "" {
		return key
	}
	return strings.TrimSpace(r.Header.Get(keyHeader))
}

var errNoJob error = fault.New(fault.NotFound, "There is no such job, or its result has expired.")

// owned returns a job of the caller.
func (a *API) owned(c echo.Context, caller job.Caller, id string) (job.Job, error) {
	if !IsID(id) {
		return job.Job{}, errNoJob
	}
	return a.services.Owned(c.Request().Context(), Name, caller, id)
}

func newID() string { return "up_" + dialect.Random(24) }

var idForm = regexp.MustCompile(`^up_[a-z0-9]{24}$`)

// IsID reports whether a text has the form of this API's job IDs.
func IsID(id string) bool { return idForm.MatchString(id) }
