package native

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/dialect"
)

// Problem is the body of every error (RFC 9457). Kind and RequestID are ours.
type Problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	// Detail is one sentence for users, with the cause and the fix.
	Detail string `json:"detail"`
	// Kind is what programs tell errors apart by.
	Kind      fault.Kind `json:"kind"`
	RequestID string     `json:"request_id,omitempty"`
}

const problemType = "application/problem+json"

// answered is an error whose status does not follow from its kind.
type answered struct {
	status int
	error
}

func (a answered) Unwrap() error { return a.error }

// statusOf translates any error; it is the only place that does.
func statusOf(err error) int {
	var known answered
	if errors.As(err, &known) {
		return known.status
	}
	switch fault.KindOf(err) {
	case fault.Invalid:
		return http.StatusBadRequest
	case fault.Unauthorized:
		return http.StatusUnauthorized
	case fault.NoCredits:
		return http.StatusPaymentRequired
	case fault.Disabled:
		return http.StatusForbidden
	case fault.NotFound:
		return http.StatusNotFound
	case fault.TooLarge:
		return http.StatusRequestEntityTooLarge
	case fault.Unsupported:
		return http.StatusUnsupportedMediaType
	case fault.FetchFailed, fault.ModelMissing: // well formed, but not to be had
		return http.StatusUnprocessableEntity
	case fault.RateLimited:
		return http.StatusTooManyRequests
	case fault.Busy:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// detail is what a client may read of an error. Defects tell nothing of the
// inside; the request's ID joins the answer with the log.
func detail(err error) (fault.Kind, string) {
	switch kind := fault.KindOf(err); kind {
	case fault.Internal, fault.Canceled: // the client's own leaving is not answered
		return fault.Internal, "An error of the server occurred; its log has the cause."
	case fault.Unauthorized:
		return kind, "A valid API key is needed: send it as Authorization: Bearer KEY."
	default:
		return kind, fault.Sentence(err)
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

// WriteError answers any error; a client that has gone gets no answer.
func (a *API) WriteError(c echo.Context, err error) error {
	p := problemOf(c, err)
	c.Response().Header().Set(echo.HeaderContentType, problemType)
	return dialect.WriteError(c, p.Status, p, err)
}
