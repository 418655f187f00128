package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// interruptible returns a context that the first SIGINT or SIGTERM cancels.
// Further signals call force, on another goroutine; it must end the process. stop
// releases the signals.
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
