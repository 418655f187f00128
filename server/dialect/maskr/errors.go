package maskr

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/dialect"
)

// ErrorBody is the vendor's error body for everything but validation.
type ErrorBody struct {
	Detail string `json:"detail"`
}

// Violation is one entry of FastAPI's validation errors, worded as pydantic 1
// words them.
type Violation struct {
	Location []string `json:"loc"`
	Message  string   `json:"msg"`
	Type     string   `json:"type"`
}

// Violations are the body of a 422, and the error that leads to it.
type Violations struct {
	Detail []Violation `json:"detail"`
}

func (v Violations) Error() string {
	if len(v.Detail) == 0 {
		return "The request is not valid."
	}
	return v.Detail[0].Message
}

func violation(message, kind string, location ...string) Violations {
	return Violations{[]Violation{{location, message, kind}}}
}

// unreadable is the violation of a picture that cannot be taken, by the kind
// of what the prober or the worker said.
func unreadable(kind fault.Kind) Violations {
	message := "invalid image file"
	switch kind {
	case fault.Unsupported:
		message = "unsupported image type; permitted: 'jpeg', 'png', 'webp'"
	case fault.TooLarge:
		message = "image resolution is too high"
	}
	return violation(message, "value_error.image", "body", "file")
}

// tooLarge tells a limit of bytes in MB of 2^20, to the hundredth.
func tooLarge(what string, limit int64) error {
	megabytes := strconv.FormatFloat(float64(limit*100>>20)/100, 'f', -1, 64)
	return fault.New(fault.TooLarge, "%s too large. Maximum size is %s MB", what, megabytes)
}

// refusal translates any error; it is the only place that does.
func refusal(err error) (status int, body any) {
	var invalid Violations
	if errors.As(err, &invalid) {
		return http.StatusUnprocessableEntity, invalid
	}
	if _, is := dialect.ResultIsTooLarge(err); is {
		return http.StatusUnprocessableEntity, violation(fault.Sentence(err), "value_error.image", "body", "file")
	}
	switch fault.KindOf(err) {
	case fault.Unauthorized, fault.Disabled:
		return http.StatusUnauthorized, ErrorBody{"Invalid or missing API key"}
	case fault.NoCredits:
		return http.StatusPaymentRequired, ErrorBody{"Insufficient credits"}
	case fault.NotFound:
		return http.StatusNotFound, ErrorBody{"Job not found"}
	case fault.TooLarge:
		return http.StatusRequestEntityTooLarge, ErrorBody{fault.Sentence(err)}
	case fault.Invalid, fault.Unsupported:
		return http.StatusUnprocessableEntity, unreadable(fault.KindOf(err))
	case fault.RateLimited:
		return http.StatusTooManyRequests, ErrorBody{"Rate limit exceeded. Please try again later"}
	case fault.Busy:
		return http.StatusServiceUnavailable, ErrorBody{"Service is busy. Please try again later"}
	}
	return http.StatusInternalServerError, ErrorBody{"Internal server error"}
}

// sentence is the text of a refusal, for the items of a batch.
func sentence(err error) string {
	switch _, body := refusal(err); body := body.(type) {
	case Violations:
		return body.Error()
	case ErrorBody:
		return body.Detail
	}
	return ""
}

// refuse answers an error; a client that has gone gets no answer.
func (a *API) refuse(c echo.Context, err error) error {
	status, body := refusal(err)
	return dialect.WriteError(c, status, body, err)
}
