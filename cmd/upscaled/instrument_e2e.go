//go:build e2e

package main

import (
	"context"
	"errors"
	"os"

	"go.uber.org/goleak"

	"upscaled/cmd/upscaled/e2e/pretend"
	"upscaled/engine/imagedata"
	"upscaled/server/queue"
)

// instrument replaces the engine with the stand-in that pretend.Variable selects, if
// one is set. Such a program reports goroutines that it leaves behind.
func instrument(a *app) {
	mode := pretend.Mode(os.Getenv(pretend.Variable))
	if mode == "" {
		return
	}
	if err := pretend.LimitFiles(); err != nil {
		panic(err)
	}
	before := goleak.IgnoreCurrent()
	a.onClose(func() error { return noGoroutinesLeft(before) })
	if mode != pretend.Isolated {
		a.engineProcess = nil
	}
	if mode == pretend.Steps {
		a.failpoint = func(step queue.Failpoint, _ string) { pretend.DieAt(string(step)) }
	}
	a.openUpscaler = func(_ context.Context, limits imagedata.Limits) (batchEngine, error) {
		made, err := pretend.Open(mode, limits, a.stderr)
		if errors.Is(err, pretend.ErrUsage) {
			return nil, usageError{err}
		} else if err != nil {
			return nil, err
		}
		a.onClose(func() error { made.Close(); return nil })
		return made, nil
	}
}

// noGoroutinesLeft runs last: closers run in reverse order. Idle connections of
// HTTP clients are no leak, and nats.go leaves a goroutine behind when its
// connection is closed in the moment of a first asynchronous publish.
func noGoroutinesLeft(before goleak.Option) error {
	return goleak.Find(before, goleak.IgnoreTopFunction("main.interruptible.func1"),
		goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"),
		goleak.IgnoreTopFunction("github.com/nats-io/nats.go/jetstream.(*jetStream).resetPendingAcksOnReconnect"))
}
