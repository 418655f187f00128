package mnml

import (
	"fmt"
	"hash/fnv"
	"regexp"
	"time"

	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/job"
)

// Status words of the vendor. Clients take any other word for "still running".
const (
	starting   = "starting"
	processing = "processing"
	success    = "success"
	failed     = "failed"
	canceled   = "canceled"
)

// Accepted answers a submission.
type Accepted struct {
	Status string `json:"status"`
	ID     string `json:"id"`
	// Credits is the balance left; absent where nothing is charged.
	Credits *int64 `json:"credits,omitempty"`
}

// Status answers GET /v1/status/{id}.
type Status struct {
	Status string `json:"status"`
	// Progress is 0..1 while the job runs (ours).
	Progress *float64 `json:"progress,omitempty"`
	// Message has the result's URL, in an array.
	Message []string `json:"message,omitempty"`
	Seed    *int     `json:"seed,omitempty"`
	Error   string   `json:"error,omitempty"`
}

// Balance answers GET /v1/credits.
type Balance struct {
	Status  string `json:"status"`
	Credits int64  `json:"credits"`
}

// unlimited is the balance told where nothing is charged: clients stop at 0
// and know no word for "any number".
const unlimited = 999_999_999

func balanceOf(caller job.Caller) Balance {
	if caller.Credits == nil {
		return Balance{Status: success, Credits: unlimited}
	}
	return Balance{Status: success, Credits: *caller.Credits}
}

// newID is the vendor's form: upscale_, unix milliseconds, _, eight letters
// or digits.
func newID(now time.Time) string {
	return fmt.Sprintf("upscale_%d_%s", now.UnixMilli(), dialect.Random(8))
}

var idForm = regexp.MustCompile(`^upscale_[0-9]{1,19}_[a-z0-9]{8}$`)

func isID(id string) bool { return idForm.MatchString(id) }

// statusOf tells of a job; url is where a succeeded one's picture is.
func statusOf(j job.Job, url string) Status {
	switch j.State {
	case job.Queued:
		return Status{Status: starting}
	case job.Running:
		return Status{Status: processing, Progress: &j.Progress}
	case job.Succeeded:
		seed := seedOf(j.ID)
		return Status{Status: success, Message: []string{url}, Seed: &seed}
	case job.Canceled:
		return Status{Status: canceled}
	}
	return Status{Status: failed, Error: failureText(j.Failure)}
}

// seedOf is a number of six digits for the field that clients expect. These
// networks draw no random numbers, so it means nothing, but stays the same.
func seedOf(id string) int {
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(id)) // a hash never fails
	return int(sum.Sum32()%900_000) + 100_000
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
