// Package child runs the engine in a process of its own, so that a crash of
// native code takes no accepted job with it. Engine is the parent's side: it
// starts the process, again if it ends, and is used as the engine itself. Host
// is the child's. Two pipes connect them.
//
// A process that dies with several pictures in work does not say which of them
// it died of. Each is then run again alone, one after the other, before
// anything is told of any: the one that crashes alone fails, the others
// succeed.
package child

import (
	"context"
	"errors"
	"log/slog"
	"os/exec"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"upscaled/engine"
	"upscaled/models/fault"
)

// Options make an Engine.
type Options struct {
	// Command makes the command of one child, whose program calls Host.Serve on
	// Pipes. Its streams and files are set here. last are the devices of the
	// child before, so that this one can be held to the same; nil for the first.
	Command func(last []engine.DeviceUse) *exec.Cmd
	// Grace is how long a child may take to close its devices before it is
	// killed; 0 is 5 seconds.
	Grace time.Duration
	// Patience is how long a canceled picture may go on before the child counts
	// as stuck and is killed; 0 is 30 seconds.
	Patience time.Duration
	// Delay is how long a child that ended is not started again, twice as long
	// each time until a picture succeeds, at most 30 seconds; 0 is 100 ms.
	Delay time.Duration
	// Memory is how many bytes of a child's own may be in the machine's memory
	// before it is killed, as the kernel would do where memory runs out; 0 is no
	// bound. It holds on Linux only; see MemoryIsKnown.
	Memory int64
	Log    *slog.Logger
}

// Engine is an engine in another process. It may be used concurrently.
type Engine struct {
	options Options
	// gate lets many pictures run together or one alone.
	gate     *semaphore.Weighted
	suspects suspects
	closing  chan struct{}
	ended    chan struct{} // supervise has returned
	devices  atomic.Pointer[[]engine.DeviceUse]
	restarts atomic.Uint64

	mutex   sync.Mutex
	running *process      // nil unless one is ready
	newest  *process      // ready or not
	fatal   error         // no process is started any more
	changed chan struct{} // closed and replaced when running or fatal change
}

// everyone is more pictures than are ever in work at once.
const everyone = 1 << 20

// New starts the first child and returns at once. The caller closes the
// Engine.
func New(o Options) *Engine {
	if o.Grace == 0 {
		o.Grace = 5 * time.Second
	}
	if o.Patience == 0 {
		o.Patience = 30 * time.Second
	}
	if o.Delay == 0 {
		o.Delay = 100 * time.Millisecond
	}
	e := &Engine{
		options: o, gate: semaphore.NewWeighted(everyone),
		closing: make(chan struct{}), ended: make(chan struct{}), changed: make(chan struct{}),
	}
	go e.supervise()
	return e
}

// WarmUp waits until a child is ready. Where the first one cannot open its
// engine, that is the error, with the kind and sentence it had in the child;
// nothing is tried again then.
func (e *Engine) WarmUp(ctx context.Context) error {
	_, err := e.ready(ctx)
	return err
}

// Ready is nil while a child is ready, fault.Busy while one is started, and
// else why none is any more. It does not wait.
func (e *Engine) Ready() error {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	switch {
	//guard:child-ready TestReadyTellsOfTheChild => e.running != nil || e.newest != nil
	case e.running != nil:
		return nil
	case e.fatal != nil:
		return e.fatal
	}
	return fault.New(fault.Busy, "The engine is being started.")
}

// Restarts is how often a child was started after another had ended.
func (e *Engine) Restarts() uint64 { return e.restarts.Load() }

// Upscale implements engine.Upscaler. It writes to q.Output once, when the whole
// result is there. While no child is ready it waits; fault.DeviceLost says that
// none will be any more. A picture that ends the child although it is alone is
// fault.Internal. The result has no metadata.
func (e *Engine) Upscale(ctx context.Context, q engine.Request) (engine.Result, error) {
	if !e.suspects.has(q.Input) {
		result, err := e.upscale(ctx, q, 1)
		//guard:child-retry TestKilledChild TestKilledEngine => err != errGone
		if !errors.Is(err, errDied) {
			return result, err
		}
		e.options.Log.Warn("a picture was in work when the engine ended; it is tried again alone")
	}
	//guard:child-alone TestPoisonPaysAlone TestPoisonThroughTheServer => e.upscale(ctx, q, 1)
	result, err := e.upscale(ctx, q, everyone)
	if errors.Is(err, errDied) {
		e.suspects.add(q.Input)
		return engine.Result{}, fault.Wrap(fault.Internal, err, "The engine crashed on this picture.")
	}
	if err == nil {
		e.suspects.drop(q.Input)
	}
	return result, err
}

// upscale runs a picture beside others (places 1) or alone (everyone). errDied
// says that the child ended meanwhile.
func (e *Engine) upscale(ctx context.Context, q engine.Request, places int64) (engine.Result, error) {
	if err := e.gate.Acquire(ctx, places); err != nil {
		return engine.Result{}, canceled(err)
	}
	defer e.gate.Release(places)
	for {
		p, err := e.ready(ctx)
		if err != nil {
			return engine.Result{}, err
		}
		result, err := p.upscale(ctx, q)
		if !errors.Is(err, errGone) { // else it took nothing of the picture
			return result, err
		}
	}
}

func canceled(err error) error {
	return fault.Wrap(fault.Canceled, err, "The operation was canceled.")
}

// ready waits for a child that is.
func (e *Engine) ready(ctx context.Context) (*process, error) {
	for {
		e.mutex.Lock()
		running, fatal, changed := e.running, e.fatal, e.changed
		e.mutex.Unlock()
		if running != nil || fatal != nil {
			return running, fatal
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, canceled(ctx.Err())
		}
	}
}

// devicesLimit bounds the wait for the child's answer.
const devicesLimit = time.Second

// Devices tells the child's devices as they are now, or, where it does not
// answer soon, as they were last. Times begin anew with every child.
func (e *Engine) Devices() []engine.DeviceUse {
	e.mutex.Lock()
	p := e.running
	e.mutex.Unlock()
	if p != nil {
		if list, ok := p.askDevices(devicesLimit); ok {
			e.devices.Store(&list)
		}
	}
	return e.lastDevices()
}

func (e *Engine) lastDevices() []engine.DeviceUse {
	if last := e.devices.Load(); last != nil {
		return *last
	}
	return nil
}

// Close ends the child, and all pictures with fault.Canceled, and returns when
// the process is gone. It may be repeated.
func (e *Engine) Close() error {
	e.mutex.Lock()
	select {
	case <-e.closing:
	default:
		close(e.closing)
	}
	p := e.newest
	e.mutex.Unlock()
	if p != nil {
		p.hangUp()
		defer time.AfterFunc(e.options.Grace, p.kill).Stop()
	}
	<-e.ended
	return nil
}
