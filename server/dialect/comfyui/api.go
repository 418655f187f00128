// Package comfyui implements the API of ComfyUI for graphs that upscale images:
// clients upload an image, queue a graph of nodes, follow it on a WebSocket, and
// fetch the images that its output nodes saved.
//
// Each chain of nodes from a LoadImage to the nodes that save its result is one
// job, resized with the engine's filters. Transparency, 16 bits and color profiles
// are kept. History ends when results expire.
package comfyui

import (
	"cmp"
	"errors"
	"maps"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/job"
)

// Name is this dialect's name in job records.
const Name = "comfyui"

// Config holds the operator's settings. Price is for one image that a prompt makes.
type Config struct{ dialect.Config }

// Defaults leave room for images of a camera.
func Defaults() Config { return Config{dialect.Config{Price: 1, MaxBytes: 32 << 20}} }

// Stores are the services that this API needs beyond those of all dialects.
type Stores interface {
	job.Uploads
	job.Lister
	job.Watcher
}

// API handles the vendor's routes.
type API struct {
	services dialect.Services
	config   Config
	files    dialect.Files
	lister   job.Lister
	streams  *dialect.Streams
	classes  map[string]class
}

// New returns the API on a server's services.
func New(services dialect.Services, config Config, stores Stores) *API {
	const maxSockets = 100 // of a caller in one process
	return &API{services, config, dialect.Files{Services: services, Uploads: stores, API: Name}, stores, services.NewStreams(stores, maxSockets), classes(nil)}
}

// Routes registers the vendor's paths, each also below /api.
func (a *API) Routes(e *echo.Echo) {
	// As for the vendor's login extension: browsers can set no headers of WebSockets.
	key := func(r *http.Request) string { return cmp.Or(dialect.PasswordOrBearer(r), r.URL.Query().Get("token")) }
	authenticated := a.services.Authenticated(key, a.WriteError)
	for route, handler := range map[string]dialect.Handler{
		"POST /upload/image": a.upload, "GET /view": a.view, "POST /prompt": a.prompt, "GET /prompt": a.listed(statusOf),
		"GET /queue": a.listed(queueOf), "POST /queue": a.cancel(job.Queued), "POST /interrupt": a.cancel(job.Running),
		"GET /history": a.history, "GET /history/:id": a.history, "GET /ws": a.socket,
		"GET /object_info": a.objectInfo, "GET /object_info/:class": a.objectInfo, "GET /system_stats": systemStats,
	} {
		method, path, _ := strings.Cut(route, " ")
		e.Add(method, path, authenticated(handler))
		e.Add(method, "/api"+path, authenticated(handler))
	}
}

// Prefixes returns the beginnings of this API's paths.
func Prefixes() (all []string) {
	for _, path := range []string{"/upload", "/view", "/prompt", "/queue", "/interrupt", "/history", "/object_info", "/system_stats", "/ws"} {
		all = append(all, path, "/api"+path)
	}
	return all
}

// objectInfo handles GET object_info for all nodes, or one; none for unknown ones.
func (a *API) objectInfo(c echo.Context, _ job.Caller) error {
	models, err := a.services.Upscalers(c.Request().Context())
	all, asked := classes(models), c.Param("class")
	maps.DeleteFunc(all, func(name string, _ class) bool { return asked != "" && name != asked })
	return dialect.Reply(c, http.StatusOK, all, err)
}

// systemStats handles GET system_stats. It reveals nothing of the machine.
func systemStats(c echo.Context, _ job.Caller) error {
	return c.JSONBlob(http.StatusOK, []byte(`{"devices":[],"system":{"argv":[],"comfyui_version":"upscaled","embedded_python":false,"os":"posix",`+
		`"python_version":"","pytorch_version":"","ram_free":0,"ram_total":0}}`+"\n"))
}

// Problem is the vendor's object for a mistake in a prompt or a node.
type Problem struct {
	Type    string         `json:"type"`
	Message string         `json:"message"`
	Details string         `json:"details"`
	Extra   map[string]any `json:"extra_info"`
}

// NodeErrors are the problems of one node, which the Dependent output nodes need.
type NodeErrors struct {
	Errors    []Problem `json:"errors"`
	Dependent []string  `json:"dependent_outputs"`
	Class     string    `json:"class_type"`
}

// Refusal is the vendor's body of an error, and the error that leads to it.
type Refusal struct {
	Problem Problem                `json:"error"`
	Nodes   map[string]*NodeErrors `json:"node_errors"`
	status  int
}

func (r Refusal) Error() string { return r.Problem.Message }

func refusal(status int, kind, message string) Refusal {
	return Refusal{Problem{kind, message, "", map[string]any{}}, map[string]*NodeErrors{}, status}
}

// WriteError writes any error as a Refusal.
func (a *API) WriteError(c echo.Context, err error) error {
	if r, ok := errors.AsType[Refusal](err); ok {
		return dialect.WriteError(c, r.status, r, err)
	}
	status, message := dialect.Answer(err)
	kind := cmp.Or(map[int]string{http.StatusBadRequest: "invalid_request", http.StatusMethodNotAllowed: "method_not_allowed"}[status], string(fault.KindOf(err)))
	switch fault.KindOf(err) {
	case fault.Unauthorized, fault.Disabled:
		kind, message = "unauthorized", "Authentication required."
	case fault.NoCredits:
		message = "There are not enough credits for this prompt."
	case fault.NotFound:
		message = "There is nothing at this address."
	case fault.TooLarge:
		status, kind, message = http.StatusRequestEntityTooLarge, "too_large", "The request or its result would be too large."
	}
	if status == http.StatusInternalServerError {
		kind, message = "internal", "The request failed because of an error of the server."
	}
	return dialect.WriteError(c, status, refusal(status, kind, message), err)
}
