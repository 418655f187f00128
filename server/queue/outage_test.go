package queue_test

import (
	"context"
	"testing"
	"time"

	"upscaled/models/fault"
)

// While no node answers, a status call, a result and a key are answered with
// fault.Busy, unless the caller has canceled before.
func TestReadsWithoutStore(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 1)
	connection := c.dial(t)
	q := start(t, connection, hasty)
	accounts, err := connection.Accounts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	halt(c.nodes[0])
	reads := map[string]func(context.Context) error{
		"job":    func(ctx context.Context) error { _, err := q.Get(ctx, "a"); return err },
		"result": func(ctx context.Context) error { _, _, err := q.Open(ctx, "a"); return err },
		"key":    func(ctx context.Context) error { _, _, err := accounts.Get(ctx, "a"); return err },
		"keys":   func(ctx context.Context) error { _, err := accounts.Keys(ctx); return err },
	}
	for name, read := range reads {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := read(t.Context()); fault.KindOf(err) != fault.Busy {
				t.Errorf("%v", err)
			}
			short, stop := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer stop()
			if err := read(short); err == nil || fault.KindOf(err) == fault.Busy {
				t.Errorf("a caller that gave up: %v", err)
			}
		})
	}
}
