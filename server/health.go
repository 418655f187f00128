package server

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

// health is the body of both health endpoints.
type health struct {
	Status string `json:"status"`
	Reason string `json:"reason,omitempty"`
}

// healthz reports that the process responds; it never waits for anything.
func (s *Server) healthz(c echo.Context) error { return c.JSON(http.StatusOK, health{Status: "ok"}) }

// readyz reports whether to send new work here: not while models load, the queue
// is unreachable or the server shuts down.
func (s *Server) readyz(c echo.Context) error {
	if s.isStopping() {
		return c.JSON(http.StatusServiceUnavailable, health{Status: "unavailable", Reason: "stopping"})
	}
	if s.parts.Ready != nil {
		if err := s.parts.Ready(c.Request().Context()); err != nil {
			return c.JSON(http.StatusServiceUnavailable, health{Status: "unavailable", Reason: err.Error()})
		}
	}
	return c.JSON(http.StatusOK, health{Status: "ok"})
}
