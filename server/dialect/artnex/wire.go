package artnex

import (
	"errors"
	"net/http"

	"upscaled/models/fault"
)

// Success is the body of a 200.
type Success struct {
	Success     bool   `json:"success"` // true
	ImageURL    string `json:"image_url"`
	RequestID   string `json:"request_id"`
	CreditsUsed int64  `json:"credits_used"`
}

// ErrorBody is the body of every error. The vendor has no RequestID.
type ErrorBody struct {
	Success   bool   `json:"success"` // false
	Error     string `json:"error"`
	Message   string `json:"message"`
	RequestID string `json:"request_id"`
}

// Codes without a fault.Kind.
const (
	codeMissingImage   = "missing_image"
	codeInvalidScale   = "invalid_scale"
	codeInvalidRequest = "invalid_request"
)

// invalid is an error of a request that is not about its image.
type invalid struct{ code, message string }

func (e invalid) Error() string { return e.message }

// apiError translates any error. Clients read the messages of faults about the
// image: load, check and failureOf see to that.
func apiError(err error) (status int, code, message string) {
	if known, ok := errors.AsType[invalid](err); ok {
		if known.code == codeInvalidRequest {
			return http.StatusUnprocessableEntity, known.code, known.message
		}
		return http.StatusBadRequest, known.code, known.message
	}
	switch fault.KindOf(err) {
	case fault.Invalid, fault.Unsupported, fault.FetchFailed:
		return http.StatusBadRequest, "invalid_image_format", fault.Sentence(err)
	case fault.TooLarge:
		return http.StatusBadRequest, "image_too_large", fault.Sentence(err)
	case fault.Unauthorized, fault.Disabled:
		return http.StatusUnauthorized, "invalid_api_key", "The API key provided is not valid."
	case fault.NoCredits:
		return http.StatusPaymentRequired, "insufficient_credits", "Your account does not have enough credits."
	case fault.Conflict:
		return http.StatusUnprocessableEntity, codeInvalidRequest, fault.Sentence(err)
	case fault.RateLimited:
		return http.StatusTooManyRequests, "rate_limit_exceeded", "You have exceeded your request quota. Please try again later."
	case fault.Busy:
		return http.StatusServiceUnavailable, "service_unavailable", "The service is busy. Please try again later."
	}
	return http.StatusInternalServerError, "internal_error", "The image could not be processed because of an internal error."
}

// unusable puts a fault about an image's contents into this API's words; other
// errors are unchanged. The engine's own messages name its command line.
func unusable(err error) error {
	switch kind := fault.KindOf(err); kind {
	case fault.Invalid, fault.Unsupported:
		return fault.Wrap(kind, err, "The image format is not supported or the file is corrupt. Supported formats are JPEG, PNG and WebP.")
	case fault.TooLarge:
		return fault.Wrap(kind, err, "The image or its result has more pixels than are accepted.")
	}
	return err
}
