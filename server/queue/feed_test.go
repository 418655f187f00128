package queue

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// A watch is given up when it hears nothing of what there is, and only then.
func TestDeafWatchIsGivenUp(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		last  uint64 // on the server; 5 are heard
		err   error
		hears bool
		deaf  bool
	}{
		"all is heard": {last: 5}, "nothing is heard": {last: 7, deaf: true},
		"much is yet to be heard": {last: 7, hears: true}, "the server does not answer": {last: 7, err: errors.New("lost")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, stop := context.WithTimeout(t.Context(), time.Hour)
				defer stop()
				p := &pulse{}
				p.beat(5)
				f := feed{last: func(context.Context) (uint64, error) {
					if c.hears {
						p.beat(1)
					}
					return c.last, c.err
				}}
				f.attend(ctx, p)
				if deaf := ctx.Err() == nil; deaf != c.deaf {
					t.Errorf("given up: %v, want %v", deaf, c.deaf)
				}
			})
		})
	}
}
