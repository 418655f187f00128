package models

import (
	"context"
	"sync"
)

// flights joins concurrent calls for the same key into one piece of work, which
// runs as long as one caller waits for it. The zero value is ready.
type flights[T any] struct {
	mu    sync.Mutex
	calls map[string]*flight[T]
}

type flight[T any] struct {
	cancel  context.CancelFunc
	waiting int
	done    chan struct{}
	result  T
	err     error
}

// do runs work or joins it. A caller whose ctx ends returns at once with the
// context's error, except the last: it cancels the work and waits until the work
// has cleaned up, so that nothing runs on in the background.
func (f *flights[T]) do(ctx context.Context, key string, work func(context.Context) (T, error)) (T, error) {
	call := f.join(ctx, key, work)
	select {
	case <-call.done:
		return call.result, call.err
	case <-ctx.Done():
	}
	if f.leave(key, call) {
		<-call.done
		if call.err == nil {
			return call.result, nil // it finished in the meantime
		}
	}
	var none T
	return none, ctx.Err()
}

func (f *flights[T]) join(ctx context.Context, key string, work func(context.Context) (T, error)) *flight[T] {
	f.mu.Lock()
	defer f.mu.Unlock()
	if call, ok := f.calls[key]; ok {
		call.waiting++
		return call
	}
	// The work keeps the first caller's values but not its cancellation.
	shared, cancel := context.WithCancel(context.WithoutCancel(ctx))
	call := &flight[T]{cancel: cancel, waiting: 1, done: make(chan struct{})}
	if f.calls == nil {
		f.calls = map[string]*flight[T]{}
	}
	f.calls[key] = call
	go func() {
		defer cancel()
		call.result, call.err = work(shared)
		f.forget(key, call)
		close(call.done)
	}()
	return call
}

// leave removes one caller and reports whether it was the last; later callers
// then start new work.
func (f *flights[T]) leave(key string, call *flight[T]) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	call.waiting--
	if call.waiting > 0 {
		return false
	}
	if f.calls[key] == call {
		delete(f.calls, key)
	}
	call.cancel()
	return true
}

func (f *flights[T]) forget(key string, call *flight[T]) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.calls[key] == call {
		delete(f.calls, key)
	}
}
