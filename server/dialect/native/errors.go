package native

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/dialect"
)

// Problem is the body of every error (RFC 9457); Kind and RequestID are
// extensions.
type Problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	// Detail is one sentence for users, with the cause and the fix.
	Detail string `json:"detail"`
	// Kind is the stable code of the error, for programs.
	Kind      fault.Kind `json:"kind"`
	RequestID string     `json:"request_id,omitempty"`
}

// withStatus is an error whose status does not follow from its kind.
type withStatus struct {
	status int
	error
}

func (e withStatus) Unwrap() error { return e.error }

// statusOf returns the HTTP status of any error.
func statusOf(err error) int {
	if known, ok := errors.AsType[withStatus](err); ok {
		return known.status
	}
	status, ok := map[fault.Kind]int{
		fault.Invalid:      http.StatusBadRequest,
		fault.Unauthorized: http.StatusUnauthorized,
		fault.NoCredits:    http.StatusPaymentRequired,
		fault.Disabled:     http.StatusForbidden,
		fault.NotFound:     http.StatusNotFound,
		fault.TooLarge:     http.StatusRequestEntityTooLarge,
		fault.Unsupported:  http.StatusUnsupportedMediaType,
		fault.FetchFailed:  http.StatusUnprocessableEntity, // well formed, but not available
		fault.ModelMissing: http.StatusUnprocessableEntity,
		fault.Conflict:     http.StatusUnprocessableEntity,
		fault.RateLimited:  http.StatusTooManyRequests,
		fault.Busy:         http.StatusServiceUnavailable,
	}[fault.KindOf(err)]
	if !ok {
		return http.StatusInternalServerError
	}
	return status
}

// detail returns an error's text for clients. Internal errors reveal nothing; the
// request's ID joins the response with the log.
func detail(err error) (fault.Kind, string) {
	switch kind := fault.KindOf(err); kind {
	case fault.Internal, fault.Canceled: // a client that disconnected gets no response
		return fault.Internal, "An error of the server occurred; its log has the cause."
	case fault.Unauthorized:
		return kind, "A valid API key is needed: send it as Authorization: Bearer KEY."
	default:
		return kind, fault.ForClients(fault.Sentence(err))
	}
}

func problemOf(c echo.Context, err error) Problem {
	status := statusOf(err)
	kind, sentence := detail(err)
	return Problem{
		Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: sentence, Kind: kind,
		RequestID: c.Response().Header().Get(echo.HeaderXRequestID),
	}
}

// WriteError writes any error as a Problem.
func (a *API) WriteError(c echo.Context, err error) error {
	p := problemOf(c, err)
	c.Response().Header().Set(echo.HeaderContentType, "application/problem+json")
	return dialect.WriteError(c, p.Status, p, err)
}
