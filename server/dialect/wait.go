package dialect

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"upscaled/models/fault"
	"upscaled/server/job"
)

// Run submits a job and waits for its end, as Await does.
func (s Services) Run(ctx context.Context, spec job.Spec, input []byte) (job.Job, error) {
	submitted, err := s.Queue.Submit(ctx, spec, input)
	if err != nil {
		return job.Job{}, err
	}
	return s.Await(ctx, submitted.Job)
}

// RunSync submits a job whose result only this call can return, and waits for its
// end. It cancels a job that does not finish within the wait limit, so that nothing
// is left running, or paid for, that the caller does not get; the record that it
// returns is then not final. A request with an idempotency key can be repeated to get
// the result, so its job continues.
func (s Services) RunSync(ctx context.Context, spec job.Spec, input []byte) (job.Job, error) {
	spec.Sync = !Keyed(ctx)
	done, err := s.Run(ctx, spec, input)
	if fault.KindOf(err) == fault.Internal {
		s.Abandon(ctx, spec.ID) // it may have been accepted before the store failed
	}
	if err != nil || done.State.Final() {
		return done, err
	}
	s.Abandon(ctx, done.ID)
	// Abandon leaves alone a job that has succeeded meanwhile: it was paid for.
	if latest, err := s.Queue.Get(ctx, done.ID); err == nil && latest.State == job.Succeeded {
		return latest, nil
	}
	return done, nil
}

// Await waits for the end of a job. A client that disconnects cancels it. When
// the wait limit passes first, Await returns the latest record, whose state is
// not final, without an error; the job continues until it is canceled.
func (s Services) Await(ctx context.Context, j job.Job) (job.Job, error) {
	waiting, stop := context.WithTimeout(ctx, s.WaitLimit)
	defer stop()
	latest, err := s.waitUnlessStopping(waiting, j)
	switch {
	case err == nil:
		return latest, nil
	case ctx.Err() != nil:
		//guard:hang-up TestClientThatLeavesCancels
		s.Abandon(ctx, j.ID)
		return latest, fault.Wrap(fault.Canceled, ctx.Err(), "The client went away.")
	case errors.Is(err, context.DeadlineExceeded):
		if latest.ID == "" {
			latest = j
		}
		return latest, nil
	}
	return latest, err
}

var errStopping error = fault.New(fault.Busy, "The server is stopping. Please try again.")

// waitUnlessStopping is Queue.Wait, except that it cancels a queued job and
// returns fault.Busy when the server shuts down.
func (s Services) waitUnlessStopping(ctx context.Context, j job.Job) (job.Job, error) {
	waiting, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	s.OnStopping(waiting, func() {
		if now, err := s.Queue.Get(waiting, j.ID); err == nil && now.State == job.Queued {
			stop(errStopping)
		}
	})
	latest, err := s.Queue.Wait(waiting, j.ID)
	if err != nil && errors.Is(context.Cause(waiting), errStopping) {
		s.Abandon(ctx, j.ID)
		return latest, errStopping
	}
	return latest, err
}

// OnStopping runs a function when the server shuts down, unless the context
// ends first.
func (s Services) OnStopping(ctx context.Context, stopped func()) {
	if s.Stopping == nil {
		return
	}
	go func() {
		select {
		case <-s.Stopping:
			stopped()
		case <-ctx.Done():
		}
	}()
}

// WaitAtMost waits for the end of a job until the context ends or the server
// shuts down, and returns the latest record. The job continues in any case.
func (s Services) WaitAtMost(ctx context.Context, j job.Job) (job.Job, error) {
	waiting, stop := context.WithCancel(ctx)
	defer stop()
	s.OnStopping(waiting, stop)
	latest, err := s.Queue.Wait(waiting, j.ID)
	if latest.ID == "" {
		latest = j
	}
	if waiting.Err() != nil {
		err = nil
	}
	return latest, err
}

// Abandon cancels a job that nobody waits for any more, even if the request's
// own context has ended. A job that cannot be canceled now runs to its end and
// expires. The job of a request with an idempotency key is left for its repetition.
func (s Services) Abandon(ctx context.Context, id string) { end(ctx, s.Queue.Cancel, id) }

// AllOrNone calls run for the index of each job of a request with several images, in
// their order and a number at once. The first failure ends the others' context, and
// then no job costs anything, not even one that has succeeded. Jobs of a request with
// an idempotency key are left for its repetition.
func (s Services) AllOrNone(ctx context.Context, ids []string, atOnce int, run func(ctx context.Context, i int) error) error {
	group, running := errgroup.WithContext(ctx)
	group.SetLimit(max(1, atOnce))
	passed := make([]bool, len(ids))
	for i := range ids {
		group.Go(func() error {
			err := running.Err()
			if err == nil {
				err = run(running, i)
			}
			passed[i] = err == nil
			return err
		})
	}
	err := group.Wait()
	for i, id := range ids {
		//guard:all-or-none TestBatchesCostAllOrNothing
		if err != nil && passed[i] {
			end(ctx, s.Queue.Revoke, id)
		}
	}
	return err
}

func end(ctx context.Context, end func(context.Context, string) error, id string) {
	//guard:once-abandon TestKeyedJobsAreLeft
	if Keyed(ctx) {
		return
	}
	const patience = 5 * time.Second
	ending, stop := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer stop()
	_ = end(ending, id)
}

// ReadResult returns the image file of a succeeded job.
func (s Services) ReadResult(ctx context.Context, id string) ([]byte, error) {
	content, _, err := s.Queue.Open(ctx, id)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	data, err := io.ReadAll(content)
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "The result cannot be read.")
	}
	return data, nil
}

// PreferredWait parses "Prefer: wait=SECONDS" (RFC 7240), limited by most. A
// wait without a number means most. Values that are not understood are ignored,
// as the RFC demands.
func PreferredWait(header http.Header, most time.Duration) (wait time.Duration, given bool) {
	for _, line := range header.Values("Prefer") {
		for preference := range strings.SplitSeq(line, ",") {
			preference, _, _ = strings.Cut(preference, ";")
			name, value, valued := strings.Cut(preference, "=")
			if !strings.EqualFold(strings.TrimSpace(name), "wait") {
				continue
			}
			if !valued {
				return most, true
			}
			if seconds, err := strconv.ParseUint(strings.Trim(value, " \t\""), 10, 31); err == nil {
				return min(time.Duration(seconds)*time.Second, most), true
			}
		}
	}
	return 0, false
}
