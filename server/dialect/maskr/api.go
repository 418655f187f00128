// Package maskr implements the HTTP API of maskr.io's image upscaling:
// synchronous calls for one image or a batch, with FastAPI's validation errors.
package maskr

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/job"
	"upscaled/server/upload"
)

// apiName is this dialect's name in job records.
const apiName = "maskr"

// Config holds the operator's settings.
type Config struct {
	dialect.Config
	// MaxBatch is how many files one batch may hold.
	MaxBatch int
	// MaxBatchBytes limits the body of a whole request, which is held in
	// memory. A body with one file of MaxBytes is always accepted.
	MaxBatchBytes int64
	// BatchParallel is how many items of one batch run at once, at least 1.
	BatchParallel int
}

// Defaults returns the vendor's own limits and price; it documents none for a
// batch's bytes and parallel items.
func Defaults() Config {
	return Config{Config: dialect.Config{Price: 5, MaxBytes: 50 << 20}, MaxBatch: 50, MaxBatchBytes: 256 << 20, BatchParallel: 4}
}

// API handles the vendor's routes.
type API struct {
	services dialect.Services
	config   Config
}

// New returns the API on a server's services.
func New(services dialect.Services, config Config) *API { return &API{services, config} }

// Routes registers the vendor's paths. GET /v1/jobs is an addition: the vendor
// has no call for images that take longer than a call may wait.
func (a *API) Routes(e *echo.Echo) {
	authenticated := a.services.Authenticated(dialect.Bearer, writeError)
	e.POST("/v1/services/image-upscaling", authenticated(a.upscale))
	e.POST("/v1/services/image-upscaling/batch", authenticated(a.batch))
	e.GET("/v1/jobs/:job_id", authenticated(a.job))
}

// upscale handles the call for one image.
func (a *API) upscale(c echo.Context, caller job.Caller) error {
	file, options, err := a.readSingle(c)
	if err != nil {
		return err
	}
	spec := a.template(caller, options).named(file.Name)
	if spec.Input, err = a.check(c.Request().Context(), file, options); err != nil {
		return err
	}
	done, err := a.services.Run(c.Request().Context(), spec, file.Data)
	if err == nil {
		err = inputError(done)
	}
	if err != nil {
		return err
	}
	return dialect.JSON(c, http.StatusOK, envelope(a.result(c, started(done))))
}

// started returns a job as calls that wait report it: past the wait limit the
// vendor says "processing" even of a queued job.
func started(j job.Job) job.Job {
	if j.State == job.Queued {
		j.State = job.Running
	}
	return j
}

// inputError returns the error of an image that only the worker found to be
// broken, or nil.
func inputError(j job.Job) error {
	if j.State == job.Failed && j.Failure != nil && (j.Failure.Kind == fault.Invalid || j.Failure.Kind == fault.Unsupported) {
		return unreadable(j.Failure.Kind)
	}
	return nil
}

// batch handles the call for many images; see the type batch.
func (a *API) batch(c echo.Context, caller job.Caller) error {
	files, options, err := a.readBatch(c)
	if err != nil {
		return err
	}
	b := newBatch(a.services, a.config.BatchParallel, len(files))
	check := func(ctx context.Context, file upload.File) (job.InputInfo, error) { return a.check(ctx, file, options) }
	err = b.run(c.Request().Context(), files, check, a.template(caller, options))
	if err != nil || dialect.Canceled(c) {
		return err
	}
	if err := b.defect(); err != nil {
		dialect.Record(c, err)
	}
	results := make([]Result, 0, len(b.items))
	for _, item := range b.items {
		if item.err != nil {
			results = append(results, rejected(item.job.Spec, item.err))
		} else {
			results = append(results, a.result(c, started(item.job)))
		}
	}
	return dialect.JSON(c, http.StatusOK, summary(newID(), results))
}

// job returns the status of a single call or of one item of a batch.
func (a *API) job(c echo.Context, caller job.Caller) error {
	j, err := a.services.Owned(c.Request().Context(), apiName, caller, c.Param("job_id"))
	if err != nil {
		return err
	}
	return dialect.JSON(c, http.StatusOK, envelope(a.result(c, j)))
}

// result adds the signed URL, which needs the request's own host.
func (a *API) result(c echo.Context, j job.Job) Result {
	return resultOf(j, a.services.ResultURL(a.services.BaseURL(c.Request()), j))
}

// WriteFileError answers /v1/files/{id} for results of this dialect: genuine
// means that the signature was valid and the result is gone.
func (a *API) WriteFileError(c echo.Context, genuine bool) error {
	if genuine {
		return dialect.JSON(c, http.StatusNotFound, dialect.ErrorDetail{Detail: "File not found"})
	}
	return dialect.JSON(c, http.StatusForbidden, dialect.ErrorDetail{Detail: "Invalid or expired signature"})
}
