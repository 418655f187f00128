package aetherforge

import (
	"errors"
	"net/http"

	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/job"
)

// Accepted is the response to an upload.
type Accepted struct {
	JobID string `json:"job_id"` // UUID
}

// Progress is the status of a job. ImageURLs is never null: clients read its
// length.
type Progress struct {
	JobID     string   `json:"job_id"`
	Status    string   `json:"status"` // Pending, Succeed or Failed
	ImageURLs []string `json:"image_urls"`
}

// progressOf returns the status of a job; url is the URL of a succeeded job's
// image. The vendor has one word for queued and running, and none for canceled.
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

// damaged is the error of a form that is incomplete or garbled.
type damaged struct{ error }

func (e damaged) Unwrap() error { return e.error }

// apiError translates any error.
func apiError(err error) (status int, body any) {
	var invalid dialect.Violations
	switch {
	case errors.As(err, &invalid):
		return http.StatusUnprocessableEntity, invalid
	case errors.As(err, new(damaged)):
		return http.StatusBadRequest, dialect.ErrorDetail{Detail: "There was an error parsing the body"}
	}
	switch fault.KindOf(err) {
	case fault.Unauthorized:
		return http.StatusUnauthorized, dialect.ErrorDetail{Detail: "Invalid API key"}
	case fault.Disabled:
		return http.StatusNotFound, dialect.ErrorDetail{Detail: "Not Found User"}
	case fault.NotFound:
		return http.StatusNotFound, dialect.ErrorDetail{Detail: "Job not found"}
	case fault.Invalid, fault.Unsupported:
		return http.StatusBadRequest, dialect.ErrorDetail{Detail: "Invalid image file"}
	case fault.TooLarge:
		if _, is := errors.AsType[*dialect.ResultTooLarge](err); is { // of animations alone: sides end at 4096
			return http.StatusBadRequest, dialect.ErrorDetail{Detail: fault.Sentence(err)}
		}
		return http.StatusRequestEntityTooLarge, dialect.ErrorDetail{Detail: "File too large"} // ours
	case fault.NoCredits:
		return http.StatusPaymentRequired, dialect.ErrorDetail{Detail: "Insufficient credits"} // ours
	case fault.Conflict:
		return http.StatusUnprocessableEntity, dialect.ErrorDetail{Detail: fault.Sentence(err)} // ours
	case fault.RateLimited:
		return http.StatusTooManyRequests, dialect.ErrorDetail{Detail: "Rate limit exceeded. Please try again later"} // ours
	case fault.Busy:
		return http.StatusServiceUnavailable, dialect.ErrorDetail{Detail: "Service is busy. Please try again later"} // ours
	}
	return http.StatusInternalServerError, dialect.ErrorDetail{Detail: "Internal Server Error"}
}
