package child

import (
	"errors"
	"runtime"
	"time"

	"upscaled/engine"
	"upscaled/models/fault"
)

// maxDelay bounds the pause before a restart.
const maxDelay = 30 * time.Second

// maxFailures is the number of children in a row that may end before they are
// ready, until the device counts as lost. With the default delays that is 25
// seconds, in which a GPU can be reset.
const maxFailures = 8

// delayAfter returns the pause after a number of ends without a success, 1 or more.
func delayAfter(ends int, first time.Duration) time.Duration {
	delay := first
	for i := 1; i < ends && delay < maxDelay; i++ {
		delay *= 2
	}
	return min(delay, maxDelay)
}

// supervise keeps one child running until Close or until restarts are hopeless.
func (e *Engine) supervise() {
	defer close(e.ended)
	// Linux kills the child with the thread that started it.
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
			e.fail(errClosed())
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
			err = p.startError(err)
			if !opened {
				e.fail(err)
				return
			}
		}
		//guard:child-restart TestPoisonPaysAlone TestKilledChild TestPoisonThroughTheServer TestKilledEngine => ends > 0
		//guard:child-give-up TestGivesUp
		if failures >= maxFailures {
			e.fail(fault.Wrap(fault.DeviceLost, err, "The engine ended and cannot be started again."))
			return
		}
		delay := delayAfter(ends, e.options.Delay)
		e.options.Log.Error("the engine's process ended and is restarted", "cause", err, "after", delay.String())
		select {
		case <-time.After(delay):
			e.restarts.Add(1)
		case <-e.closing:
			e.fail(errClosed())
			return
		}
	}
}

// errClosed ends the images of an Engine that was closed.
func errClosed() error { return fault.New(fault.Canceled, "The operation was canceled.") }

// adopt records a child that was just started; Close may have come before.
func (e *Engine) adopt(p *process) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	e.newest = p
	if e.isClosing() {
		p.kill()
	}
}

// publish admits images to a child that is ready.
func (e *Engine) publish(p *process, devices []engine.DeviceUse) {
	e.devices.Store(&devices)
	e.options.Log.Info("the engine's process is ready", "process", p.command.Process.Pid)
	e.change(func() { e.running = p })
}

// retire withdraws a child that has ended and fails its calls.
func (e *Engine) retire(p *process) {
	e.change(func() { e.running = nil })
	p.failAll()
}

// fail ends all waiting with an error, for good.
func (e *Engine) fail(err error) { e.change(func() { e.failed = err }) }

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

// startError returns the error that a child sent in place of a greeting, else that
// it crashed; p is nil if it could not be started.
func (p *process) startError(end error) error {
	if p == nil {
		return fault.Wrap(fault.Internal, end, "The engine's process cannot be started.")
	}
	if said := p.refusal.Load(); said != nil {
		return said
	}
	return fault.Wrap(fault.Internal, errors.Join(end), "The engine crashed while it started; the log has its last output.")
}
