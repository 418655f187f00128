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

// The details of each code.
type (
	// CreditsLeft is NO_CREDITS's.
	CreditsLeft struct {
		Credits int64 `json:"credits"`
	}
	// TooSmall is IMAGE_TOO_SMALL's, in bytes.
	TooSmall struct {
		Size    int64  `json:"size"`
		MinSize int64  `json:"minSize"`
		Unit    string `json:"unit"`
	}
	// TooLarge is IMAGE_TOO_LARGE's, in "bytes" or "pixels".
	TooLarge struct {
		Size    int64  `json:"size,omitempty"`
		MaxSize int64  `json:"maxSize,omitempty"`
		Unit    string `json:"unit"`
	}
	// WrongType is INVALID_IMAGE_TYPE's and UNSUPPORTED_MEDIA_TYPE's, with MIME
	// types.
	WrongType struct {
		ReceivedType string   `json:"receivedType"`
		AllowedTypes []string `json:"allowedTypes"`
	}
	// Defect is INTERNAL_SERVER_ERROR's.
	Defect struct {
		Error     string `json:"error"`
		Timestamp string `json:"timestamp"`
	}
	// RetryAfter is rate_limit_exceeded's, in seconds.
	RetryAfter struct {
		RetryAfter int `json:"retry_after"`
	}
	// Nothing is an empty object: the general form always has details.
	Nothing struct{}
)

// apiError is an error that knows its answer.
type apiError struct {
	status  int
	problem Problem
}

func (r apiError) Error() string { return r.problem.Message }

func problem(status int, code, message string, details any) apiError {
	return apiError{status, Problem{Status: "error", Code: code, Message: message, Details: details}}
}

var (
	errNoKey error = problem(http.StatusUnauthorized, "missing_api_key", "An API key is required: send it as Authorization: Bearer.", Nothing{})
	errBadID error = problem(http.StatusBadRequest, "invalid_request_id", "The request ID is not valid.", Nothing{})
)

// generalOf translates any error into the form of all paths but /v1/upscale.
func generalOf(err error) apiError {
	var known apiError
	if errors.As(err, &known) {
		return known
	}
	switch fault.KindOf(err) {
	case fault.Unauthorized, fault.Disabled:
		return problem(http.StatusUnauthorized, "invalid_api_key", "The API key is not valid.", Nothing{})
	case fault.NotFound:
		return problem(http.StatusNotFound, "resource_not_found", "The requested resource was not found.", Nothing{})
	case fault.Unsupported: // the router's: a path that exists with other methods
		return problem(http.StatusMethodNotAllowed, "method_not_allowed", "This address does not take that method.", Nothing{})
	case fault.RateLimited:
		return problem(http.StatusTooManyRequests, "rate_limit_exceeded", "Too many requests. Please try again later.",
			RetryAfter{dialect.RetryAfter(err)})
	case fault.Busy:
		return problem(http.StatusServiceUnavailable, "service_unavailable", "The service is busy. Please try again later.", Nothing{})
	}
	return problem(http.StatusInternalServerError, "internal_server_error", "An unexpected error occurred.", Nothing{})
}

// upscaleOf translates any error into the form of /v1/upscale. What the
// vendor's page does not list has the general form there too.
func (a *API) upscaleOf(err error, balance int64) apiError {
	var known apiError
	if errors.As(err, &known) {
		return known
	}
	switch fault.KindOf(err) {
	case fault.Unauthorized, fault.Disabled:
		return problem(http.StatusUnauthorized, "UNAUTHORIZED", "User ID not found in request", nil)
	case fault.NoCredits:
		return problem(http.StatusBadRequest, "NO_CREDITS", "You do not have enough credits to use this feature", CreditsLeft{balance})
	case fault.RateLimited, fault.Busy:
		return generalOf(err)
	case fault.TooLarge: // the result; what is wrong with the input is a refusal already
		if result, is := dialect.ResultIsTooLarge(err); is {
			return problem(http.StatusBadRequest, "IMAGE_TOO_LARGE", fault.Sentence(err),
				TooLarge{Size: result.Size, MaxSize: result.Limit, Unit: "pixels"})
		}
	}
	return problem(http.StatusInternalServerError, "INTERNAL_SERVER_ERROR", "An unexpected error occurred", Defect{
		Error:     "The image could not be accepted because of an error of the server",
		Timestamp: a.services.Now().UTC().Format("2006-01-02T15:04:05.000Z"),
	})
}

// WriteError answers any error in the general form; a client that has gone gets
// no answer.
func (a *API) WriteError(c echo.Context, err error) error { return answer(c, generalOf(err), err) }

// refuseUpscale answers an error of /v1/upscale.
func (a *API) refuseUpscale(c echo.Context, caller job.Caller, err error) error {
	var balance int64
	if fault.KindOf(err) == fault.NoCredits {
		if now, err := a.services.Auth.Balance(c.Request().Context(), caller.ID); err == nil && now.Credits != nil {
			balance = *now.Credits
		}
	}
	return answer(c, a.upscaleOf(err, balance), err)
}

func answer(c echo.Context, r apiError, err error) error {
	return dialect.WriteError(c, r.status, r.problem, err)
}
