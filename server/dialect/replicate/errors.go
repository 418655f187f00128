package replicate

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/dialect"
)

// Problem is the vendor's error body, an RFC 9457 problem.
type Problem struct {
	Title  string `json:"title,omitempty"`
	Detail string `json:"detail"`
	Status int    `json:"status"`
	// RetryAfter is in seconds.
	RetryAfter    int         `json:"retry_after,omitempty"`
	InvalidFields []Violation `json:"invalid_fields,omitempty"`
}

// Violation is a dialect.FieldError.
type Violation struct {
	Type        string `json:"type"`
	Field       string `json:"field"`
	Description string `json:"description"`
}

// violations are the errors of a request's fields.
type violations = dialect.FieldErrors

func violation(kind, field, description string) violations {
	return violations{{Type: kind, Field: field, Description: description}}
}

// apiError is an error with its response.
type apiError struct{ problem Problem }

func (e apiError) Error() string { return e.problem.Detail }

var (
	errNotFound error = apiError{Problem{Detail: "The requested resource could not be found.", Status: http.StatusNotFound}}
	errVersion  error = apiError{Problem{
		Title:  "Invalid version or not permitted",
		Detail: "The specified version does not exist (or perhaps you don't have permission to use it?)",
		Status: http.StatusUnprocessableEntity,
	}}
)

// problemOf translates any error.
func problemOf(err error) Problem {
	if known, ok := errors.AsType[apiError](err); ok {
		return known.problem
	}
	if fields, ok := errors.AsType[violations](err); ok {
		p := Problem{Title: "Input validation failed", Detail: fields.Error(), Status: http.StatusUnprocessableEntity}
		for _, field := range fields {
			p.InvalidFields = append(p.InvalidFields, Violation(field))
		}
		return p
	}
	if _, is := errors.AsType[*dialect.ResultTooLarge](err); is {
		return problemOf(violation("number_lte", "input.scale", fault.Sentence(err)))
	}
	switch fault.KindOf(err) {
	case fault.Unauthorized, fault.Disabled:
		return Problem{Title: "Unauthenticated", Detail: "You did not pass a valid authentication token", Status: http.StatusUnauthorized}
	case fault.NoCredits:
		return Problem{
			Title:  "Insufficient credit",
			Detail: "You have insufficient credit to run this model. Ask the operator of this server for more.",
			Status: http.StatusPaymentRequired,
		}
	case fault.NotFound:
		return problemOf(errNotFound)
	case fault.Unsupported: // the router's: the path exists with other methods
		return Problem{Detail: "This address does not take that method.", Status: http.StatusMethodNotAllowed}
	case fault.Conflict:
		return Problem{Title: "Idempotency-Key conflict", Detail: fault.Sentence(err), Status: http.StatusUnprocessableEntity}
	case fault.RateLimited:
		return throttled(dialect.RetryAfter(err))
	case fault.Busy:
		return Problem{Detail: "The service is busy. Please try again later.", Status: http.StatusServiceUnavailable}
	}
	return Problem{Detail: "Internal server error", Status: http.StatusInternalServerError}
}

func throttled(seconds int) Problem {
	unit := "seconds"
	if seconds == 1 {
		unit = "second"
	}
	return Problem{
		Detail:     fmt.Sprintf("Request was throttled. Expected available in %d %s.", seconds, unit),
		Status:     http.StatusTooManyRequests,
		RetryAfter: seconds,
	}
}

// WriteError writes any error as a Problem.
func (a *API) WriteError(c echo.Context, err error) error {
	problem := problemOf(err)
	c.Response().Header().Set(echo.HeaderContentType, "application/problem+json")
	return dialect.WriteError(c, problem.Status, problem, err)
}

// NotFound handles unknown paths below the vendor's.
func (a *API) NotFound(c echo.Context) error { return a.WriteError(c, errNotFound) }
