package parallel_test

import (
	"runtime"
	"sync/atomic"
	"testing"

	"upscaled/engine/parallel"
)

func TestEveryIterationRunsOnce(t *testing.T) {
	t.Parallel()
	for _, n := range []int{-1, 0, 1, 2, 15, 16, 17, 1000} {
		counts := make([]atomic.Int32, max(n, 0))
		parallel.For(n, func(i int) { counts[i].Add(1) })
		for i := range counts {
			if got := counts[i].Load(); got != 1 {
				t.Fatalf("n=%d: iteration %d ran %d times", n, i, got)
			}
		}
	}
}

func TestChunksCoverTheRange(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 6, 7, 8, 100} {
		counts := make([]atomic.Int32, n)
		parallel.Chunks(n, 7, func() func(from, to int) {
			return func(from, to int) {
				if from%7 != 0 || to != min(from+7, n) {
					t.Errorf("n=%d: chunk [%d, %d)", n, from, to)
				}
				for i := from; i < to; i++ {
					counts[i].Add(1)
				}
			}
		})
		for i := range counts {
			if got := counts[i].Load(); got != 1 {
				t.Fatalf("n=%d: iteration %d ran %d times", n, i, got)
			}
		}
	}
}

// Not parallel: it changes GOMAXPROCS.
func TestWorkersOwnScratch(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(3))
	var workers atomic.Int32
	parallel.Chunks(1000, 1, func() func(from, to int) {
		workers.Add(1)
		busy := false // a data race if two goroutines shared it
		return func(int, int) {
			if busy {
				t.Error("the function of one worker runs twice at a time")
			}
			busy = true
			runtime.Gosched()
			busy = false
		}
	})
	if got := workers.Load(); got != 3 {
		t.Errorf("%d workers, want 3", got)
	}
}

// Not parallel: it changes GOMAXPROCS.
func TestPanicReachesTheCaller(t *testing.T) {
	for _, cores := range []int{1, 4} {
		before := runtime.GOMAXPROCS(cores)
		func() {
			defer func() {
				if cause := recover(); cause != "broken" {
					t.Errorf("%d cores: recovered %v", cores, cause)
				}
			}()
			parallel.For(100, func(i int) {
				if i == 50 {
					panic("broken")
				}
			})
			t.Errorf("%d cores: no panic", cores)
		}()
		runtime.GOMAXPROCS(before)
	}
}
