package queue

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// A watch is replaced when it delivers nothing of what there is, and only then.
func TestStalledWatchIsReplaced(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		last     uint64 // on the server; 5 are received
		err      error
		receives bool
		stalled  bool
	}{
		"everything was received": {last: 5}, "nothing is received": {last: 7, stalled: true},
		"much is yet to be received": {last: 7, receives: true}, "the server does not answer": {last: 7, err: errors.New("lost")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, stop := context.WithTimeout(t.Context(), time.Hour)
				defer stop()
				p := &received{}
				p.count(5)
				f := watcher{latest: func(context.Context) (uint64, error) {
					if c.receives {
						p.count(1)
					}
					return c.last, c.err
				}}
				f.watchdog(ctx, p)
				if stalled := ctx.Err() == nil; stalled != c.stalled {
					t.Errorf("replaced: %v, want %v", stalled, c.stalled)
				}
			})
		})
	}
}
