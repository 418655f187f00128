package automatic1111

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/dialect"
)

// Problem is the vendor's error body. Detail holds the message of an
// HTTPException, Errors the message of all other errors.
type Problem struct {
	Error  string `json:"error"`
	Detail string `json:"detail"`
	Body   string `json:"body"`
	Errors string `json:"errors"`
}

// apiError is an error with its response.
type apiError struct {
	status int
	body   any
	text   string
}

func (e apiError) Error() string { return e.text }

// httpError is the vendor's HTTPException.
func httpError(status int, detail string) apiError {
	return apiError{status, Problem{Error: "HTTPException", Detail: detail}, detail}
}

// exception is any other exception of the vendor, always a 500.
func exception(kind, text string) apiError {
	return apiError{http.StatusInternalServerError, Problem{Error: kind, Errors: text}, text}
}

var (
	errEncoded    = httpError(http.StatusInternalServerError, "Invalid encoded image")
	errURL        = httpError(http.StatusInternalServerError, "Invalid image url")
	errNoRequests = httpError(http.StatusInternalServerError, "Requests not allowed")
	errCanceled   = httpError(http.StatusInternalServerError, "The image was canceled.")
	errTimeout    = httpError(http.StatusGatewayTimeout, "The image took too long. Try a smaller one.")
	errPixels     = httpError(http.StatusRequestEntityTooLarge, "The image has too many pixels.")
	errOutput     = httpError(http.StatusRequestEntityTooLarge, "The result would have too many pixels: ask for a smaller size.")
	errNoFaces    = httpError(http.StatusInternalServerError, "Face restoration is not available on this server.")
)

// apiErrorOf translates any error. Kinds that the vendor does not have use HTTP's
// own status in its form.
func apiErrorOf(err error) apiError {
	if known, ok := errors.AsType[apiError](err); ok {
		return known
	}
	if invalid, ok := errors.AsType[dialect.Violations](err); ok {
		return apiError{http.StatusUnprocessableEntity, invalid, invalid.Error()}
	}
	switch fault.KindOf(err) {
	case fault.Unauthorized, fault.Disabled:
		return httpError(http.StatusUnauthorized, "Incorrect username or password")
	case fault.NoCredits, fault.Conflict, fault.RateLimited, fault.Busy:
		return httpError(dialect.Answer(err))
	case fault.TooLarge:
		if _, is := errors.AsType[*dialect.ResultTooLarge](err); is {
			return errOutput
		}
		return errPixels
	case fault.NotFound: // the router's
		return apiError{http.StatusNotFound, dialect.ErrorDetail{Detail: "Not Found"}, "not found"}
	case fault.Unsupported: // the router's: the path exists with other methods
		return apiError{http.StatusMethodNotAllowed, dialect.ErrorDetail{Detail: "Method Not Allowed"}, "method not allowed"}
	}
	return exception("RuntimeError", "The image could not be processed because of an error of the server.")
}

// WriteError writes any error in the vendor's form.
func (a *API) WriteError(c echo.Context, err error) error {
	e := apiErrorOf(err)
	if e.status == http.StatusUnauthorized {
		c.Response().Header().Set(echo.HeaderWWWAuthenticate, "Basic")
	}
	if e.status == http.StatusInternalServerError && errors.As(err, new(apiError)) && !dialect.Canceled(c) {
		return dialect.JSON(c, e.status, e.body) // an invalid request by the vendor's rules: not logged
	}
	return dialect.WriteError(c, e.status, e.body, err)
}
