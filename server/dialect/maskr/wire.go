package maskr

import (
	"math"

	"upscaled/models/fault"
	"upscaled/server/job"
)

// Status words of the vendor.
const (
	pending    = "pending"
	processing = "processing"
	completed  = "completed"
	failed     = "failed"
)

// Result is the outcome of one image. Unknown fields are null, never absent.
type Result struct {
	JobID            string   `json:"job_id"`
	Status           string   `json:"status"`
	InputFilename    string   `json:"input_filename"`
	OutputURL        *string  `json:"output_url"`
	ProcessingTimeMS *float64 `json:"processing_time_ms"`
	Error            *string  `json:"error"`
	OriginalWidth    *int     `json:"original_width"`
	OriginalHeight   *int     `json:"original_height"`
	OutputWidth      *int     `json:"output_width"`
	OutputHeight     *int     `json:"output_height"`
	CreditsUsed      *int64   `json:"credits_used"`
}

// Envelope is the body of the single call and of GET /v1/jobs; its other fields
// repeat the result's.
type Envelope struct {
	JobID  string  `json:"job_id"`
	Status string  `json:"status"`
	Result Result  `json:"result"`
	Error  *string `json:"error"`
}

// BatchEnvelope is the body of the batch call, with results in the order of
// the files.
type BatchEnvelope struct {
	BatchID               string   `json:"batch_id"`
	Status                string   `json:"status"`
	TotalFiles            int      `json:"total_files"`
	Completed             int      `json:"completed"`
	Failed                int      `json:"failed"`
	Results               []Result `json:"results"`
	TotalProcessingTimeMS float64  `json:"total_processing_time_ms"`
	TotalCreditsUsed      int64    `json:"total_credits_used"`
	Error                 *string  `json:"error"`
}

func envelope(r Result) Envelope {
	return Envelope{JobID: r.JobID, Status: r.Status, Result: r, Error: r.Error}
}

func statusOf(s job.State) string {
	switch s {
	case job.Queued:
		return pending
	case job.Running:
		return processing
	case job.Succeeded:
		return completed
	}
	return failed // canceled too: the vendor has no such status
}

// resultOf returns the outcome of a job; url is the URL of a succeeded job's image.
func resultOf(j job.Job, url string) Result {
	r := Result{JobID: j.ID, Status: statusOf(j.State), InputFilename: j.InputName}
	switch {
	case r.Status == failed:
		r.fail(failureText(j))
	case r.Status == completed && j.Result != nil:
		r.OutputURL, r.ProcessingTimeMS, r.CreditsUsed = &url, new(toTenth(1000*j.Result.Seconds)), &j.Price
		r.OriginalWidth, r.OriginalHeight = &j.Result.InputWidth, &j.Result.InputHeight
		r.OutputWidth, r.OutputHeight = &j.Result.OutputWidth, &j.Result.OutputHeight
	}
	return r
}

// rejected returns the outcome of a batch's item that did not become a job.
func rejected(spec job.Spec, err error) Result {
	r := Result{JobID: spec.ID, Status: failed, InputFilename: spec.InputName}
	r.fail(message(err))
	return r
}

// fail sets the reason; failed images are free.
func (r *Result) fail(why string) {
	var free int64
	r.Error, r.CreditsUsed = &why, &free
}

// failureText hides internal errors.
func failureText(j job.Job) string {
	switch {
	case j.State == job.Canceled:
		return "The job was canceled"
	case j.Failure == nil || j.Failure.Message == "":
		return "Processing failed"
	}
	switch j.Failure.Kind {
	case fault.Invalid, fault.Unsupported, fault.Busy: // Busy: it expired in the queue
		return j.Failure.Message
	case fault.TooLarge: // the engine's own message names its settings
		return "The image or its upscaled result is too large"
	}
	return "Processing failed"
}

// summary counts a batch's results. A batch is completed if any image is, and
// processing if none is but some still run.
func summary(id string, results []Result) BatchEnvelope {
	b := BatchEnvelope{BatchID: id, TotalFiles: len(results), Results: results}
	for _, r := range results {
		switch r.Status {
		case completed:
			b.Completed++
		case failed:
			b.Failed++
		}
		if r.ProcessingTimeMS != nil {
			b.TotalProcessingTimeMS += *r.ProcessingTimeMS
		}
		if r.CreditsUsed != nil {
			b.TotalCreditsUsed += *r.CreditsUsed
		}
	}
	b.TotalProcessingTimeMS = toTenth(b.TotalProcessingTimeMS)
	switch {
	case b.Completed > 0:
		b.Status = completed
	case b.Failed < b.TotalFiles:
		b.Status = processing
	default:
		b.Status, b.Error = failed, new("No image could be processed")
	}
	return b
}

// toTenth rounds milliseconds as the vendor's examples do.
func toTenth(ms float64) float64 { return math.Round(10*ms) / 10 }
