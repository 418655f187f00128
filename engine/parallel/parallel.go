// Package parallel runs the iterations of a loop on all cores.
package parallel

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// For calls work once for every i in [0, n), on up to GOMAXPROCS goroutines and
// in no particular order, and returns when all calls have returned. If a call
// panics, the remaining iterations may be skipped and For panics with the same
// value, so that the caller can recover it.
func For(n int, work func(i int)) {
	Chunks(n, 1, func() func(from, to int) {
		return func(from, _ int) { work(from) }
	})
}

// Chunks is For on consecutive ranges [from, to) of up to size iterations.
// newWork is called once per goroutine: the function it returns may own scratch
// memory. With a single worker everything runs on the caller's goroutine.
func Chunks(n, size int, newWork func() func(from, to int)) {
	var next atomic.Int64
	run := func() {
		work := newWork()
		for from := int(next.Add(int64(size))) - size; from < n; from = int(next.Add(int64(size))) - size {
			work(from, min(from+size, n))
		}
	}
	workers := min((n+size-1)/size, runtime.GOMAXPROCS(0))
	if workers <= 1 {
		if n > 0 {
			run()
		}
		return
	}
	var group sync.WaitGroup
	var failure atomic.Pointer[any]
	for range workers {
		group.Go(func() {
			defer func() {
				if cause := recover(); cause != nil {
					failure.CompareAndSwap(nil, &cause)
					next.Store(int64(n))
				}
			}()
			run()
		})
	}
	group.Wait()
	if cause := failure.Load(); cause != nil {
		panic(*cause)
	}
}
