package native

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"

	"upscaled/engine/imagedata"
	"upscaled/server/dialect"
)

// System tells of the server's state. All methods may be called concurrently
// and often; they answer from memory or local disk.
type System interface {
	Status(ctx context.Context) (Status, error)
	// Models lists what jobs may name; none where this process cannot know.
	Models(ctx context.Context) ([]Model, error)
	// Devices lists what this process computes on; none on a node without a
	// worker.
	Devices(ctx context.Context) ([]Device, error)
}

// Status is the server's state now.
type Status struct {
	Version string
	// Ready says that work begins at once when there is room.
	Ready bool
	// Queued and Running count the jobs of all APIs and processes.
	Queued, Running int
	// DefaultModel is used where a job names none; "" where not known.
	DefaultModel string
	FaceRestorer FaceRestorer
}

// FaceRestorer is what enhances faces where a job names none. Refined says
// that Name is a super-resolution network, as no restorer is installed.
type FaceRestorer struct {
	Name    string `json:"name"`
	Refined bool   `json:"refined"`
}

// Model is a network that jobs may name.
type Model struct {
	Name    string `json:"name"`
	Summary string `json:"summary"`
	// Scale is output side / input side; 0 for face restorers.
	Scale     int  `json:"scale"`
	Installed bool `json:"installed"`
	Default   bool `json:"default"`
	// Denoise says that the option of that name has an effect.
	Denoise bool   `json:"denoise"`
	Licence string `json:"licence"`
	Origin  string `json:"origin"`
	// Faces marks face restorers: they are named as face_restorer.
	Faces bool `json:"faces"`
}

// Device is what networks run on.
type Device struct {
	Kind string `json:"kind"` // "cpu", "cuda", "tensorrt" or "webgpu"
	Name string `json:"name"`
	// MemoryBytes is the device's own memory, FreeBytes what is free of it
	// now; 0 where not known.
	MemoryBytes int64 `json:"memory_bytes"`
	FreeBytes   int64 `json:"free_bytes"`
	// Precision is "fp32", "fp16" or "bf16".
	Precision string `json:"precision"`
}

// SystemView answers GET /api/v1/system.
type SystemView struct {
	Name             string       `json:"name"`
	Version          string       `json:"version"`
	Authentication   bool         `json:"authentication"`
	Ready            bool         `json:"ready"`
	Limits           Limits       `json:"limits"`
	Formats          []string     `json:"formats"`
	Queue            QueueView    `json:"queue"`
	RetentionSeconds int64        `json:"retention_seconds"`
	DefaultModel     string       `json:"default_model"`
	FaceRestorer     FaceRestorer `json:"face_restorer"`
}

// Limits bound what one request may hold; a 0 is no bound of this API.
type Limits struct {
	MaxBytes        int64 `json:"max_bytes"`
	MaxPixels       int64 `json:"max_pixels"`
	MaxSide         int   `json:"max_side"`
	MaxFiles        int   `json:"max_files"`
	MaxRequestBytes int64 `json:"max_request_bytes"`
}

// QueueView counts the jobs of all callers.
type QueueView struct {
	Queued  int `json:"queued"`
	Running int `json:"running"`
}

// formats are those that results can have, in the order shown to users.
func formats() []string {
	return []string{string(imagedata.JPEG), string(imagedata.PNG), string(imagedata.WebP), string(imagedata.TIFF), string(imagedata.GIF)}
}

// system needs no key: it tells whether others do.
func (a *API) system(c echo.Context) error {
	guarded, err := a.services.Auth.Enabled(c.Request().Context())
	if err != nil {
		return a.WriteError(c, err)
	}
	now, err := a.parts.System.Status(c.Request().Context())
	if err != nil {
		return a.WriteError(c, err)
	}
	return dialect.JSON(c, http.StatusOK, SystemView{
		Name: "upscaled", Version: now.Version, Authentication: guarded, Ready: now.Ready,
		Limits:  Limits{a.config.MaxBytes, a.config.MaxPixels, a.config.MaxSide, a.config.MaxFiles, a.config.MaxRequestBytes},
		Formats: formats(), Queue: QueueView{now.Queued, now.Running},
		RetentionSeconds: int64(a.config.Retention.Seconds()), DefaultModel: now.DefaultModel, FaceRestorer: now.FaceRestorer,
	})
}

// AccountView answers GET /api/v1/account. Credits is null where nothing is
// charged.
type AccountView struct {
	Name    string `json:"name"`
	Credits *int64 `json:"credits"`
}

func (a *API) account(c echo.Context) error {
	caller, err := a.authenticate(c)
	if err != nil {
		return a.WriteError(c, err)
	}
	return dialect.JSON(c, http.StatusOK, AccountView{caller.Name, caller.Credits})
}

// ModelsView answers GET /api/v1/models.
type ModelsView struct {
	Models []Model `json:"models"`
}

func (a *API) models(c echo.Context) error {
	if _, err := a.authenticate(c); err != nil {
		return a.WriteError(c, err)
	}
	all, err := a.parts.System.Models(c.Request().Context())
	if err != nil {
		return a.WriteError(c, err)
	}
	return dialect.JSON(c, http.StatusOK, ModelsView{append([]Model{}, all...)}) // never null
}

// DevicesView answers GET /api/v1/devices.
type DevicesView struct {
	Devices []Device `json:"devices"`
}

func (a *API) devices(c echo.Context) error {
	if _, err := a.authenticate(c); err != nil {
		return a.WriteError(c, err)
	}
	all, err := a.parts.System.Devices(c.Request().Context())
	if err != nil {
		return a.WriteError(c, err)
	}
	return dialect.JSON(c, http.StatusOK, DevicesView{append([]Device{}, all...)}) // never null
}
