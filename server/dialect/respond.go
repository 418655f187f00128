package dialect

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"
)

// JSON answers with a dialect's own body, without HTML escapes, so that URLs
// read plainly. A content type that was set already, such as that of RFC 9457,
// stays.
func JSON(c echo.Context, status int, body any) error {
	if header := c.Response().Header(); header.Get(echo.HeaderContentType) == "" {
		header.Set(echo.HeaderContentType, echo.MIMEApplicationJSON)
	}
	c.Response().WriteHeader(status)
	encoder := json.NewEncoder(c.Response())
	encoder.SetEscapeHTML(false)
	return encoder.Encode(body)
}

// WriteError answers an error with a dialect's own status and body, and with the
// headers that HTTP wants beside them. Defects go to the access log. A client
// that has gone gets no answer.
func WriteError(c echo.Context, status int, body any, err error) error {
	if Canceled(c) {
		return nil
	}
	header := c.Response().Header()
	switch status {
	case http.StatusUnauthorized:
		header.Set(echo.HeaderWWWAuthenticate, "Bearer") // RFC 9110 demands one
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		//guard:retry-after TestMnmlErrors
		header.Set(echo.HeaderRetryAfter, strconv.Itoa(RetryAfter(err)))
	case http.StatusInternalServerError:
		Record(c, err)
	}
	return JSON(c, status, body)
}

// ResultTooLarge is the cause within a fault.TooLarge of Queue.Submit: the
// input is fine, but not what it would become. The fault's sentence is made for
// clients of every API.
type ResultTooLarge struct {
	// Size and Limit are pixels: of the result's longer side where Format, whose
	// files hold no more, is set, else of the whole result.
	Size, Limit int64
	Format      string
}

func (r *ResultTooLarge) Error() string { return "the result would be too large" }

// ResultIsTooLarge gives the cause, where it is that.
func ResultIsTooLarge(err error) (r *ResultTooLarge, is bool) {
	is = errors.As(err, &r)
	return r, is
}
