// Package fault classifies errors: a stable Kind that programs act on and a
// sentence that users may read. It imports only the standard library so that
// every other package can use it.
//
// A Kind decides three things, each in one function elsewhere: whether a job is
// retried (worker), the exit code (cmd) and the status and body of an HTTP
// response (each dialect).
package fault

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Kind classifies an error. Its values are stable: they appear in JSON events,
// logs and stored job records.
type Kind string

const (
	// Invalid: the input or a setting is wrong and will stay wrong.
	Invalid Kind = "invalid"
	// TooLarge: a limit on bytes, pixels, sides or frames is exceeded.
	TooLarge Kind = "too_large"
	// Unsupported: valid, but this program cannot do it.
	Unsupported Kind = "unsupported"
	// NotFound: a named file, job or model does not exist.
	NotFound Kind = "not_found"
	// FetchFailed: a download failed.
	FetchFailed Kind = "fetch_failed"
	// Busy: a queue or a quota is full; a later attempt may succeed.
	Busy Kind = "busy"
	// DeviceMemory: the device ran out of memory; smaller tiles may succeed.
	DeviceMemory Kind = "device_memory"
	// DeviceLost: the device stopped responding and this process can no longer
	// use it; another process may.
	DeviceLost Kind = "device_lost"
	// ModelMissing: a model or a runtime library is not installed.
	ModelMissing Kind = "model_missing"
	// Unauthorized: no key, or an unknown one.
	Unauthorized Kind = "unauthorized"
	// Disabled: the key is known but switched off.
	Disabled Kind = "disabled"
	// NoCredits: the account cannot pay for the job.
	NoCredits Kind = "no_credits"
	// RateLimited: the account's rate, quota or concurrency is used up; a later
	// attempt may succeed.
	RateLimited Kind = "rate_limited"
	// Conflict: the request contradicts an earlier one of its Idempotency-Key.
	Conflict Kind = "conflict"
	// Canceled: the caller gave up; nothing is wrong.
	Canceled Kind = "canceled"
	// Internal: a defect, or an external failure that the user cannot solve.
	Internal Kind = "internal"
)

// Error carries a kind, one sentence for the user and the cause for the log.
type Error struct {
	Kind Kind
	// Message is one sentence with the cause and, if there is one, the remedy.
	// It never holds internal details such as addresses, or paths that the user
	// did not name.
	Message string
	// Err is the cause, for logs only; nil if the sentence says it all.
	Err error
}

// Error returns the sentence and the cause, for logs and the command line.
func (e *Error) Error() string {
	if e.Err == nil {
		return e.Message
	}
	return e.Message + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// New returns an error of a kind with a formatted sentence.
func New(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// Wrap returns an error of a kind with a cause and a formatted sentence. A cause
// that is a cancellation makes the kind Canceled, so that an interrupted
// operation is never reported as a failure.
func Wrap(kind Kind, err error, format string, args ...any) *Error {
	if isCancellation(err) {
		kind = Canceled
	}
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...), Err: err}
}

// KindOf classifies any error: the outermost Error's kind, Canceled if a context
// ended, Internal for everything else and "" for nil.
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

// Sentence returns the part of any error that a user may read: the outermost
// Error's message without its cause, or a fixed sentence if there is none.
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

// ForClients returns a sentence for users of a server: the first line, without parts that
// name a flag or a command, which only an operator can use.
func ForClients(sentence string) string {
	text, _, more := strings.Cut(sentence, "\n")
	at := operatorsAdvice.FindStringIndex(text)
	//guard:client-words TestForClients
	if at != nil {
		text, more = text[:at[0]], true
	}
	if !more {
		return text
	}
	if at != nil {
		end := -1
		for _, separator := range []string{"; ", ": ", ". ", ", or ", " and "} {
			end = max(end, strings.LastIndex(text, separator))
		}
		text = text[:max(end, 0)]
	}
	if text = strings.TrimRight(text, " :;,."); text == "" {
		return "The server cannot do this as it is set up."
	}
	return text + "."
}

// operatorsAdvice matches flags and commands.
var operatorsAdvice = regexp.MustCompile(`--[a-z]|'upscaled `)

func isCancellation(err error) bool {
	known, ok := errors.AsType[*Error](err)
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || ok && known.Kind == Canceled
}
