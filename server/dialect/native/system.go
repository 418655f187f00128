package native

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"

	"upscaled/engine/imagedata"
	"upscaled/server/dialect"
	"upscaled/server/job"
)

// System reports the server's state, from memory or local disk. Its methods may
// be called concurrently and often.
type System interface {
	Status(ctx context.Context) (Status, error)
	// Models lists the models that jobs may name; none if this process cannot
	// know them.
	Models(ctx context.Context) ([]Model, error)
	// Devices lists the devices of this process; none on a node without a
	// worker.
	Devices(ctx context.Context) ([]Device, error)
}

// Status is the server's current state.
type Status struct {
	Version string
	// Ready means that a job can start as soon as there is capacity.
	Ready bool
	// Queued and Running count the jobs of all APIs and processes.
	Queued, Running int
	// DefaultModel is used if a job names none; "" if unknown.
	DefaultModel string
	FaceRestorer FaceRestorer
}

// FaceRestorer enhances faces if a job names none. Refined means that Name is a
// super-resolution model, as no restorer is installed.
type FaceRestorer struct {
	Name    string `json:"name"`
	Refined bool   `json:"refined"`
}

// Model is a model that jobs may name.
type Model struct {
	job.Model
	Default bool `json:"default"`
	// Installing is the download in progress, Error why the last one failed.
	Installing *Installing `json:"installing,omitempty"`
	Error      *Failure    `json:"error,omitempty"`
}

// Device is a device that models run on.
type Device struct {
	Kind string `json:"kind"` // such as "cpu", "cuda" or "webgpu"
	Name string `json:"name"`
	// MemoryBytes is the device's own memory and FreeBytes its free part; 0 if
	// unknown.
	MemoryBytes int64 `json:"memory_bytes"`
	FreeBytes   int64 `json:"free_bytes"`
	// Precision is "fp32", "fp16" or "bf16".
	Precision string `json:"precision"`
}

// SystemView is the response of GET /api/v1/system.
type SystemView struct {
	Name             string       `json:"name"`
	Version          string       `json:"version"`
	Authentication   bool         `json:"authentication"`
	Ready            bool         `json:"ready"`
	Limits           Limits       `json:"limits"`
	Formats          []string     `json:"formats"`
	InputFormats     []string     `json:"input_formats"`
	Queue            QueueView    `json:"queue"`
	RetentionSeconds int64        `json:"retention_seconds"`
	DefaultModel     string       `json:"default_model"`
	FaceRestorer     FaceRestorer `json:"face_restorer"`
}

// Limits limit one request; 0 means no limit of this API.
type Limits struct {
	MaxBytes        int64 `json:"max_bytes"`
	MaxPixels       int64 `json:"max_pixels"`
	MaxSide         int   `json:"max_side"`
	MaxFiles        int   `json:"max_files"`
	MaxRequestBytes int64 `json:"max_request_bytes"`
	// FilmBytes is 0 if films are not taken.
	FilmBytes int64 `json:"film_bytes,omitempty"`
}

// QueueView counts the jobs of all callers.
type QueueView struct {
	Queued  int `json:"queued"`
	Running int `json:"running"`
}

// formats returns the formats of results, in the order shown to users.
func formats() []string { return texts(imagedata.Outputs()) }

func texts(formats []imagedata.Format) []string {
	var all []string
	for _, f := range formats {
		all = append(all, string(f))
	}
	return all
}

// system needs no key: it reports whether other calls do.
func (a *API) system(c echo.Context) error {
	keyed, err := a.services.Auth.Enabled(c.Request().Context())
	if err != nil {
		return a.WriteError(c, err)
	}
	now, err := a.parts.System.Status(c.Request().Context())
	if err != nil {
		return a.WriteError(c, err)
	}
	most := Limits{a.config.MaxBytes, a.config.MaxPixels, a.config.MaxSide, a.config.MaxFiles, a.config.MaxRequestBytes, 0}
	if a.takesFilms() && a.parts.Films.TakesFilms() {
		most.FilmBytes = a.config.FilmBytes
	}
	return dialect.JSON(c, http.StatusOK, SystemView{
		Name: "upscaled", Version: now.Version, Authentication: keyed, Ready: now.Ready,
		Limits:  most,
		Formats: formats(), InputFormats: texts(imagedata.Formats()), Queue: QueueView{now.Queued, now.Running},
		RetentionSeconds: int64(a.config.Retention.Seconds()), DefaultModel: now.DefaultModel, FaceRestorer: now.FaceRestorer,
	})
}

// AccountView is the response of GET /api/v1/account. Credits is null if nothing
// is charged.
type AccountView struct {
	Name    string `json:"name"`
	Credits *int64 `json:"credits"`
}

func (a *API) account(c echo.Context, caller job.Caller) error {
	return dialect.JSON(c, http.StatusOK, AccountView{caller.Name, caller.Credits})
}

// ModelsView is the response of GET /api/v1/models.
type ModelsView struct {
	Models []Model `json:"models"`
	// Changeable means that the caller can install and remove models here.
	Changeable bool `json:"changeable,omitempty"`
}

func (a *API) models(c echo.Context, caller job.Caller) error {
	all, err := a.store.list(c.Request().Context())
	return dialect.Reply(c, http.StatusOK, ModelsView{all, caller.Operator && a.parts.Models != nil}, err)
}

// DevicesView is the response of GET /api/v1/devices.
type DevicesView struct {
	Devices []Device `json:"devices"`
}

func (a *API) devices(c echo.Context, _ job.Caller) error {
	all, err := a.parts.System.Devices(c.Request().Context())
	return dialect.Reply(c, http.StatusOK, DevicesView{append([]Device{}, all...)}, err) // never null
}
