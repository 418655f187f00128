package artnex

import (
	"errors"
	"net/http"

	"upscaled/models/fault"
	"upscaled/server/job"
)

// Success is the body of a 200.
type Success struct {
	Success     bool   `json:"success"` // true
	ImageURL    string `json:"image_url"`
	RequestID   string `json:"request_id"`
	CreditsUsed int64  `json:"credits_used"`
}

// ErrorBody is the body of every error; RequestID is ours.
type ErrorBody struct {
	Success   bool   `json:"success"` // false
	Error     string `json:"error"`
	Message   string `json:"message"`
	RequestID string `json:"request_id"`
}

// Codes that no fault.Kind stands for.
const (
	codeMissingImage   = "missing_image"
	codeInvalidScale   = "invalid_scale"
	codeInvalidRequest = "invalid_request"
)

// wrong is what is wrong with a request beside its picture.
type wrong struct{ code, message string }

func (w wrong) Error() string { return w.message }

// refusal translates any error; it is the only place that does. The sentences
// of faults about the picture are made for callers: load, check and failureOf
// see to that.
func refusal(err error) (status int, code, message string) {
	var w wrong
	if errors.As(err, &w) {
		if w.code == codeInvalidRequest {
			return http.StatusUnprocessableEntity, w.code, w.message
		}
		return http.StatusBadRequest, w.code, w.message
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
	case fault.RateLimited:
		return http.StatusTooManyRequests, "rate_limit_exceeded", "You have exceeded your request quota. Please try again later."
	case fault.Busy:
		return http.StatusServiceUnavailable, "service_unavailable", "The service is busy. Please try again later."
	}
	return http.StatusInternalServerError, "internal_error", "The image could not be processed because of an internal error."
}

// failureOf is the error of a final job, nil for a succeeded one. Whatever is
// not the picture's fault is the server's, a cancellation too.
func failureOf(j job.Job) error {
	switch {
	case j.State == job.Succeeded:
		return nil
	case j.Failure == nil:
		return fault.New(fault.Internal, "job %s is %s", j.ID, j.State)
	}
	cause := fault.New(j.Failure.Kind, "%s", j.Failure.Message)
	switch j.Failure.Kind {
	case fault.Invalid, fault.Unsupported, fault.TooLarge:
		return unusable(cause)
	}
	return &fault.Error{Kind: fault.Internal, Message: "The job failed.", Err: cause}
}

// unusable gives a fault about a picture's contents this API's words; others
// stay as they are. The engine's own sentences name its command line.
func unusable(err error) error {
	switch kind := fault.KindOf(err); kind {
	case fault.Invalid, fault.Unsupported:
		return fault.Wrap(kind, err, "The image format is not supported or the file is corrupt. Supported formats are JPEG, PNG and WebP.")
	case fault.TooLarge:
		return fault.Wrap(kind, err, "The image or its result has more pixels than are accepted.")
	}
	return err
}
