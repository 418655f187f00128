package ort

import (
	"context"
	"sync"

	"upscaled/models/fault"
)

// await returns the result of call, which holds turn unless that is nil, or a
// fault.Canceled error as soon as ctx ends: native calls on a GPU cannot be stopped,
// and may take a minute on a slow one. The call then goes on, the library stays
// loaded, and drop frees its result.
func await[T any](ctx context.Context, turn *sync.Mutex, call func() (T, error), drop func(T)) (T, error) {
	type outcome struct {
		value T
		err   error
	}
	done := make(chan outcome)
	inBackground(func() {
		value, err := inTurn(turn, call)
		select {
		case done <- outcome{value, err}:
		case <-ctx.Done():
			if err == nil {
				drop(value)
			}
		}
	})
	select {
	case o := <-done:
		return o.value, o.err
	case <-ctx.Done():
		var none T
		return none, canceled(ctx)
	}
}

func inTurn[T any](turn *sync.Mutex, call func() (T, error)) (T, error) {
	if turn != nil {
		turn.Lock()
		defer turn.Unlock()
	}
	return call()
}

// inBackground runs f in a goroutine and keeps the library loaded until it returns.
func inBackground(f func()) {
	environment.Lock()
	environment.users++
	environment.Unlock()
	go func() {
		defer func() { _ = release() }()
		f()
	}()
}

func canceled(ctx context.Context) error {
	return fault.Wrap(fault.Canceled, ctx.Err(), "The operation was canceled.")
}
