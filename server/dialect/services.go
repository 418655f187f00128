// Package dialect holds what every vendor's API needs from the server, and
// nothing of any vendor's wire: each dialect is a package below this one with
// wire types, pure conversions and thin routes of its own.
package dialect

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"upscaled/engine/imagedata"
	"upscaled/models/fault"
	"upscaled/server/account"
	"upscaled/server/job"
)

// Links makes the signed URL of a succeeded job's result below a base.
type Links interface {
	URL(base string, j job.Job) string
}

// Services is what the server lends to every dialect.
type Services struct {
	Queue     job.Queue
	Auth      job.Authenticator
	Validator job.ImageValidator
	Links     Links
	// BaseURL is the scheme and host that clients reach the server at, without
	// a slash at the end.
	BaseURL func(*http.Request) string
	// Retention is how long a finished job is told of, so that its status ends
	// when its picture does; 0 is as long as the queue knows it.
	Retention time.Duration
	// WaitLimit bounds how long a synchronous call waits for its job.
	WaitLimit time.Duration
	// Stopping is closed when the server stops: jobs that have not begun by
	// then are given up, those that run are still waited for. nil never stops.
	Stopping <-chan struct{}
	// Faces says why faces cannot be enhanced, for requests that ask for it;
	// nil where that is left to the worker.
	Faces func(context.Context) error
	// Now is the clock.
	Now func() time.Time
}

// ResultURL is where a succeeded job's picture can be read without a key.
func (h Services) ResultURL(r *http.Request, j job.Job) string { return h.Links.URL(h.BaseURL(r), j) }

// NamedURL is ResultURL with a file name at the end of its path, as most
// vendors' have one: clients name what they download by it.
func (h Services) NamedURL(base string, j job.Job, stem string) string {
	path, query, _ := strings.Cut(h.Links.URL(base, j), "?")
	return path + "/" + stem + imagedata.Format(j.Result.Format).Extension() + "?" + query
}

// Owned gives a job of this API that the caller may see; fault.NotFound for
// unknown, expired and other callers' jobs alike.
func (h Services) Owned(ctx context.Context, api string, caller job.Caller, id string) (job.Job, error) {
	j, err := h.Queue.Get(ctx, id)
	expired := h.Retention > 0 && j.State.Final() && h.Now().Sub(j.Finished) >= h.Retention
	//guard:job-owner TestOwned TestOneKeySeesNothingOfAnother TestInputsOfAnother => fault.KindOf(err) == fault.NotFound || err == nil && (j.API != api || expired)
	if fault.KindOf(err) == fault.NotFound || err == nil && (j.API != api || j.Account != caller.ID || expired) {
		return job.Job{}, fault.New(fault.NotFound, "There is no such job, or its result has expired.")
	}
	return j, err
}

// Run submits a job and waits for its end. A client that goes away cancels
// the job. When the wait limit passes first, the latest record comes back
// with a state that is not final and no error: the job goes on until Cancel.
func (h Services) Run(ctx context.Context, spec job.Spec, input []byte) (job.Job, error) {
	submitted, err := h.Queue.Submit(ctx, spec, input)
	if err != nil {
		return job.Job{}, err
	}
	return h.Await(ctx, submitted.Job)
}

// Await is Run's waiting half for a job that was submitted already.
func (h Services) Await(ctx context.Context, j job.Job) (job.Job, error) {
	waiting, stop := context.WithTimeout(ctx, h.WaitLimit)
	defer stop()
	latest, err := h.waitUnlessStopping(waiting, j)
	switch {
	case err == nil:
		return latest, nil
	case ctx.Err() != nil:
		//guard:hang-up TestClientThatLeavesCancels
		h.Abandon(ctx, j.ID)
		return latest, fault.Wrap(fault.Canceled, ctx.Err(), "The client went away.")
	case errors.Is(err, context.DeadlineExceeded):
		if latest.ID == "" {
			latest = j
		}
		return latest, nil
	}
	return latest, err
}

// waitUnlessStopping is Queue.Wait; when the server stops and the job has not
// begun, it is canceled and the answer is fault.Busy.
func (h Services) waitUnlessStopping(ctx context.Context, j job.Job) (job.Job, error) {
	waiting, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	if h.Stopping != nil {
		go func() {
			select {
			case <-h.Stopping:
				if now, err := h.Queue.Get(waiting, j.ID); err == nil && now.State == job.Queued {
					stop(errStopping)
				}
			case <-waiting.Done():
			}
		}()
	}
	latest, err := h.Queue.Wait(waiting, j.ID)
	if err != nil && errors.Is(context.Cause(waiting), errStopping) {
		h.Abandon(ctx, j.ID)
		return latest, errStopping
	}
	return latest, err
}

var errStopping error = fault.New(fault.Busy, "The server is stopping. Please try again.")

// Abandon cancels a job that nobody waits for any more, though the request's
// own context may be over. What cannot be cancelled now runs to its end and
// expires.
func (h Services) Abandon(ctx context.Context, id string) {
	const patience = 5 * time.Second
	canceling, stop := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer stop()
	_ = h.Queue.Cancel(canceling, id)
}

// Bearer takes the key out of "Authorization: Bearer KEY"; "" when the header
// is missing or of another form. The scheme's case does not matter (RFC 9110).
func Bearer(r *http.Request) string {
	scheme, key, found := strings.Cut(r.Header.Get("Authorization"), " ")
	if !found || !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(key)
}

// retrySoon is what callers are told when nothing better is known.
const retrySoon = 5 * time.Second

// RetryAfter is how many whole seconds the caller of a busy or rate-limited
// request should wait, at least 1.
func RetryAfter(err error) int {
	wait := retrySoon
	var limited *account.RetryAfter
	if errors.As(err, &limited) {
		wait = limited.Wait
	}
	return max(1, int((wait+time.Second-1)/time.Second))
}

// errorKey is where a handler leaves an error for the access log.
const errorKey = "upscaled.error"

// Record hands an error that was already answered to the one place that logs.
func Record(c echo.Context, err error) { c.Set(errorKey, err) }

// Recorded is what Record was given during this request, or nil.
func Recorded(c echo.Context) error {
	err, _ := c.Get(errorKey).(error)
	return err
}

// Random is n characters of [a-z0-9] that cannot be guessed.
func Random(n int) string {
	const alphabet = "abcdefghijklmnopqrstuvwxyz0123456789"
	text := make([]byte, 0, n)
	for buffer := make([]byte, 2*n); len(text) < n; {
		_, _ = rand.Read(buffer) // never fails, see crypto/rand
		for _, b := range buffer {
			// 252 is the largest multiple of 36 in a byte: no character is likelier.
			if b < 252 && len(text) < n {
				text = append(text, alphabet[b%36])
			}
		}
	}
	return string(text)
}

// Canceled says that the client has gone and nothing need be answered.
func Canceled(c echo.Context) bool { return c.Request().Context().Err() != nil }

// Sniff is the content type of a file by its first bytes, for messages about
// files of the wrong type. known is the format that the prober found, or "".
func Sniff(data []byte, known string) string {
	if known != "" {
		return "image/" + known
	}
	kind, _, _ := strings.Cut(http.DetectContentType(data), ";")
	return kind
}
