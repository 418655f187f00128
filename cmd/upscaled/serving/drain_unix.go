//go:build unix

package serving

import (
	"os"
	"os/signal"
	"syscall"
)

// drainOnSignal drains this process's worker on SIGUSR1 and takes jobs again on
// SIGUSR2, until stop is called.
func drainOnSignal(drain func(on bool)) (stop func()) {
	signals, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(signals, syscall.SIGUSR1, syscall.SIGUSR2)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case s := <-signals:
				drain(s == syscall.SIGUSR1)
			case <-done:
				return
			}
		}
	}()
	return func() {
		signal.Stop(signals)
		close(done)
		<-ended
	}
}
