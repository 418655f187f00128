// Package report shows what a run of upscaled does: to people as lines and
// bars, to programs as JSON events.
package report

import (
	"errors"
	"fmt"
	"time"

	"upscaled/cmd/upscaled/batch"
	"upscaled/models/fault"
)

// Reporter hears everything that a run tells. Fetched may be called from any
// goroutine, everything else from one at a time.
type Reporter interface {
	batch.Observer
	// Begin is called once, when the plan stands.
	Begin(jobs []batch.Job)
	// Noted tells something about a path, or with the empty path about the whole
	// run, that is no failure.
	Noted(note batch.Note)
	// Refused is called for paths that never became jobs, and with the empty
	// path when no picture can be begun.
	Refused(failure batch.Failure)
	// Fetched tells how much of a download is there, in bytes; total 0 means
	// unknown.
	Fetched(name string, done, total int64)
	// Ended is called once, last.
	Ended(summary Summary)
	// Close releases the terminal; nothing may be called after it.
	Close()
}

// Summary counts what became of the pictures.
type Summary struct {
	Done, Skipped, Failed, Canceled int
	Elapsed                         time.Duration
	Failures                        []batch.Failure
	// ExitCode is what the process will end with.
	ExitCode int
}

// Summarize counts outcomes and the failures from before the run.
func Summarize(refused []batch.Failure, outcomes []batch.Outcome, elapsed time.Duration) Summary {
	s := Summary{Failures: refused, Failed: len(refused), Elapsed: elapsed}
	for _, outcome := range outcomes {
		switch outcome.Status {
		case batch.Done:
			s.Done++
		case batch.Skipped:
			s.Skipped++
		case batch.Canceled:
			s.Canceled++
		default:
			s.Failed++
			s.Failures = append(s.Failures, batch.Failure{Path: outcome.Job.Input.Path, Err: outcome.Err})
		}
	}
	return s
}

// Sentence is what people and programs read of an error. A defect shows its
// cause, because it has to be reported.
func Sentence(err error) string {
	var known *fault.Error
	switch {
	case err == nil || fault.KindOf(err) != fault.Internal:
		return fault.Sentence(err)
	case errors.As(err, &known) && known.Err != nil:
		return fmt.Sprintf("%s (%v)", known.Message, known.Err)
	}
	return err.Error()
}

// failed is the event of a picture that could not be made.
func failed(input, output string, err error) Event {
	return Event{Event: "failed", Input: input, Output: output, Message: Sentence(err), Kind: string(fault.KindOf(err))}
}
