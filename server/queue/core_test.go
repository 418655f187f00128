package queue

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"upscaled/models/fault"
	"upscaled/server/queue/blob"
)

func testCore() *core {
	return &core{options: Options{Log: slog.New(slog.DiscardHandler)}, connection: &Connection{writes: newWriteFailure()}}
}

// unanswered is a request to a node that was lost.
func unanswered(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// A read that the store does not answer ends with its caller, or when the store
// stays silent.
func TestReadsEnd(t *testing.T) {
	t.Parallel()
	for name, leaves := range map[string]bool{"caller leaves": true, "store is silent": false} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			if leaves {
				time.AfterFunc(10*time.Second, cancel)
			}
			began := time.Now()
			err := testCore().persistRead(ctx, unanswered)
			took := time.Since(began)
			if err == nil || leaves && took > 11*time.Second || !leaves && (took < readLimit || took > 2*readLimit) {
				t.Errorf("%s: %v after %v", name, err, took)
			}
		})
	}
}

// A step whose answer was lost is repeated soon.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		attempts, began := 0, time.Now()
		err := testCore().persist(context.Background(), func(ctx context.Context) error {
			if attempts++; attempts <= 2 {
				return unanswered(ctx)
			}
			return nil
		})
		if took := time.Since(began); err != nil || attempts != 3 || took > 4*stepLimit {
			t.Errorf("%v after %d attempts and %v", err, attempts, took)
		}
	})
}

// What another attempt cannot change is not repeated.
func TestFinalErrors(t *testing.T) {
	t.Parallel()
	for _, final := range []error{blob.ErrNotFound, blob.ErrDamaged, fault.New(fault.NoCredits, "none"), fault.New(fault.NotFound, "none")} {
		attempts := 0
		err := testCore().persist(t.Context(), func(context.Context) error {
			attempts++
			return final
		})
		if !errors.Is(err, final) || attempts != 1 {
			t.Errorf("%v: %v after %d attempts", final, err, attempts)
		}
	}
}
