package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// interruptible gives a context that ends at the first SIGINT or SIGTERM. A
// second signal calls force at once, for a user who cannot wait; force runs on
// its own goroutine and does not return. stop must be called to release the
// signals.
func interruptible(parent context.Context, force func()) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		for interrupts := 0; ; {
			select {
			case <-signals:
				if interrupts++; interrupts == 1 {
					cancel()
				} else {
					force()
				}
			case <-done:
				return
			}
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(done)
		cancel()
	}
}
