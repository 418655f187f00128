package queue_test

import (
	"context"
	"testing"

	"upscaled/server/queue"
)

// A watch that ends on its own is followed by another, which also notices
// what expired in between.
func TestWatchEnds(t *testing.T) {
	t.Parallel()
	c := embed(t, t.TempDir())
	queue, err := queue.Open(t.Context(), c, options(nil))
	if err != nil {
		t.Fatal(err)
	}
	watches := queue.Watches()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- queue.Run(ctx) }()
	first := <-watches
	<-queue.Ready()
	submit(t, queue, spec("forgotten", "", 0))
	submit(t, queue, spec("stays", "", 0))
	eventually(t, func() bool { return queue.Unfinished() == 2 })
	if err := queue.Forget(t.Context(), "forgotten"); err != nil {
		t.Fatal(err)
	}
	if err := first.Stop(); err != nil {
		t.Fatal(err)
	}
	<-watches
	eventually(t, func() bool { return queue.Unfinished() == 1 })
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
