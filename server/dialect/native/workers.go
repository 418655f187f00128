package native

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"

	"upscaled/server/dialect"
	"upscaled/server/job"
)

// Fleet is all workers and jobs of the queue; package queue implements it.
type Fleet interface {
	Workers(ctx context.Context) ([]job.Worker, error)
	Drain(ctx context.Context, name string, on bool) (job.Worker, error)
	job.Operator
}

// WorkersView is the response of GET /api/v1/workers.
type WorkersView struct {
	Workers []job.Worker `json:"workers"`
}

func (o operator) listWorkers(c echo.Context) error {
	all, err := o.parts.Fleet.Workers(c.Request().Context())
	return dialect.Reply(c, http.StatusOK, WorkersView{all}, err)
}

func (o operator) drain(c echo.Context, on bool) error {
	w, err := o.parts.Fleet.Drain(c.Request().Context(), c.Param("name"), on)
	return dialect.Reply(c, http.StatusOK, w, err)
}
