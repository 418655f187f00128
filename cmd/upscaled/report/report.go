// Package report shows the progress and results of upscaled: to people as text and
// bars, to programs as JSON.
package report

import (
	"errors"
	"fmt"
	"time"

	"upscaled/cmd/upscaled/batch"
	"upscaled/models/fault"
)

// Reporter shows the progress of a run. Fetched may be called concurrently, the
// other methods may not.
type Reporter interface {
	batch.Observer
	// Begin is called with the planned jobs: once, or as often as --watch finds some.
	Begin(jobs []batch.Job)
	// Noted reports a note about a path or, if that is empty, about the run.
	Noted(note batch.Note)
	// Refused reports a path that never became a job or, if the path is empty,
	// that no job can begin.
	Refused(failure batch.Failure)
	// Fetched reports the progress of a download in bytes; total 0 means unknown.
	Fetched(name string, done, total int64)
	// Ended is called once, last.
	Ended(summary Summary)
	// Close releases the terminal; nothing may be called after it.
	Close()
}

// Summary counts the outcomes of a run.
type Summary struct {
	Done, Planned, Skipped, Failed, Canceled int
	Elapsed                                  time.Duration
	Failures                                 []batch.Failure
	// ExitCode is the exit code of the process.
	ExitCode int
}

// Summarize counts outcomes and the failures from before the run.
func Summarize(refused []batch.Failure, outcomes []batch.Outcome, elapsed time.Duration) Summary {
	s := Summary{Failures: refused, Failed: len(refused), Elapsed: elapsed}
	for _, outcome := range outcomes {
		switch outcome.Status {
		case batch.Done:
			s.Done++
		case batch.Planned:
			s.Planned++
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

// Add adds the counts of a later run.
func (s *Summary) Add(later Summary) {
	s.Done += later.Done
	s.Skipped += later.Skipped
	s.Failed += later.Failed
	s.Canceled += later.Canceled
	s.Elapsed += later.Elapsed
}

// Sentence returns an error's message for users. Internal errors include their
// cause, for bug reports.
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

// failed returns the event of an image that failed.
func failed(input, output string, err error) Event {
	return Event{Event: "failed", Input: input, Output: output, Message: Sentence(err), Kind: string(fault.KindOf(err))}
}
