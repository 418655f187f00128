package stability

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/job"
)

// success is the only finish reason here: nothing is filtered.
const success = "SUCCESS"

// Image is the JSON response of v2beta. The seed is 0: these models use no
// randomness.
type Image struct {
	Image        string `json:"image"` // base64
	FinishReason string `json:"finish_reason"`
	Seed         int    `json:"seed"`
}

// Artifacts is the JSON response of v1.
type Artifacts struct {
	Artifacts []Artifact `json:"artifacts"`
}

// Artifact is an image of v1.
type Artifact struct {
	Base64       string `json:"base64"`
	FinishReason string `json:"finishReason"`
	Seed         int    `json:"seed"`
}

// Balance is the response of GET /v1/user/balance.
type Balance struct {
	Credits int64 `json:"credits"`
}

// unlimited is the balance reported if nothing is charged: clients stop at 0, and
// the vendor has no other way to say it.
const unlimited = 999_999_999

func balanceOf(caller job.Caller) Balance {
	if caller.Credits == nil {
		return Balance{unlimited}
	}
	return Balance{*caller.Credits}
}

// Problem is the error body: v2beta lists sentences in Errors, v1 has one Message.
type Problem struct {
	ID      string   `json:"id"`
	Name    string   `json:"name"`
	Errors  []string `json:"errors,omitempty"`
	Message string   `json:"message,omitempty"`
}

// apiError is an error with its response.
type apiError struct {
	status        int
	name, message string
}

func (e apiError) Error() string { return e.message }

func badRequest(message string) error {
	return apiError{http.StatusBadRequest, "bad_request", message}
}

func (a *API) tooManyBytes() error {
	return apiError{http.StatusRequestEntityTooLarge, "payload_too_large", fmt.Sprintf("image: has more than %d bytes", a.config.MaxBytes)}
}

// imageError translates an error about an image's contents; others are unchanged.
func imageError(err error) error {
	if exceeded, ok := errors.AsType[*dialect.InputTooLarge](err); ok && exceeded.Side {
		return pixelCount("image: each side may have at most %d pixels", exceeded.Limit)
	} else if ok {
		return pixelCount("image: may have at most %d pixels", exceeded.Limit)
	}
	switch fault.KindOf(err) {
	case fault.Invalid:
		return badRequest("image: the file is damaged or not an image")
	case fault.Unsupported:
		return apiError{http.StatusBadRequest, "invalid_mime_type", "image: " + fault.Sentence(err)}
	case fault.TooLarge: // by the server's own limits
		return pixelCount("image: it or its result has too many pixels")
	}
	return err
}

func pixelCount(format string, args ...any) error {
	return apiError{http.StatusBadRequest, "invalid_pixel_count", fmt.Sprintf(format, args...)}
}

// apiErrorOf translates any error.
func apiErrorOf(err error) apiError {
	if known, ok := errors.AsType[apiError](err); ok {
		return known
	}
	switch fault.KindOf(err) {
	case fault.Unauthorized:
		return apiError{http.StatusUnauthorized, "unauthorized", "missing or invalid API key"}
	case fault.Disabled:
		return apiError{http.StatusForbidden, "permission_denied", "The API key is disabled."}
	case fault.TooLarge: // the result
		return apiError{http.StatusBadRequest, "invalid_pixel_count", fault.Sentence(err)}
	}
	status, message := dialect.Answer(err)
	if status == http.StatusInternalServerError {
		message = "An unexpected server error occurred, please try again."
	}
	return apiError{status, map[int]string{
		http.StatusPaymentRequired: "payment_required", http.StatusBadRequest: "bad_request", http.StatusMethodNotAllowed: "method_not_allowed",
		http.StatusNotFound: "not_found", http.StatusUnprocessableEntity: "idempotency_key_conflict", http.StatusTooManyRequests: "rate_limit_exceeded",
		http.StatusServiceUnavailable: "service_unavailable", http.StatusInternalServerError: "internal_error",
	}[status], message}
}

// WriteError writes any error in the form of the path's version.
func (a *API) WriteError(c echo.Context, err error) error {
	e := apiErrorOf(err)
	p := Problem{ID: dialect.RequestID(c), Name: e.name}
	if strings.HasPrefix(c.Request().URL.Path, "/v2beta/") {
		p.Errors = []string{e.message}
		return dialect.WriteError(c, e.status, p, err)
	}
	p.Message = e.message
	return dialect.WriteError(c, e.status, p, err)
}
