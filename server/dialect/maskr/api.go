// Package maskr speaks the HTTP API of maskr.io's image upscaling: synchronous
// calls for one picture or a batch, and FastAPI's form of validation errors.
package maskr

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/job"
	"upscaled/server/upload"
)

// apiName is this dialect's name in job records.
const apiName = "maskr"

// Config is what an operator may set.
type Config struct {
	// Price of one picture in credits.
	Price int64
	// MaxBytes bounds one uploaded file.
	MaxBytes int64
	// MaxPixels and MaxSide bound an input picture, in pixels; with 0 only the
	// engine's own limit holds.
	MaxPixels int64
	MaxSide   int
	// MaxBatch is how many files one batch may hold.
	MaxBatch int
	// MaxBatchBytes bounds the body of a whole request, which is held in
	// memory. A body with one file of MaxBytes always passes.
	MaxBatchBytes int64
	// BatchParallel is how many items of one batch run at once, at least 1.
	BatchParallel int
}

// Defaults are the vendor's own limits and price; the vendor tells none for a
// batch's bytes and parallel items.
func Defaults() Config {
	return Config{Price: 5, MaxBytes: 50 << 20, MaxBatch: 50, MaxBatchBytes: 256 << 20, BatchParallel: 4}
}

// API answers the vendor's routes.
type API struct {
	services dialect.Services
	config   Config
}

// New works with what the server lends.
func New(host dialect.Services, config Config) *API { return &API{services: host, config: config} }

// Routes registers the vendor's paths. GET /v1/jobs is ours: the vendor names
// none for pictures that take longer than a call may wait.
func (a *API) Routes(e *echo.Echo) {
	e.POST("/v1/services/image-upscaling", a.Upscale)
	e.POST("/v1/services/image-upscaling/batch", a.Batch)
	e.GET("/v1/jobs/:job_id", a.Job)
}

func (a *API) authenticate(c echo.Context) (job.Caller, error) {
	return a.services.Auth.Authenticate(c.Request().Context(), dialect.Bearer(c.Request()))
}

// Upscale answers the call for one picture.
func (a *API) Upscale(c echo.Context) error {
	caller, err := a.authenticate(c)
	if err != nil {
		return a.refuse(c, err)
	}
	file, options, err := a.readSingle(c)
	if err == nil {
		err = a.check(file, options)
	}
	if err != nil {
		return a.refuse(c, err)
	}
	done, err := a.services.Run(c.Request().Context(), a.order(caller, options).named(file.Name), file.Data)
	if err == nil {
		err = blamed(done)
	}
	if err != nil {
		return a.refuse(c, err)
	}
	return dialect.JSON(c, http.StatusOK, envelope(a.result(c, waitedFor(done))))
}

// waitedFor is a job as calls that wait tell of it: past the wait limit
// wire.md has them say "processing", even of what is still queued.
func waitedFor(j job.Job) job.Job {
	if j.State == job.Queued {
		j.State = job.Running
	}
	return j
}

// blamed is the refusal of a picture that turned out to be broken only when it
// was decoded, or nil.
func blamed(j job.Job) error {
	if j.State != job.Failed || j.Failure == nil {
		return nil
	}
	switch j.Failure.Kind {
	case fault.Invalid, fault.Unsupported:
		return unreadable(j.Failure.Kind)
	}
	return nil
}

// Batch answers the call for many pictures; see batch for how they run.
func (a *API) Batch(c echo.Context) error {
	caller, err := a.authenticate(c)
	if err != nil {
		return a.refuse(c, err)
	}
	files, options, err := a.readBatch(c)
	if err != nil {
		return a.refuse(c, err)
	}
	b := newBatch(a.services, a.config.BatchParallel, len(files))
	check := func(file upload.File) error { return a.check(file, options) }
	err = b.run(c.Request().Context(), files, check, a.order(caller, options))
	if err != nil || dialect.Canceled(c) {
		return a.refuse(c, err)
	}
	if err := b.defect(); err != nil {
		dialect.Record(c, err)
	}
	results := make([]Result, 0, len(b.items))
	for _, item := range b.items {
		if item.err != nil {
			results = append(results, rejected(item.job.Spec, item.err))
		} else {
			results = append(results, a.result(c, waitedFor(item.job)))
		}
	}
	return dialect.JSON(c, http.StatusOK, summary(newID(), results))
}

// Job answers what became of a single call or of one item of a batch.
func (a *API) Job(c echo.Context) error {
	caller, err := a.authenticate(c)
	if err != nil {
		return a.refuse(c, err)
	}
	j, err := a.services.Owned(c.Request().Context(), apiName, caller, c.Param("job_id"))
	if err != nil {
		return a.refuse(c, err)
	}
	return dialect.JSON(c, http.StatusOK, envelope(a.result(c, j)))
}

// result adds the signed URL, which needs the request's own host.
func (a *API) result(c echo.Context, j job.Job) Result {
	url := ""
	if j.State == job.Succeeded {
		url = a.services.ResultURL(c.Request(), j)
	}
	return resultOf(j, url)
}

// WriteFileError answers /v1/files/{id} for results of this dialect: genuine says
// that the signature was right and the result is gone.
func (a *API) WriteFileError(c echo.Context, genuine bool) error {
	if genuine {
		return dialect.JSON(c, http.StatusNotFound, ErrorBody{"File not found"})
	}
	return dialect.JSON(c, http.StatusForbidden, ErrorBody{"Invalid or expired signature"})
}
