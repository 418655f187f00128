package automatic1111

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"upscaled/server/dialect"
	"upscaled/server/job"
)

// ProgressAnswer is GET progress's body: how far the caller's jobs of this API
// are, all together. There is never a picture of what is not done yet.
type ProgressAnswer struct {
	// Progress is 0..1; 0 as well when nothing runs, as at the vendor's.
	Progress float64 `json:"progress"`
	// ETARelative is in seconds, 0 while nothing can be said.
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
	// JobTimestamp is the begin of the oldest job, in UTC, "0" for none.
	JobTimestamp  string `json:"job_timestamp"`
	JobNo         int    `json:"job_no"`
	SamplingStep  int    `json:"sampling_step"`
	SamplingSteps int    `json:"sampling_steps"`
}

// Progress answers GET progress from the caller's newest jobs that have not
// ended, job.LongestPage of them at most.
func (a *API) Progress(c echo.Context) error {
	caller, err := a.authenticate(c)
	if err != nil {
		return a.WriteError(c, err)
	}
	newest, _, err := a.stores.Lister.List(c.Request().Context(), job.Page{API: Name, Account: caller.ID, Limit: job.LongestPage})
	if err != nil {
		return a.WriteError(c, err)
	}
	return dialect.JSON(c, http.StatusOK, progressOf(newest, a.services.Now()))
}

// progressOf sums up jobs, newest first. The time left is that of the past
// rate: as long as it took, for what remains.
func progressOf(newest []job.Job, now time.Time) ProgressAnswer {
	answer := ProgressAnswer{State: ProgressState{JobTimestamp: "0"}}
	var done float64
	var oldest time.Time
	for _, j := range newest {
		if j.State.Final() {
			continue
		}
		oldest = j.Created
		answer.State.JobCount++
		if j.State == job.Running {
			answer.State.JobNo++
			done += min(max(j.Progress, 0), 1)
		}
	}
	if answer.State.JobCount == 0 {
		return answer
	}
	answer.State.Job, answer.State.JobTimestamp = "extras", oldest.UTC().Format("20060102150405")
	answer.Progress = done / float64(answer.State.JobCount)
	if passed := now.Sub(oldest).Seconds(); answer.Progress > 0 && passed > 0 {
		answer.ETARelative = passed/answer.Progress - passed
	}
	return answer
}
