package comfyui

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/dialect"
)

// Problem is the vendor's object for what is wrong with a prompt or a node.
type Problem struct {
	Type    string         `json:"type"`
	Message string         `json:"message"`
	Details string         `json:"details"`
	Extra   map[string]any `json:"extra_info"`
}

// NodeErrors are the problems of one node, which the Dependent output nodes need.
type NodeErrors struct {
	Errors    []Problem `json:"errors"`
	Dependent []string  `json:"dependent_outputs"`
	Class     string    `json:"class_type"`
}

// Refusal is the vendor's body of an error, and the error that leads to it.
type Refusal struct {
	Problem Problem                `json:"error"`
	Nodes   map[string]*NodeErrors `json:"node_errors"`
	status  int
}

func (r Refusal) Error() string { return r.Problem.Message }

func refusal(status int, kind, message string) Refusal {
	return Refusal{Problem{kind, message, "", map[string]any{}}, map[string]*NodeErrors{}, status}
}

// refusalOf translates any error.
func refusalOf(err error) Refusal {
	var known Refusal
	if errors.As(err, &known) {
		return known
	}
	kinds := map[fault.Kind]Refusal{
		fault.Unauthorized: refusal(http.StatusUnauthorized, "unauthorized", "Authentication required."),
		fault.Disabled:     refusal(http.StatusUnauthorized, "unauthorized", "Authentication required."),
		fault.NoCredits:    refusal(http.StatusPaymentRequired, "no_credits", "There are not enough credits for this prompt."),
		fault.NotFound:     refusal(http.StatusNotFound, "not_found", "There is nothing at this address."),
		fault.Unsupported:  refusal(http.StatusMethodNotAllowed, "method_not_allowed", "This address does not take that method."), // the router's
		fault.TooLarge:     refusal(http.StatusRequestEntityTooLarge, "too_large", "The request or its result would be too large."),
		fault.RateLimited:  refusal(http.StatusTooManyRequests, "rate_limited", "Too many requests. Please try again later."),
		fault.Busy:         refusal(http.StatusServiceUnavailable, "busy", "The server is busy. Please try again later."),
		fault.Invalid:      refusal(http.StatusBadRequest, "invalid_request", fault.Sentence(err)), // too slow
	}
	if r, known := kinds[fault.KindOf(err)]; known {
		return r
	}
	return refusal(http.StatusInternalServerError, "internal", "The request failed because of an error of the server.")
}

// WriteError writes any error as a Refusal.
func (a *API) WriteError(c echo.Context, err error) error {
	r := refusalOf(err)
	return dialect.WriteError(c, r.status, r, err)
}
