package aetherforge

import (
	"errors"
	"net/http"

	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/job"
)

// Accepted is the answer to an upload.
type Accepted struct {
	JobID string `json:"job_id"` // UUID
}

// Progress is what became of a job. ImageURLs is never null: clients take its
// length.
type Progress struct {
	JobID     string   `json:"job_id"`
	Status    string   `json:"status"` // Pending, Succeed or Failed
	ImageURLs []string `json:"image_urls"`
}

// progressOf tells of a job; url is where a succeeded one's picture is. The
// vendor has one word for queued and running, and none for canceled.
func progressOf(j job.Job, url string) Progress {
	p := Progress{JobID: j.ID, Status: "Pending", ImageURLs: []string{}}
	switch j.State {
	case job.Succeeded:
		p.Status, p.ImageURLs = "Succeed", []string{url}
	case job.Failed, job.Canceled:
		p.Status = "Failed"
	}
	return p
}

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

func (v *Violations) add(message, kind string, location ...string) {
	v.Detail = append(v.Detail, violation(message, kind, location...).Detail...)
}

// damaged is a form that ends early or is garbled; the words are FastAPI's.
type damaged struct{ error }

func (d damaged) Unwrap() error { return d.error }

// refusal translates any error; it is the only place that does.
func refusal(err error) (status int, body any) {
	var invalid Violations
	switch {
	case errors.As(err, &invalid):
		return http.StatusUnprocessableEntity, invalid
	case errors.As(err, new(damaged)):
		return http.StatusBadRequest, ErrorBody{"There was an error parsing the body"}
	}
	switch fault.KindOf(err) {
	case fault.Unauthorized:
		return http.StatusUnauthorized, ErrorBody{"Invalid API key"}
	case fault.Disabled:
		return http.StatusNotFound, ErrorBody{"Not Found User"}
	case fault.NotFound:
		return http.StatusNotFound, ErrorBody{"Job not found"}
	case fault.Invalid, fault.Unsupported:
		return http.StatusBadRequest, ErrorBody{"Invalid image file"}
	case fault.TooLarge:
		if _, is := dialect.ResultIsTooLarge(err); is { // of animations alone: sides end at 4096
			return http.StatusBadRequest, ErrorBody{fault.Sentence(err)}
		}
		return http.StatusRequestEntityTooLarge, ErrorBody{"File too large"} // ours
	case fault.NoCredits:
		return http.StatusPaymentRequired, ErrorBody{"Insufficient credits"} // ours
	case fault.RateLimited:
		return http.StatusTooManyRequests, ErrorBody{"Rate limit exceeded. Please try again later"} // ours
	case fault.Busy:
		return http.StatusServiceUnavailable, ErrorBody{"Service is busy. Please try again later"} // ours
	}
	return http.StatusInternalServerError, ErrorBody{"Internal Server Error"}
}
