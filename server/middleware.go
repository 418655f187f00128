package server

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/dialect/automatic1111"
)

// requestID sets X-Request-Id on every response: the client's own if it is plain,
// so that its logs and ours can be joined.
func requestID(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		id := c.Request().Header.Get(echo.HeaderXRequestID)
		//guard:request-id TestRequestIDs => id == ""
		if !isPlain(id) {
			id = dialect.Random(20)
		}
		c.Response().Header().Set(echo.HeaderXRequestID, id)
		return next(c)
	}
}

// isPlain reports whether an ID is safe in headers and logs.
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

// accessLog logs one line per request, with its error if there was one. Nothing
// else logs requests.
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
			if dialect.Canceled(c) && !response.Committed { // a client that closed only its sending half reads this
				err = errors.Join(err, c.NoContent(statusClientLeft))
			}
			attributes := []any{
				"request_id", response.Header().Get(echo.HeaderXRequestID), "method", r.Method, "path", r.URL.Path,
				"status", response.Status, "bytes", response.Size, "seconds", time.Since(started).Seconds(), "client", c.RealIP(),
				"api", apiOf(c),
			}
			if account, jobs := requestInfoOf(r.Context()).snapshot(); account != "" || len(jobs) > 0 {
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

// recoverPanic turns a panic into an error of its request. It passes on
// http.ErrAbortHandler, as net/http requires.
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

// inert keeps a browser that opens a response as a page from loading or running
// anything in it; real pages have policies of their own.
const inert = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox"

// secure disables content sniffing, framing and referrers in browsers.
func secure(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		header := c.Response().Header()
		header.Set(echo.HeaderXContentTypeOptions, "nosniff")
		//guard:inert-answers TestAnswersAreLockedDown
		header.Set(echo.HeaderContentSecurityPolicy, inert)
		header.Set(echo.HeaderXFrameOptions, "DENY") // for browsers older than frame-ancestors
		header.Set(echo.HeaderReferrerPolicy, "no-referrer")
		return next(c)
	}
}

// trimSlash removes the trailing slash of an API's path: the vendors' servers
// accept both forms, so clients use either. Pages keep theirs.
func trimSlash(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		u := c.Request().URL
		short, cut := strings.CutSuffix(u.Path, "/")
		if cut && !strings.HasSuffix(strings.ToUpper(u.RawPath), "%2F") && isAPI(short) {
			u.Path, u.RawPath = short, strings.TrimSuffix(u.RawPath, "/")
		}
		return next(c)
	}
}

func isAPI(path string) bool {
	return slices.ContainsFunc([]string{"/v1/", "/v2beta/", "/api/", "/public/", "/job/", "/predictions/", automatic1111.Prefix + "/"},
		func(prefix string) bool { return strings.HasPrefix(path, prefix) })
}
