package server

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/labstack/echo/v4"

	"upscaled/engine/fault"
	"upscaled/server/dialect"
)

// requestID gives every response an X-Request-Id: the client's own where it
// sends a plain one, so that its logs and ours can be joined.
func requestID(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		id := c.Request().Header.Get(echo.HeaderXRequestID)
		if !isPlain(id) {
			id = dialect.Random(20)
		}
		c.Response().Header().Set(echo.HeaderXRequestID, id)
		return next(c)
	}
}

// isPlain says whether an ID can go into headers and logs as it is.
func isPlain(id string) bool {
	const longest = 64
	for _, r := range id {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (r < '0' || r > '9') && r != '-' && r != '_' && r != '.' {
			return false
		}
	}
	return id != "" && len(id) <= longest
}

// accessLog writes one line a request, with the error that was answered where
// there was one. It is the only place that logs what requests did.
func accessLog(log *slog.Logger) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			started := time.Now()
			err := next(c)
			if err != nil {
				c.Error(err)
			} else {
				err = dialect.Recorded(c)
			}
			r, response := c.Request(), c.Response()
			attributes := []any{
				"request_id", response.Header().Get(echo.HeaderXRequestID), "method", r.Method, "path", r.URL.Path,
				"status", response.Status, "bytes", response.Size, "seconds", time.Since(started).Seconds(), "client", c.RealIP(),
				"api", apiOf(c),
			}
			if account, jobs := visited(r.Context()).seen(); account != "" || len(jobs) > 0 {
				attributes = append(attributes, "account", account, "jobs", jobs)
			}
			switch {
			case dialect.Canceled(c):
				log.Info("request", append(attributes, "outcome", "client went away")...)
			case response.Status >= http.StatusInternalServerError && fault.KindOf(err) != fault.Busy && err != nil:
				log.Error("request", append(attributes, "error", err.Error())...)
			default:
				log.Info("request", attributes...)
			}
			return nil
		}
	}
}

// recoverPanic makes a panic an error of its request. The connection of an
// aborted response stays aborted, as net/http wants it.
func recoverPanic(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			cause := recover()
			if cause == nil {
				return
			}
			if failure, ok := cause.(error); ok && errors.Is(failure, http.ErrAbortHandler) {
				panic(cause)
			}
			err = fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
		}()
		return next(c)
	}
}

const (
	// drainBytes and drainLimit bound what is read of a refused upload.
	drainBytes = 64 << 20
	drainLimit = 10 * time.Second
)

// drain reads what a refused request still sends: most clients look for the
// answer only after they have sent everything, and see a broken connection
// where the server closes it before. Clients that ask first whether to send
// (Expect: 100-continue) are answered before they do.
func drain(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		err := next(c)
		r, status := c.Request(), c.Response().Status
		if (err != nil || status >= http.StatusBadRequest) && r.Header.Get("Expect") == "" && r.Context().Err() == nil {
			_ = http.NewResponseController(c.Response()).SetReadDeadline(time.Now().Add(drainLimit)) // test recorders have none
			_, _ = io.CopyN(io.Discard, r.Body, drainBytes)                                          // what fails was of no use anyway
		}
		return err
	}
}

// secure sets headers that keep browsers from guessing.
func secure(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		c.Response().Header().Set(echo.HeaderXContentTypeOptions, "nosniff")
		return next(c)
	}
}
