package automatic1111

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"upscaled/server/dialect"
	"upscaled/server/job"
)

// ProgressBody is the response of GET progress: the progress of all the caller's
// jobs of this API together. There is never a preview.
type ProgressBody struct {
	// Progress is 0..1; also 0 if nothing runs, as with the vendor.
	Progress float64 `json:"progress"`
	// ETARelative is in seconds, 0 while unknown.
	ETARelative  float64       `json:"eta_relative"`
	State        ProgressState `json:"state"`
	CurrentImage *string       `json:"current_image"`
	TextInfo     *string       `json:"textinfo"`
}

// ProgressState is the vendor's; there are no sampling steps here.
type ProgressState struct {
	Skipped            bool   `json:"skipped"`
	Interrupted        bool   `json:"interrupted"`
	StoppingGeneration bool   `json:"stopping_generation"`
	Job                string `json:"job"`
	JobCount           int    `json:"job_count"`
	// JobTimestamp is the creation time of the oldest job, in UTC, "0" for none.
	JobTimestamp  string `json:"job_timestamp"`
	JobNo         int    `json:"job_no"`
	SamplingStep  int    `json:"sampling_step"`
	SamplingSteps int    `json:"sampling_steps"`
}

// progress handles GET progress from the caller's unfinished jobs.
func (m menus) progress(c echo.Context, caller job.Caller) error {
	newest, err := dialect.Recent(c.Request().Context(), m.stores.Lister, Name, caller)
	return dialect.Reply(c, http.StatusOK, progressOf(newest, m.services.Now()), err)
}

// progressOf sums up jobs, newest first. The remaining time is extrapolated from
// the elapsed time.
func progressOf(newest []job.Job, now time.Time) ProgressBody {
	body := ProgressBody{State: ProgressState{JobTimestamp: "0"}}
	var done float64
	var oldest time.Time
	for _, j := range newest {
		if j.State.Final() {
			continue
		}
		oldest = j.Created
		body.State.JobCount++
		if j.State == job.Running {
			body.State.JobNo++
			done += min(max(j.Progress, 0), 1)
		}
	}
	if body.State.JobCount == 0 {
		return body
	}
	body.State.Job, body.State.JobTimestamp = "extras", oldest.UTC().Format("20060102150405")
	body.Progress = done / float64(body.State.JobCount)
	if passed := now.Sub(oldest).Seconds(); body.Progress > 0 && passed > 0 {
		body.ETARelative = passed/body.Progress - passed
	}
	return body
}
