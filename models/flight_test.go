package models

import (
	"context"
	"errors"
	"testing"
)

// TestFlightOutlivesOneCaller: work goes on for the callers that still wait.
func TestFlightOutlivesOneCaller(t *testing.T) {
	t.Parallel()
	var f flights[int]
	started, release := make(chan struct{}), make(chan struct{})
	work := func(ctx context.Context) (int, error) {
		close(started)
		select {
		case <-release:
			return 7, nil
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	impatient, cancel := context.WithCancel(t.Context())
	gaveUp := make(chan error)
	go func() {
		_, err := f.do(impatient, "key", work)
		gaveUp <- err
	}()
	<-started
	call := f.join(t.Context(), "key", nil) // a second caller
	cancel()
	if err := <-gaveUp; !errors.Is(err, context.Canceled) {
		t.Errorf("the first caller gets %v", err)
	}
	close(release)
	<-call.done
	if call.result != 7 || call.err != nil {
		t.Errorf("the second caller gets %d, %v", call.result, call.err)
	}
	if len(f.calls) != 0 {
		t.Error("the work is still listed")
	}
}

// TestLastCallerWaitsForCleaning: when do returns, the work has ended.
func TestLastCallerWaitsForCleaning(t *testing.T) {
	t.Parallel()
	var f flights[int]
	ctx, cancel := context.WithCancel(t.Context())
	cleaned := false
	_, err := f.do(ctx, "key", func(ctx context.Context) (int, error) {
		cancel()
		<-ctx.Done()
		cleaned = true
		return 0, ctx.Err()
	})
	if !errors.Is(err, context.Canceled) || !cleaned {
		t.Errorf("error %v, cleaned %v", err, cleaned)
	}
}
