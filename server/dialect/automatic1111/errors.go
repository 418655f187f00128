package automatic1111

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/dialect"
)

// Problem is the vendor's error body. Detail has the sentence of an
// HTTPException, Errors that of all other errors.
type Problem struct {
	Error  string `json:"error"`
	Detail string `json:"detail"`
	Body   string `json:"body"`
	Errors string `json:"errors"`
}

// Detail is the body of what the vendor's router and body reader refuse: a
// text, or a list of Violation.
type Detail struct {
	Detail any `json:"detail"`
}

// apiError is an error that knows its answer; body is a Problem or a Detail.
type apiError struct {
	status int
	body   any
	text   string
}

func (r apiError) Error() string { return r.text }

// refused is the vendor's HTTPException.
func refused(status int, detail string) apiError {
	return apiError{status, Problem{Error: "HTTPException", Detail: detail}, detail}
}

// failed is any other exception of the vendor's, always a 500.
func failed(kind, text string) apiError {
	return apiError{http.StatusInternalServerError, Problem{Error: kind, Errors: text}, text}
}

var (
	errEncoded    error = refused(http.StatusInternalServerError, "Invalid encoded image")
	errURL        error = refused(http.StatusInternalServerError, "Invalid image url")
	errNoRequests error = refused(http.StatusInternalServerError, "Requests not allowed")
	errCanceled   error = refused(http.StatusInternalServerError, "The image was canceled.")
	errTimeout    error = refused(http.StatusGatewayTimeout, "The image took too long. Try a smaller one.")
	errPixels     error = refused(http.StatusRequestEntityTooLarge, "The image has too many pixels.")
	errOutput     error = refused(http.StatusRequestEntityTooLarge, "The result would have too many pixels: ask for a smaller size.")
	errNoFaces    error = refused(http.StatusInternalServerError, "Face restoration is not available on this server.")
)

// refusalOf translates any error. Kinds that the vendor does not have use
// HTTP's own status in its form.
func refusalOf(err error) apiError {
	var known apiError
	if errors.As(err, &known) {
		return known
	}
	switch fault.KindOf(err) {
	case fault.Unauthorized, fault.Disabled:
		return refused(http.StatusUnauthorized, "Incorrect username or password")
	case fault.NoCredits:
		return refused(http.StatusPaymentRequired, "There are not enough credits for this image.")
	case fault.RateLimited:
		return refused(http.StatusTooManyRequests, "Too many requests. Please try again later.")
	case fault.Busy:
		return refused(http.StatusServiceUnavailable, "The server is busy. Please try again later.")
	case fault.TooLarge:
		if _, is := dialect.ResultIsTooLarge(err); is {
			return errOutput.(apiError)
		}
		return errPixels.(apiError)
	case fault.NotFound: // the router's
		return apiError{http.StatusNotFound, Detail{"Not Found"}, "not found"}
	case fault.Unsupported: // the router's: a path that exists with other methods
		return apiError{http.StatusMethodNotAllowed, Detail{"Method Not Allowed"}, "method not allowed"}
	}
	return failed("RuntimeError", "The image could not be processed because of an error of the server.")
}

// WriteError answers any error in the vendor's form, and with the headers that
// HTTP wants beside it. A client that has gone gets no answer.
func (a *API) WriteError(c echo.Context, err error) error {
	if dialect.Canceled(c) {
		return nil
	}
	var known apiError
	r, header := refusalOf(err), c.Response().Header()
	switch r.status {
	case http.StatusUnauthorized:
		header.Set(echo.HeaderWWWAuthenticate, "Basic")
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		header.Set(echo.HeaderRetryAfter, strconv.Itoa(dialect.RetryAfter(err)))
	case http.StatusInternalServerError:
		if !errors.As(err, &known) { // the vendor answers clients' mistakes with 500 too
			dialect.Record(c, err)
		}
	}
	return dialect.JSON(c, r.status, r.body)
}
