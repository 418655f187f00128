package cog

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/job"
)

// Prediction is Cog's object for a job. Until its end it has only ID and Status.
type Prediction struct {
	ID      string   `json:"id"`
	Output  string   `json:"output,omitempty"`
	Error   string   `json:"error,omitempty"`
	Logs    *string  `json:"logs,omitempty"`
	Status  string   `json:"status"`
	Metrics *Metrics `json:"metrics,omitempty"`
}

// Metrics of predictions that did not succeed are zero.
type Metrics struct {
	PredictTime float64 `json:"predict_time"` // seconds
}

// Failure is Cog's response to a request without a prediction. Status is "failed".
type Failure struct {
	Error  string `json:"error"`
	Status string `json:"status"`
}

// Health is the response of GET /health-check.
type Health struct {
	Status string `json:"status"` // READY or STARTING
	Setup  struct {
		StartedAt   time.Time `json:"started_at"`
		CompletedAt time.Time `json:"completed_at"`
		Status      string    `json:"status"`
		Logs        string    `json:"logs"`
	} `json:"setup"`
	Version map[string]string `json:"version"`
}

// predictionOf returns the prediction of a job; output is a succeeded one's. Final
// states have Cog's names.
func predictionOf(j job.Job, output string) Prediction {
	p := Prediction{ID: dialect.DecodeMemo[memo](j.Memo).ID, Output: output, Status: string(j.State)}
	switch j.State {
	case job.Queued:
		p.Status = "starting"
		return p
	case job.Running:
		p.Status = "processing"
		return p
	case job.Failed:
		p.Error = dialect.FailureText(j.Failure)
	}
	p.Logs, p.Metrics = new(string), &Metrics{}
	if j.Result != nil {
		*p.Logs = strings.Join(j.Result.Notes, "\n")
		p.Metrics.PredictTime = j.Result.Seconds
	}
	return p
}

// apiError is an error with its response.
type apiError struct {
	status  int
	message string
}

func (e apiError) Error() string { return e.message }

// WriteError writes any error in Cog's form. Images that Cog would fail at are
// refused as it refuses inputs.
func (a *API) WriteError(c echo.Context, err error) error {
	var known apiError
	var violations dialect.Violations
	if fields, ok := errors.AsType[dialect.FieldErrors](err); ok {
		err = fields.Violations()
	}
	switch router, _ := errors.AsType[*echo.HTTPError](err); {
	case router != nil && router.Code == http.StatusMethodNotAllowed:
		return dialect.WriteError(c, router.Code, map[string]string{"detail": "Method Not Allowed"}, err)
	case errors.As(err, &violations):
		return dialect.WriteError(c, http.StatusUnprocessableEntity, violations, err)
	case !errors.As(err, &known):
		known = apiErrorOf(err)
	}
	if known.status == http.StatusNotFound {
		return dialect.WriteError(c, known.status, struct{}{}, err)
	}
	return dialect.WriteError(c, known.status, Failure{known.message, "failed"}, err)
}

func apiErrorOf(err error) apiError {
	if errors.Is(err, dialect.ErrFaces) {
		return apiError{http.StatusUnprocessableEntity, "Face enhancement is not available on this server."}
	}
	switch fault.KindOf(err) {
	case fault.NotFound:
		return apiError{status: http.StatusNotFound}
	case fault.Unauthorized, fault.Disabled:
		return apiError{http.StatusUnauthorized, "The key is missing or not valid."}
	case fault.NoCredits:
		return apiError{http.StatusPaymentRequired, "There are not enough credits."}
	case fault.Conflict:
		return apiError{http.StatusUnprocessableEntity, fault.Sentence(err)}
	case fault.RateLimited:
		return apiError{http.StatusTooManyRequests, "Too many requests. Please try again later."}
	case fault.Busy:
		return apiError{http.StatusConflict, "At capacity - all prediction slots busy"}
	case fault.Invalid, fault.Unsupported, fault.FetchFailed:
		return apiError{http.StatusUnprocessableEntity, fault.Sentence(err)}
	case fault.TooLarge:
		return apiError{http.StatusUnprocessableEntity, "The image or its upscaled result is too large."}
	}
	return apiError{http.StatusInternalServerError, "Internal server error"}
}
