package maskr

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/dialect"
)

// unreadable returns the violation of an image that cannot be read, by the kind
// of fault.
func unreadable(kind fault.Kind) dialect.Violations {
	message := "invalid image file"
	switch kind {
	case fault.Unsupported:
		message = "unsupported image type; permitted: 'jpeg', 'png', 'webp'"
	case fault.TooLarge:
		message = "image resolution is too high"
	}
	return dialect.NewViolation(message, "value_error.image", "body", "file")
}

func tooLarge(what string, limit int64) error {
	return fault.New(fault.TooLarge, "%s too large. Maximum size is %s MB", what, dialect.Megabytes(limit))
}

// apiError translates any error.
func apiError(err error) (status int, body any) {
	detail := func(text string) dialect.ErrorDetail { return dialect.ErrorDetail{Detail: text} }
	if invalid, ok := errors.AsType[dialect.Violations](err); ok {
		return http.StatusUnprocessableEntity, invalid
	}
	if _, is := errors.AsType[*dialect.ResultTooLarge](err); is {
		return http.StatusUnprocessableEntity, dialect.NewViolation(fault.Sentence(err), "value_error.image", "body", "file")
	}
	switch fault.KindOf(err) {
	case fault.Unauthorized, fault.Disabled:
		return http.StatusUnauthorized, detail("Invalid or missing API key")
	case fault.NoCredits:
		return http.StatusPaymentRequired, detail("Insufficient credits")
	case fault.NotFound:
		return http.StatusNotFound, detail("Job not found")
	case fault.TooLarge:
		return http.StatusRequestEntityTooLarge, detail(fault.Sentence(err))
	case fault.Invalid, fault.Unsupported:
		return http.StatusUnprocessableEntity, unreadable(fault.KindOf(err))
	case fault.Conflict:
		return http.StatusUnprocessableEntity, detail(fault.Sentence(err))
	case fault.RateLimited:
		return http.StatusTooManyRequests, detail("Rate limit exceeded. Please try again later")
	case fault.Busy:
		return http.StatusServiceUnavailable, detail("Service is busy. Please try again later")
	}
	return http.StatusInternalServerError, detail("Internal server error")
}

// message returns the text of an error, for the items of a batch.
func message(err error) string {
	switch _, body := apiError(err); body := body.(type) {
	case dialect.Violations:
		return body.Error()
	case dialect.ErrorDetail:
		return body.Detail
	}
	return ""
}

func writeError(c echo.Context, err error) error {
	status, body := apiError(err)
	return dialect.WriteError(c, status, body, err)
}
