package child

import (
	"errors"
	"runtime"
	"time"

	"upscaled/engine"
	"upscaled/models/fault"
)

// mostDelay bounds how long a child that ended is not started again.
const mostDelay = 30 * time.Second

// maxFailures is how many children in a row may end before they are ready
// until the device counts as lost. With the usual delays between them that is
// 25 seconds, in which a GPU is reset.
const maxFailures = 8

// delayAfter is the delay after a number of ends without a success, 1 or more:
// twice as long each time.
func delayAfter(ends int, first time.Duration) time.Duration {
	delay := first
	for i := 1; i < ends && delay < mostDelay; i++ {
		delay *= 2
	}
	return min(delay, mostDelay)
}

// supervise keeps one child running until Close or until there is no hope.
func (e *Engine) supervise() {
	defer close(e.ended)
	// Linux ends the child with the thread that started it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var ends, failures int
	opened := false
	for {
		p, err := start(e.options, e.lastDevices(), e.publish)
		if err == nil {
			e.adopt(p)
			unwatch := p.watchMemory(memoryPause)
			err = p.wait()
			unwatch()
			e.retire(p)
		}
		if e.isClosing() {
			e.giveUp(errClosed())
			return
		}
		if p != nil && p.succeeded.Load() {
			ends = 0
		}
		ends++
		if p != nil && p.opened.Load() {
			opened, failures = true, 0
		} else {
			failures++
			err = p.whyNotReady(err)
			if !opened {
				e.giveUp(err)
				return
			}
		}
		//guard:child-restart TestPoisonPaysAlone TestKilledChild TestPoisonThroughTheServer TestKilledEngine => ends > 0
		//guard:child-give-up TestGivesUp
		if failures >= maxFailures {
			e.giveUp(fault.Wrap(fault.DeviceLost, err, "The engine ended and cannot be started again."))
			return
		}
		delay := delayAfter(ends, e.options.Delay)
		e.options.Log.Error("the engine's process ended; it is started again", "cause", err, "after", delay.String())
		select {
		case <-time.After(delay):
			e.restarts.Add(1)
		case <-e.closing:
			e.giveUp(errClosed())
			return
		}
	}
}

// errClosed is told to pictures of an Engine that was closed.
func errClosed() error { return fault.New(fault.Canceled, "The operation was canceled.") }

// adopt notes a child that was just started; Close may have come before.
func (e *Engine) adopt(p *process) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	e.newest = p
	select {
	case <-e.closing:
		p.kill()
	default:
	}
}

// publish lets pictures use a child that has just said that it is ready.
func (e *Engine) publish(p *process, devices []engine.DeviceUse) {
	e.devices.Store(&devices)
	e.options.Log.Info("the engine's process is ready", "process", p.command.Process.Pid)
	e.change(func() { e.running = p })
}

// retire takes a child that has ended from the pictures, and tells those that
// it had in work.
func (e *Engine) retire(p *process) {
	e.change(func() { e.running = nil })
	p.failAll()
}

// giveUp ends all waiting with an error, for good.
func (e *Engine) giveUp(err error) { e.change(func() { e.fatal = err }) }

func (e *Engine) change(how func()) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	how()
	close(e.changed)
	e.changed = make(chan struct{})
}

func (e *Engine) isClosing() bool {
	select {
	case <-e.closing:
		return true
	default:
		return false
	}
}

// whyNotReady is what a child said in place of being ready, else that it
// crashed; p is nil where it could not be started.
func (p *process) whyNotReady(end error) error {
	if p == nil {
		return fault.Wrap(fault.Internal, end, "The engine's process cannot be started.")
	}
	if said := p.refusal.Load(); said != nil {
		return said
	}
	return fault.Wrap(fault.Internal, errors.Join(end), "The engine crashed while it started; the log has its last words.")
}
