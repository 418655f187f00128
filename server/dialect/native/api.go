// Package native speaks the server's own HTTP API below /api/v1: every option
// of the engine, live events and results, for the web page and for programs.
package native

import (
	"context"
	"net/http"
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
	// root is where all paths of this API begin.
	root = "/api/v1"
)

// Config is what an operator may set.
type Config struct {
	// Price of one picture in credits.
	Price int64
	// MaxBytes bounds one picture's file, in bytes.
	MaxBytes int64
	// MaxRequestBytes bounds the body of a whole form, which is held in
	// memory. A form with one file of MaxBytes always passes.
	MaxRequestBytes int64
	// MaxFiles is how many pictures one request may hold.
	MaxFiles int
	// MaxPixels and MaxSide bound an input picture, in pixels; with 0 only the
	// engine's own limit holds, and clients are told no other.
	MaxPixels int64
	MaxSide   int
	// Retention is how long results and records are kept; it is told only,
	// and has to be what the queue does.
	Retention time.Duration
	// KeepAlive is the longest silence on a stream of events.
	KeepAlive time.Duration
}

// Defaults suit a server that a few people share.
func Defaults() Config {
	return Config{
		Price: 1, MaxBytes: 50 << 20, MaxRequestBytes: 256 << 20, MaxFiles: 50,
		Retention: 24 * time.Hour, KeepAlive: 15 * time.Second,
	}
}

// Fetcher downloads a picture from a URL that a stranger named. Its faults'
// sentences are shown to that stranger: fault.Invalid for a URL that is not
// acceptable, fault.TooLarge and fault.FetchFailed.
type Fetcher interface {
	Fetch(ctx context.Context, url string) ([]byte, error)
}

// Follower tells of jobs over time.
type Follower interface {
	job.Lister
	job.Watcher
}

// Parts are what this API needs beyond what all dialects get.
type Parts struct {
	Jobs   Follower
	System System
	// Fetcher is nil where pictures are not fetched from URLs.
	Fetcher Fetcher
	// CheckWebhook judges the URL of a webhook; its faults' sentences are shown
	// to the caller. nil refuses all webhooks.
	CheckWebhook func(url string) error
}

// API answers the routes below /api/v1.
type API struct {
	services dialect.Services
	config   Config
	parts    Parts
}

// New works with what the server lends.
func New(host dialect.Services, config Config, parts Parts) *API {
	return &API{services: host, config: config, parts: parts}
}

// route is one call of this API.
type route struct {
	method, path string
	handler      echo.HandlerFunc
}

func (a *API) table() []route {
	const one = root + "/jobs/:id"
	return []route{
		{http.MethodGet, root + "/system", a.system},
		{http.MethodGet, root + "/account", a.account},
		{http.MethodGet, root + "/models", a.models},
		{http.MethodGet, root + "/devices", a.devices},
		{http.MethodPost, root + "/jobs", a.submit},
		{http.MethodGet, root + "/jobs", a.list},
		{http.MethodGet, one, a.show},
		{http.MethodDelete, one, a.cancel},
		{http.MethodPost, one + "/cancel", a.cancel},
		{http.MethodGet, one + "/result", a.result},
		{http.MethodHead, one + "/result", a.result},
		{http.MethodGet, one + "/events", a.watchOne},
		{http.MethodGet, root + "/events", a.watchMany},
	}
}

// Routes registers every path, and answers all others below /api/v1/.
func (a *API) Routes(e *echo.Echo) {
	for _, r := range a.table() {
		e.Add(r.method, r.path, r.handler)
	}
	e.RouteNotFound(root+"/*", a.NotFound)
}

// NotFound answers what has no route: a path that is known by another method
// is told so.
func (a *API) NotFound(c echo.Context) error {
	var allowed []string
	for _, r := range a.table() {
		if matches(r.path, c.Request().URL.Path) {
			allowed = append(allowed, r.method)
		}
	}
	if len(allowed) > 0 {
		c.Response().Header().Set(echo.HeaderAllow, strings.Join(allowed, ", "))
		return a.WriteError(c, answered{http.StatusMethodNotAllowed,
			fault.New(fault.Unsupported, "This address does not take the method %s.", c.Request().Method)})
	}
	return a.WriteError(c, fault.New(fault.NotFound, "There is nothing at this address."))
}

// matches says whether a path is one of a route's pattern.
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

func (a *API) authenticate(c echo.Context) (job.Caller, error) {
	key := dialect.Bearer(c.Request())
	if key == "" {
		key = strings.TrimSpace(c.Request().Header.Get(keyHeader))
	}
	return a.services.Auth.Authenticate(c.Request().Context(), key)
}

var errNoJob error = fault.New(fault.NotFound, "There is no such job, or its result has expired.")

// owned gives the job that a path names, if the caller may see it.
func (a *API) owned(c echo.Context, caller job.Caller, id string) (job.Job, error) {
	if !IsID(id) {
		return job.Job{}, errNoJob
	}
	return a.services.Owned(c.Request().Context(), Name, caller, id)
}

// found authenticates and gives the job that the request's path names.
func (a *API) found(c echo.Context) (job.Job, error) {
	caller, err := a.authenticate(c)
	if err != nil {
		return job.Job{}, err
	}
	return a.owned(c, caller, c.Param("id"))
}

func newID() string { return "up_" + dialect.Random(24) }

var idForm = regexp.MustCompile(`^up_[a-z0-9]{24}$`)

// IsID says whether a text has the form of this API's job IDs.
func IsID(id string) bool { return idForm.MatchString(id) }
