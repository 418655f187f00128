package mnml

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/job"
)

// Problem is the vendor's error body.
type Problem struct {
	Status  string `json:"status"`
	Code    string `json:"code"`
	Message string `json:"message"`
	Details any    `json:"details,omitempty"`
}

// Details by code.
type (
	// CreditsLeft belongs to NO_CREDITS.
	CreditsLeft struct {
		Credits int64 `json:"credits"`
	}
	// TooSmall belongs to IMAGE_TOO_SMALL, in bytes.
	TooSmall struct {
		Size    int64  `json:"size"`
		MinSize int64  `json:"minSize"`
		Unit    string `json:"unit"`
	}
	// TooLarge belongs to IMAGE_TOO_LARGE, in "bytes" or "pixels".
	TooLarge struct {
		Size    int64  `json:"size,omitempty"`
		MaxSize int64  `json:"maxSize,omitempty"`
		Unit    string `json:"unit"`
	}
	// WrongType belongs to INVALID_IMAGE_TYPE and UNSUPPORTED_MEDIA_TYPE, with
	// MIME types.
	WrongType struct {
		ReceivedType string   `json:"receivedType"`
		AllowedTypes []string `json:"allowedTypes"`
	}
	// Defect belongs to INTERNAL_SERVER_ERROR.
	Defect struct {
		Error     string `json:"error"`
		Timestamp string `json:"timestamp"`
	}
	// RetryAfter belongs to rate_limit_exceeded and service_unavailable, in seconds.
	RetryAfter struct {
		RetryAfter int `json:"retry_after"`
	}
	// Nothing is an empty object: the general form always has details.
	Nothing struct{}
)

// apiError is an error with its response.
type apiError struct {
	status  int
	problem Problem
}

func (e apiError) Error() string { return e.problem.Message }

func problem(status int, code, message string, details any) apiError {
	return apiError{status, Problem{Status: "error", Code: code, Message: message, Details: details}}
}

var (
	errNoKey error = problem(http.StatusUnauthorized, "missing_api_key", "An API key is required: send it as Authorization: Bearer.", Nothing{})
	errBadID error = problem(http.StatusBadRequest, "invalid_request_id", "The request ID is not valid.", Nothing{})
)

// generalError translates any error into the form of all paths except
// /v1/upscale.
func generalError(err error) apiError {
	if known, ok := errors.AsType[apiError](err); ok {
		return known
	}
	switch fault.KindOf(err) {
	case fault.Unauthorized, fault.Disabled:
		return problem(http.StatusUnauthorized, "invalid_api_key", "The API key is not valid.", Nothing{})
	case fault.NotFound:
		return problem(http.StatusNotFound, "resource_not_found", "The requested resource was not found.", Nothing{})
	case fault.Unsupported: // the router's: the path exists with other methods
		return problem(http.StatusMethodNotAllowed, "method_not_allowed", "This address does not take that method.", Nothing{})
	case fault.Conflict:
		return problem(http.StatusUnprocessableEntity, "idempotency_key_conflict", fault.Sentence(err), Nothing{})
	case fault.RateLimited:
		return problem(http.StatusTooManyRequests, "rate_limit_exceeded", "Too many requests. Please try again later.",
			RetryAfter{dialect.RetryAfter(err)})
	case fault.Busy:
		return problem(http.StatusServiceUnavailable, "service_unavailable", "The service is busy. Please try again later.",
			RetryAfter{dialect.RetryAfter(err)})
	}
	return problem(http.StatusInternalServerError, "internal_server_error", "An unexpected error occurred.", Nothing{})
}

// upscaleError translates any error into the form of /v1/upscale. Errors that
// the vendor's page does not list have the general form there too.
func (a *API) upscaleError(err error, balance int64) apiError {
	if known, ok := errors.AsType[apiError](err); ok {
		return known
	}
	switch fault.KindOf(err) {
	case fault.Unauthorized, fault.Disabled:
		return problem(http.StatusUnauthorized, "UNAUTHORIZED", "User ID not found in request", nil)
	case fault.NoCredits:
		return problem(http.StatusBadRequest, "NO_CREDITS", "You do not have enough credits to use this feature", CreditsLeft{balance})
	case fault.RateLimited, fault.Busy, fault.Conflict:
		return generalError(err)
	case fault.TooLarge: // the result: errors about the input are an apiError already
		if result, is := errors.AsType[*dialect.ResultTooLarge](err); is {
			return problem(http.StatusBadRequest, "IMAGE_TOO_LARGE", fault.Sentence(err),
				TooLarge{Size: result.Size, MaxSize: result.Limit, Unit: "pixels"})
		}
	}
	return problem(http.StatusInternalServerError, "INTERNAL_SERVER_ERROR", "An unexpected error occurred", Defect{
		Error:     "The image could not be accepted because of an error of the server",
		Timestamp: a.services.Now().UTC().Format("2006-01-02T15:04:05.000Z"),
	})
}

// WriteError writes any error in the general form.
func (a *API) WriteError(c echo.Context, err error) error {
	e := generalError(err)
	return dialect.WriteError(c, e.status, e.problem, err)
}

func (a *API) writeUpscaleError(c echo.Context, caller job.Caller, err error) error {
	var balance int64
	if fault.KindOf(err) == fault.NoCredits {
		if now, err := a.services.Auth.Balance(c.Request().Context(), caller.ID); err == nil && now.Credits != nil {
			balance = *now.Credits
		}
	}
	e := a.upscaleError(err, balance)
	return dialect.WriteError(c, e.status, e.problem, err)
}
