// Package fault is the vocabulary of what can go wrong: a stable Kind that
// machines act on and a sentence that a user may read. It imports only the
// standard library so that every other package can use it.
//
// A Kind decides three things, each in one function elsewhere: whether a job
// is tried again (worker), the exit code (cmd) and the status and body of an
// HTTP answer (each dialect).
package fault

import (
	"context"
	"errors"
	"fmt"
)

// Kind classifies an error. Its values are stable: they appear in JSON events,
// logs and stored job records.
type Kind string

const (
	// Invalid: the input or a setting is wrong and will stay wrong.
	Invalid Kind = "invalid"
	// TooLarge: a limit on bytes, pixels, sides or frames was exceeded.
	TooLarge Kind = "too_large"
	// Unsupported: understood, but this program cannot do it.
	Unsupported Kind = "unsupported"
	// NotFound: a named file, job or model does not exist.
	NotFound Kind = "not_found"
	// FetchFailed: something could not be downloaded.
	FetchFailed Kind = "fetch_failed"
	// Busy: a queue or a quota is full; trying later may succeed.
	Busy Kind = "busy"
	// DeviceMemory: the device ran out of memory; a smaller plan may succeed.
	DeviceMemory Kind = "device_memory"
	// DeviceLost: the device stopped answering and this process cannot use it
	// any more; another process, or a restart, may.
	DeviceLost Kind = "device_lost"
	// ModelMissing: a model or a runtime library is not installed.
	ModelMissing Kind = "model_missing"
	// Unauthorized: no key, or one that is not known.
	Unauthorized Kind = "unauthorized"
	// Disabled: the key is known and switched off.
	Disabled Kind = "disabled"
	// NoCredits: the account cannot pay for the job.
	NoCredits Kind = "no_credits"
	// RateLimited: the account's rate, quota or concurrency is used up;
	// trying later may succeed.
	RateLimited Kind = "rate_limited"
	// Canceled: the caller gave up; nothing is wrong.
	Canceled Kind = "canceled"
	// Internal: a defect or an outside failure that the user cannot mend.
	Internal Kind = "internal"
)

// Error carries a kind, one sentence for the user and the cause for the log.
type Error struct {
	Kind Kind
	// Message is one sentence that names the cause and, where there is one,
	// the fix. It never holds internal detail such as addresses or paths that
	// the user did not name.
	Message string
	// Err is the cause, for logs only; nil where the sentence says it all.
	Err error
}

// Error gives the sentence and the cause, for logs and the command line.
func (e *Error) Error() string {
	if e.Err == nil {
		return e.Message
	}
	return e.Message + ": " + e.Err.Error()
}

// Unwrap gives the cause to errors.Is and errors.As.
func (e *Error) Unwrap() error { return e.Err }

// New makes an error of a kind from a formatted sentence.
func New(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// Wrap gives a cause a kind and a sentence. A cause that is a cancellation
// stays one whatever kind is asked for, so that an interrupted operation is
// never reported as a failure.
func Wrap(kind Kind, err error, format string, args ...any) *Error {
	if isCancellation(err) {
		kind = Canceled
	}
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...), Err: err}
}

// KindOf classifies any error: the outermost Error's kind, Canceled for a
// context's end, Internal for everything else and "" for nil.
func KindOf(err error) Kind {
	var e *Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &e):
		return e.Kind
	case isCancellation(err):
		return Canceled
	}
	return Internal
}

// Sentence is what a user may read of any error: the outermost Error's
// message without its cause, and a fixed sentence for errors that carry none.
func Sentence(err error) string {
	var e *Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &e):
		return e.Message
	case isCancellation(err):
		return "The operation was canceled."
	}
	return "An internal error occurred."
}

func isCancellation(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || kindIsCanceled(err)
}

func kindIsCanceled(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Kind == Canceled
}
