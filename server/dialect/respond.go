package dialect

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
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
// It keeps a content type that was set before, such as RFC 9457's.
func JSON(c echo.Context, status int, body any) error {
	if header := c.Response().Header(); header.Get(echo.HeaderContentType) == "" {
		header.Set(echo.HeaderContentType, echo.MIMEApplicationJSON)
	}
	c.Response().WriteHeader(status)
	return encode(c.Response(), body)
}

// Reply is JSON, unless there is an error, which it returns.
func Reply(c echo.Context, status int, body any, err error) error {
	if err != nil {
		return err
	}
	return JSON(c, status, body)
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

// JSONWithImage is JSON for a body that contains the image of a succeeded job in
// base64: body returns it for a given text. The image is copied from the store to
// the client, never held whole.
func (s Services) JSONWithImage(c echo.Context, status int, j job.Job, body func(base64 string) any) error {
	content, _, err := s.Queue.Open(c.Request().Context(), j.ID)
	if err != nil {
		return err
	}
	defer content.Close()
	reader := bufio.NewReader(content)
	if _, err := reader.Peek(1); err != nil { // while an error can still be answered
		return fmt.Errorf("read result %s: %w", j.ID, err)
	}
	mark := Random(markLength)
	text, err := Marshal(body(mark))
	if err != nil {
		return err
	}
	before, after, _ := bytes.Cut(text, []byte(mark))
	header := c.Response().Header()
	header.Set(echo.HeaderContentType, echo.MIMEApplicationJSON)
	// The length lets clients recognize a response that was cut off.
	header.Set(echo.HeaderContentLength, strconv.Itoa(len(before)+base64.StdEncoding.EncodedLen(int(j.Result.Bytes))+len(after)))
	c.Response().WriteHeader(status)
	w := bufio.NewWriter(c.Response()) // keeps its first error until Flush
	_, _ = w.Write(before)
	encoder := base64.NewEncoder(base64.StdEncoding, w)
	if _, err := io.Copy(encoder, reader); err != nil {
		return err
	}
	_ = encoder.Close()
	_, _ = w.Write(after)
	return w.Flush()
}

// markLength makes marks that no text of a client contains.
const markLength = 26

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
	if limited, ok := errors.AsType[*account.RetryAfter](err); ok {
		wait = limited.Wait
	}
	return max(1, int((wait+time.Second-1)/time.Second))
}

// RequestID returns the response's X-Request-Id, which the access log has too.
func RequestID(c echo.Context) string {
	const length = 20
	return cmp.Or(c.Response().Header().Get(echo.HeaderXRequestID), Random(length))
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

// FailureText returns the text for clients about a failed job: only faults of the
// image. Internal errors and messages that name server settings are replaced.
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
