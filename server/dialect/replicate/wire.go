package replicate

import (
	"fmt"
	"math"
	"strings"
	"time"

	"upscaled/models/fault"
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

// Prediction is the vendor's object for a job. What is not known (yet) is
// null, never left out.
type Prediction struct {
	ID          string  `json:"id"`
	Model       string  `json:"model"`
	Version     string  `json:"version"`
	Input       Input   `json:"input"`
	Logs        string  `json:"logs"`
	Output      *string `json:"output"`
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

// Metrics are in seconds, known once a prediction has ended.
type Metrics struct {
	PredictTime *float64 `json:"predict_time,omitempty"`
	TotalTime   *float64 `json:"total_time,omitempty"`
}

// URLs are where a prediction can be asked for and canceled.
type URLs struct {
	Get    string `json:"get"`
	Cancel string `json:"cancel"`
}

// Page is a part of a list. Next is the URL of the following one; there is no
// way back.
type Page[T any] struct {
	Next     *string `json:"next"`
	Previous *string `json:"previous"`
	Results  []T     `json:"results"`
}

// predictionOf tells of a job below a base URL; output is where a succeeded
// one's picture is.
func predictionOf(j job.Job, base, output string) Prediction {
	noted := decodeMemo(j.Memo)
	self := base + "/v1/predictions/" + j.ID
	p := Prediction{
		ID: j.ID, Model: noted.Model, Version: noted.Version, Input: noted.Input, Source: "api",
		Logs: logsOf(j), Status: statusOf(j.State), Metrics: metricsOf(j),
		CreatedAt: timestamp(j.Created), StartedAt: moment(j.Started), CompletedAt: moment(j.Finished),
		URLs: URLs{Get: self, Cancel: self + "/cancel"},
	}
	switch j.State {
	case job.Succeeded:
		p.Output = &output
	case job.Failed:
		why := failureText(j.Failure)
		p.Error = &why
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

// logsOf is a progress bar of the form that the vendor's clients read a
// fraction from, while there is progress; the engine's notes in the end.
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
	total := toMicroseconds(j.Finished.Sub(j.Created).Seconds())
	m := Metrics{TotalTime: &total}
	switch {
	case j.Result != nil:
		worked := toMicroseconds(j.Result.Seconds)
		m.PredictTime = &worked
	case !j.Started.IsZero():
		worked := toMicroseconds(j.Finished.Sub(j.Started).Seconds())
		m.PredictTime = &worked
	}
	return m
}

func toMicroseconds(seconds float64) float64 { return math.Round(seconds*1e6) / 1e6 }

// timestamp has microseconds, as the vendor's have.
func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

// moment is nil for a time that has not come.
func moment(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	text := timestamp(t)
	return &text
}

// failureText tells of the picture's faults only. What went wrong inside the
// server, and sentences that name its settings, are not for clients.
func failureText(f *job.Failure) string {
	if f != nil && f.Message != "" {
		switch f.Kind {
		case fault.Invalid, fault.Unsupported, fault.Busy: // Busy: it waited until it expired
			return f.Message
		case fault.TooLarge:
			return "The image or its upscaled result has too many pixels"
		}
	}
	return "The image could not be processed"
}
