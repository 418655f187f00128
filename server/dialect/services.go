// Package dialect holds the common parts of all vendors' HTTP APIs: reading
// requests, validating input images, waiting for jobs and writing responses.
// Each vendor's wire format lives in a package below this one, with wire types,
// pure conversions and thin routes.
package dialect

import (
	"context"
	"errors"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"upscaled/engine/imagedata"
	"upscaled/models"
	"upscaled/models/fault"
	"upscaled/server/job"
)

// Links makes signed URLs of results.
type Links interface {
	// URL returns the URL of a succeeded job's result below a base URL.
	URL(base string, j job.Job) string
}

// Services are the server's services for every dialect.
type Services struct {
	Queue     job.Queue
	Auth      job.Authenticator
	Validator job.ImageValidator
	Links     Links
	// BaseURL returns the scheme and host by which the client reached the
	// server, without a trailing slash.
	BaseURL func(*http.Request) string
	// Retention is how long a finished job can be queried, so that its status
	// expires together with its image; 0 leaves that to the queue.
	Retention time.Duration
	// WaitLimit is how long a synchronous call waits for its job.
	WaitLimit time.Duration
	// Stopping is closed when the server shuts down: calls then give up queued
	// jobs but still wait for running ones. nil means never.
	Stopping <-chan struct{}
	// Faces reports why faces cannot be enhanced; nil leaves that check to the
	// worker.
	Faces func(context.Context) error
	// Models lists the models that jobs may name. It is nil, or lists none, if this
	// process cannot know them.
	Models func(context.Context) ([]Model, error)
	// Now is the clock.
	Now func() time.Time
}

// Model is a model that jobs may name.
type Model struct {
	Name string
	// Scale is output side / input side; 0 for face restorers.
	Scale int
}

// Upscalers returns the models other than face restorers. Those that are not
// installed are downloaded when a job needs them.
func (s Services) Upscalers(ctx context.Context) ([]Model, error) {
	if s.Models == nil {
		return nil, nil
	}
	all, err := s.Models(ctx)
	return slices.DeleteFunc(all, func(m Model) bool { return m.Scale == 0 }), err
}

// FindModel returns the model of a name, or of its file's name with or without folder
// and extension; an unknown one has only a name. Case, spaces and punctuation do not
// matter.
func FindModel(all []Model, name string) (m Model, known bool) {
	base := path.Base(strings.ReplaceAll(name, `\`, "/"))
	stem := strings.TrimSuffix(base, path.Ext(base))
	at := slices.IndexFunc(all, func(m Model) bool { return models.SameName(m.Name, stem) || models.SameName(m.Name, base) })
	if at < 0 {
		return Model{Name: stem}, false
	}
	return all[at], true
}

// Config holds the settings that every API has.
type Config struct {
	// Price of one image in credits.
	Price int64
	// MaxBytes limits the file of one input image.
	MaxBytes int64
	// MaxPixels and MaxSide limit an input image, in pixels; 0 leaves only the
	// server's own limits.
	MaxPixels int64
	MaxSide   int
	// Model is the model of requests, if they cannot name one; "" is the server's
	// default.
	Model string
}

// Handler handles the request of an authenticated caller.
type Handler func(c echo.Context, caller job.Caller) error

// Authenticated returns a wrapper that authenticates the key of each request
// and writes every error that the handler returns before it responds.
func (s Services) Authenticated(key func(*http.Request) string, writeError func(echo.Context, error) error) func(Handler) echo.HandlerFunc {
	return func(next Handler) echo.HandlerFunc {
		return func(c echo.Context) error {
			caller, err := s.Auth.Authenticate(c.Request().Context(), key(c.Request()))
			if err == nil {
				err = next(c, caller)
			}
			if err == nil || c.Response().Committed {
				return err
			}
			return writeError(c, err)
		}
	}
}

// ResultURL returns the URL of a succeeded job's image, "" for other jobs; it needs no
// key.
func (s Services) ResultURL(base string, j job.Job) string {
	if j.State != job.Succeeded {
		return ""
	}
	return s.Links.URL(base, j)
}

// NamedURL is like ResultURL, with a file name at the end of the path: clients
// name downloads by it.
func (s Services) NamedURL(base string, j job.Job, stem string) string {
	path, query, succeeded := strings.Cut(s.ResultURL(base, j), "?")
	if !succeeded {
		return ""
	}
	return path + "/" + stem + imagedata.Format(j.Result.Format).Extension() + "?" + query
}

// Owned returns a job of this API that belongs to the caller. Unknown jobs, expired
// ones and other callers' are all fault.NotFound.
func (s Services) Owned(ctx context.Context, api string, caller job.Caller, id string) (job.Job, error) {
	j, err := s.Queue.Get(ctx, id)
	expired := s.Retention > 0 && j.State.Final() && s.Now().Sub(j.Finished) >= s.Retention
	//guard:job-owner TestOwned TestOneKeySeesNothingOfAnother TestInputsOfAnother => fault.KindOf(err) == fault.NotFound || err == nil && (j.API != api || expired)
	if fault.KindOf(err) == fault.NotFound || err == nil && (j.API != api || j.Account != caller.ID || expired) {
		return job.Job{}, fault.New(fault.NotFound, "There is no such job, or its result has expired.")
	}
	return j, err
}

// ErrFaces means that face enhancement is not available.
var ErrFaces = errors.New("face enhancement is not available")

// CheckFaces returns ErrFaces if the server has no face restorer and no
// substitute for one.
func (s Services) CheckFaces(ctx context.Context) error {
	if s.Faces == nil {
		return nil
	}
	err := s.Faces(ctx)
	switch fault.KindOf(err) {
	case fault.ModelMissing, fault.NotFound, fault.Unsupported:
		return ErrFaces
	}
	return err
}
