package dialect

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/account"
	"upscaled/server/job"
)

// JSON writes a response body without HTML escapes, so that URLs stay readable.
// It keeps a content type that was set before, such as that of RFC 9457.
func JSON(c echo.Context, status int, body any) error {
	if header := c.Response().Header(); header.Get(echo.HeaderContentType) == "" {
		header.Set(echo.HeaderContentType, echo.MIMEApplicationJSON)
	}
	c.Response().WriteHeader(status)
	return encode(c.Response(), body)
}

// Marshal returns a body as JSON writes it: one line with a line feed.
func Marshal(body any) ([]byte, error) {
	var text bytes.Buffer
	err := encode(&text, body)
	return text.Bytes(), err
}

func encode(w io.Writer, body any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(body)
}

// WriteError writes an error in a dialect's own form, with the headers that HTTP
// demands. It records internal errors for the access log, and writes nothing to
// a client that has disconnected.
func WriteError(c echo.Context, status int, body any, err error) error {
	if Canceled(c) {
		return nil
	}
	header := c.Response().Header()
	switch status {
	case http.StatusUnauthorized:
		if header.Get(echo.HeaderWWWAuthenticate) == "" {
			header.Set(echo.HeaderWWWAuthenticate, "Bearer") // RFC 9110 demands one
		}
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		//guard:retry-after TestMnmlErrors
		header.Set(echo.HeaderRetryAfter, strconv.Itoa(RetryAfter(err)))
	case http.StatusInternalServerError:
		Record(c, err)
	}
	return JSON(c, status, body)
}

// retrySoon is the advice to callers if nothing better is known.
const retrySoon = 5 * time.Second

// RetryAfter returns how many whole seconds the caller of a busy or rate-limited
// request should wait, at least 1.
func RetryAfter(err error) int {
	wait := retrySoon
	var limited *account.RetryAfter
	if errors.As(err, &limited) {
		wait = limited.Wait
	}
	return max(1, int((wait+time.Second-1)/time.Second))
}

// errorKey is where a handler leaves an error for the access log.
const errorKey = "upscaled.error"

// Record passes an error that was already answered to the access log.
func Record(c echo.Context, err error) { c.Set(errorKey, err) }

// Recorded returns the error passed to Record during this request, or nil.
func Recorded(c echo.Context) error {
	err, _ := c.Get(errorKey).(error)
	return err
}

// Canceled reports whether the client has disconnected.
func Canceled(c echo.Context) bool { return c.Request().Context().Err() != nil }

// SetFaceHeader names the model that enhanced the faces of a succeeded job's
// image, if one did.
func SetFaceHeader(header http.Header, j job.Job) {
	if j.Result == nil {
		return
	}
	if restorer := j.Result.Faces.Header(); restorer != "" {
		header.Set(job.FaceHeader, restorer)
	}
}

// FailureText returns what clients may read about a failed job: only faults of
// the image. Internal errors and messages that name server settings are
// replaced.
func FailureText(f *job.Failure) string {
	if f != nil && f.Message != "" {
		switch f.Kind {
		case fault.Invalid, fault.Unsupported, fault.Busy: // Busy: it expired in the queue
			return f.Message
		case fault.TooLarge:
			return "The image or its upscaled result has too many pixels"
		}
	}
	return "The image could not be processed"
}
