package engine

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

// Two images of more than half the memory take turns, a small one passes
// both, and one that is canceled leaves the queue.
func TestRowMemory(t *testing.T) {
	t.Parallel()
	const large = smallPixels + 1
	synctest.Test(t, func(t *testing.T) {
		m := newRowMemory()
		first, err := m.reserve(t.Context(), 2, large) // more than there is counts as all
		if err != nil {
			t.Fatal(err)
		}
		gone, leave := context.WithCancel(t.Context())
		left, second := make(chan error, 1), make(chan func(), 1)
		go func() {
			_, err := m.reserve(gone, 0.9, large)
			left <- err
		}()
		synctest.Wait()
		go func() {
			release, _ := m.reserve(t.Context(), 0.6, large)
			second <- release
		}()
		synctest.Wait()
		small, err := m.reserve(t.Context(), 0.9, smallPixels)
		if err != nil || len(second) > 0 {
			t.Fatalf("a small one fails with %v; %d passed", err, len(second))
		}
		leave()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("one that gives up gets %v", err)
		}
		synctest.Wait()
		if len(second) > 0 {
			t.Error("two large ones hold memory at once")
		}
		first()
		(<-second)()
		small()
		if !m.large.TryAcquire(memoryUnits) || !m.small.TryAcquire(memoryUnits) {
			t.Error("memory is still held")
		}
	})
}
