package mnml

import (
	"fmt"
	"hash/fnv"
	"regexp"
	"time"

	"upscaled/server/dialect"
	"upscaled/server/job"
)

// Status words of the vendor. Clients take any other word to mean "still running".
const (
	starting   = "starting"
	processing = "processing"
	success    = "success"
	failed     = "failed"
	canceled   = "canceled"
)

// Accepted is the response to a submission.
type Accepted struct {
	Status string `json:"status"`
	ID     string `json:"id"`
	// Credits is the remaining balance; absent if nothing is charged.
	Credits *int64 `json:"credits,omitempty"`
}

// Status is the response of GET /v1/status/{id}.
type Status struct {
	Status string `json:"status"`
	// Progress is 0..1 while the job runs. The vendor has no such field.
	Progress *float64 `json:"progress,omitempty"`
	// Message holds the URL of the result.
	Message []string `json:"message,omitempty"`
	Seed    *int     `json:"seed,omitempty"`
	Error   string   `json:"error,omitempty"`
}

// Balance is the response of GET /v1/credits.
type Balance struct {
	Status  string `json:"status"`
	Credits int64  `json:"credits"`
}

// unlimited is the balance reported if nothing is charged: clients stop at 0,
// and the vendor has no other way to say it.
const unlimited = 999_999_999

func balanceOf(caller job.Caller) Balance {
	if caller.Credits == nil {
		return Balance{Status: success, Credits: unlimited}
	}
	return Balance{Status: success, Credits: *caller.Credits}
}

// newID returns an ID of the vendor's form: upscale_, Unix milliseconds, _,
// eight letters or digits.
func newID(now time.Time) string {
	return fmt.Sprintf("upscale_%d_%s", now.UnixMilli(), dialect.Random(8))
}

var idForm = regexp.MustCompile(`^upscale_[0-9]{1,19}_[a-z0-9]{8}$`)

func isID(id string) bool { return idForm.MatchString(id) }

// statusOf returns the status of a job; url is the URL of a succeeded job's image.
func statusOf(j job.Job, url string) Status {
	switch j.State {
	case job.Queued:
		return Status{Status: starting}
	case job.Running:
		return Status{Status: processing, Progress: &j.Progress}
	case job.Succeeded:
		return Status{Status: success, Message: []string{url}, Seed: new(seedOf(j.ID))}
	case job.Canceled:
		return Status{Status: canceled}
	}
	return Status{Status: failed, Error: dialect.FailureText(j.Failure)}
}

// seedOf returns a number of six digits for the field that clients expect. These
// models use no randomness, so it is meaningless but stable.
func seedOf(id string) int {
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(id)) // a hash never fails
	return int(sum.Sum32()%900_000) + 100_000
}
