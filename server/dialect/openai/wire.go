package openai

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/dialect"
)

// Images is the response, in the form of OpenAI's image calls.
type Images struct {
	Created int64   `json:"created"` // Unix seconds
	Data    []Image `json:"data"`    // one
}

// Image has one of the two.
type Image struct {
	Base64 string `json:"b64_json,omitempty"`
	URL    string `json:"url,omitempty"`
}

// ErrorBody is the body of every error.
type ErrorBody struct {
	Error Problem `json:"error"`
}

// Problem is an error; Param names the request's field and Code is for programs.
type Problem struct {
	Message string  `json:"message"`
	Type    string  `json:"type"`
	Param   *string `json:"param"`
	Code    *string `json:"code"`
}

// apiError is an error with its response.
type apiError struct {
	status               int
	param, code, message string
}

func (e apiError) Error() string { return e.message }

func (e apiError) body() ErrorBody {
	p := Problem{Message: e.message, Type: "invalid_request_error"}
	if e.status >= http.StatusInternalServerError {
		p.Type = "server_error"
	} else if e.status == http.StatusTooManyRequests {
		p.Type = "rate_limit_error"
	}
	if e.param != "" {
		p.Param = &e.param
	}
	if e.code != "" {
		p.Code = &e.code
	}
	return ErrorBody{p}
}

func invalid(param, message string) error {
	return apiError{http.StatusBadRequest, param, "", message}
}

var errNoImage = invalid(imageField, "image is required: a file of the form, or base64, a data URI or an https URL in JSON.")

func noModel(name string) error {
	return apiError{http.StatusNotFound, "model", "model_not_found", fmt.Sprintf("The model %.80q does not exist.", name)}
}

func (a *API) tooManyBytes() error {
	return apiError{http.StatusRequestEntityTooLarge, imageField, "image_too_large", fmt.Sprintf("The image has more than %d bytes.", a.config.MaxBytes)}
}

// imageError translates an error about an image's contents; others are unchanged.
func imageError(err error) error {
	var exceeded *dialect.InputTooLarge
	switch kind := fault.KindOf(err); {
	case errors.As(err, &exceeded):
		return apiError{http.StatusBadRequest, imageField, "image_too_large", fault.Sentence(err)}
	case kind == fault.Invalid:
		return apiError{http.StatusBadRequest, imageField, "invalid_image", "The image is damaged, or the file is not an image."}
	case kind == fault.Unsupported:
		return apiError{http.StatusBadRequest, imageField, "invalid_image", fault.Sentence(err)}
	case kind == fault.TooLarge: // by the server's own limits
		return apiError{http.StatusBadRequest, imageField, "image_too_large", "The image or its result has too many pixels."}
	}
	return err
}

// apiErrorOf translates any error.
func apiErrorOf(err error) apiError {
	if known, ok := errors.AsType[apiError](err); ok {
		return known
	}
	status, message := dialect.Answer(err)
	e := apiError{status, "", map[int]string{
		http.StatusUnauthorized: "invalid_api_key", http.StatusPaymentRequired: "insufficient_quota", http.StatusUnprocessableEntity: "idempotency_key_conflict",
		http.StatusTooManyRequests: "rate_limit_exceeded", http.StatusServiceUnavailable: "server_busy", http.StatusInternalServerError: "internal_error",
	}[status], message}
	if fault.KindOf(err) == fault.TooLarge { // the result
		e.param, e.code = "scale", "result_too_large"
	}
	return e
}

// WriteError writes any error in OpenAI's form.
func (a *API) WriteError(c echo.Context, err error) error {
	e := apiErrorOf(err)
	return dialect.WriteError(c, e.status, e.body(), err)
}
