// Package comfyui implements the API of ComfyUI for graphs that upscale images:
// clients upload an image, queue a graph of nodes, follow it on a WebSocket, and
// fetch what its output nodes saved.
//
// Each chain of nodes from a LoadImage to the nodes that save its result is one
// job, resized with the engine's filters. Transparency, 16 bits and color profiles
// are kept. History ends when results expire.
package comfyui

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"upscaled/server/dialect"
	"upscaled/server/job"
)

// Name is this dialect's name in job records.
const Name = "comfyui"

// Config holds the operator's settings. Price is for one image that a prompt makes.
type Config struct{ dialect.Config }

// Defaults leave room for images of a camera.
func Defaults() Config { return Config{dialect.Config{Price: 1, MaxBytes: 32 << 20}} }

// Stores are what this API needs beyond the services that all dialects get.
type Stores struct {
	Uploads job.Uploads
	Lister  job.Lister
	Watcher job.Watcher
}

// API handles the vendor's routes.
type API struct {
	prompts
	sockets sockets
}

// New returns the API on a server's services.
func New(services dialect.Services, config Config, stores Stores) *API {
	return &API{prompts: prompts{files{services, config, stores}}, sockets: sockets{open: map[string]*room{}}}
}

// Routes registers the vendor's paths, each also below /api.
func (a *API) Routes(e *echo.Echo) {
	authenticated := a.services.Authenticated(key, a.WriteError)
	for _, prefix := range []string{"", "/api"} {
		for path, handler := range map[string]dialect.Handler{
			"/view": a.view, "/prompt": a.listed(statusOf), "/queue": a.listed(queueOf), "/history": a.history, "/history/:id": a.history, "/ws": a.socket,
			"/object_info": a.objectInfo, "/object_info/:class": a.objectInfo, "/system_stats": a.systemStats,
		} {
			e.GET(prefix+path, authenticated(handler))
		}
		for path, handler := range map[string]dialect.Handler{
			"/upload/image": a.upload, "/prompt": a.prompt, "/queue": a.cancel(job.Queued), "/interrupt": a.cancel(job.Running),
		} {
			e.POST(prefix+path, authenticated(handler))
		}
	}
}

// Prefixes returns the beginnings of this API's paths.
func Prefixes() (all []string) {
	for _, path := range []string{"/upload", "/view", "/prompt", "/queue", "/interrupt", "/history", "/object_info", "/system_stats", "/ws"} {
		all = append(all, path, "/api"+path)
	}
	return all
}

// key returns a bearer token, the password of HTTP Basic, or the parameter token,
// as for the vendor's login extension: browsers can set no headers of WebSockets.
func key(r *http.Request) string {
	if _, password, basic := r.BasicAuth(); basic {
		return password
	}
	if key := dialect.Bearer(r); key != "" {
		return key
	}
	return r.URL.Query().Get("token")
}

// objectInfo handles GET object_info for all nodes, or one; none for unknown ones.
func (a *API) objectInfo(c echo.Context, _ job.Caller) error {
	models, err := a.services.Upscalers(c.Request().Context())
	if err != nil {
		return err
	}
	all := classes(models)
	if name := c.Param("class"); name != "" {
		one, known := all[name]
		if all = map[string]class{}; known {
			all[name] = one
		}
	}
	return dialect.JSON(c, http.StatusOK, all)
}

// systemStats handles GET system_stats. It reveals nothing of the machine.
func (a *API) systemStats(c echo.Context, _ job.Caller) error {
	return dialect.JSON(c, http.StatusOK, map[string]any{"devices": []any{}, "system": map[string]any{
		"os": "posix", "comfyui_version": "upscaled", "python_version": "", "pytorch_version": "", "embedded_python": false,
		"argv": []string{}, "ram_total": 0, "ram_free": 0,
	}})
}
