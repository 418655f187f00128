package replicate

import (
	"fmt"
	"math"
	"net/url"
	"strings"
	"time"

	"upscaled/server/dialect"
	"upscaled/server/job"
)

// Status words of the vendor.
const (
	starting   = "starting"
	processing = "processing"
	succeeded  = "succeeded"
	failed     = "failed"
	canceled   = "canceled"
)

// Prediction is the vendor's object for a job. Unknown fields are null, never
// absent. Output is a string, or a list for clients that save only lists.
type Prediction struct {
	ID          string  `json:"id"`
	Model       string  `json:"model"`
	Version     string  `json:"version"`
	Input       Input   `json:"input"`
	Logs        string  `json:"logs"`
	Output      any     `json:"output"`
	DataRemoved bool    `json:"data_removed"`
	Error       *string `json:"error"`
	Source      string  `json:"source"`
	Status      string  `json:"status"`
	CreatedAt   string  `json:"created_at"`
	StartedAt   *string `json:"started_at"`
	CompletedAt *string `json:"completed_at"`
	Metrics     Metrics `json:"metrics"`
	URLs        URLs    `json:"urls"`
}

// Metrics are in seconds, set once a prediction has ended.
type Metrics struct {
	PredictTime *float64 `json:"predict_time,omitempty"`
	TotalTime   *float64 `json:"total_time,omitempty"`
}

// URLs are the calls of a prediction.
type URLs struct {
	Get    string `json:"get"`
	Cancel string `json:"cancel"`
}

// Page is one page of a list. Next is the URL of the next page; Previous is
// always null.
type Page[T any] struct {
	Next     *string `json:"next"`
	Previous *string `json:"previous"`
	Results  []T     `json:"results"`
}

// nextLink returns the URL of a list's page after a cursor, nil if that is "".
func nextLink(list, cursor string) *string {
	if cursor == "" {
		return nil
	}
	return new(list + "?cursor=" + url.QueryEscape(cursor))
}

// predictionOf returns the prediction of a job below a base URL; output is the
// URL of a succeeded job's image.
func predictionOf(j job.Job, base, output string) Prediction {
	noted := dialect.DecodeMemo[memo](j.Memo)
	self := base + "/v1/predictions/" + j.ID
	p := Prediction{
		ID: j.ID, Model: noted.Model, Version: noted.Version, Input: noted.Input, Source: "api",
		Logs: logsOf(j), Status: statusOf(j.State), Metrics: metricsOf(j),
		CreatedAt: timestamp(j.Created), StartedAt: moment(j.Started), CompletedAt: moment(j.Finished),
		URLs: URLs{Get: self, Cancel: self + "/cancel"},
	}
	switch j.State {
	case job.Succeeded:
		p.Output = output
	case job.Failed:
		p.Error = new(dialect.FailureText(j.Failure))
	}
	return p
}

func statusOf(s job.State) string {
	switch s {
	case job.Queued:
		return starting
	case job.Running:
		return processing
	case job.Succeeded:
		return succeeded
	case job.Canceled:
		return canceled
	}
	return failed
}

// logsOf returns a progress bar in the form that the vendor's clients parse,
// while the job runs, and the engine's notes in the end.
func logsOf(j job.Job) string {
	const bars = 10
	switch {
	case j.State == job.Running && j.Progress > 0:
		percent := int(100 * min(j.Progress, 1))
		filled := percent * bars / 100
		return fmt.Sprintf("%3d%%|%s%s| %d/100", percent, strings.Repeat("#", filled), strings.Repeat(" ", bars-filled), percent)
	case j.Result != nil:
		return strings.Join(j.Result.Notes, "\n")
	}
	return ""
}

func metricsOf(j job.Job) Metrics {
	if !j.State.Final() || j.Finished.IsZero() {
		return Metrics{}
	}
	m := Metrics{TotalTime: new(toMicroseconds(j.Finished.Sub(j.Created).Seconds()))}
	switch {
	case j.Result != nil:
		m.PredictTime = new(toMicroseconds(j.Result.Seconds))
	case !j.Started.IsZero():
		m.PredictTime = new(toMicroseconds(j.Finished.Sub(j.Started).Seconds()))
	}
	return m
}

func toMicroseconds(seconds float64) float64 { return math.Round(seconds*1e6) / 1e6 }

// timestamp formats a time with microseconds, as the vendor does.
func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

// moment returns nil for the zero time.
func moment(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	return new(timestamp(t))
}
