// Package child runs the engine in a process of its own, so that a crash of native
// code loses no accepted job. Engine is the parent's side: it starts the process,
// restarts it if it ends, and implements engine.Upscaler. Host is the child's side.
// Two pipes connect them.
//
// When a process dies with several images in work, it is unknown which one crashed
// it. Each is then retried alone, one after the other, before any is reported as
// failed: the one that crashes alone fails, the others succeed.
package child

import (
	"cmp"
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

// Options configure an Engine.
type Options struct {
	// Command returns the command of a child, whose program calls Host.Serve on
	// Pipes. Its streams and files are set here. last are the devices of the
	// previous child, so that this one can be bound to the same; nil for the first.
	Command func(last []engine.DeviceUse) *exec.Cmd
	// Grace is how long a child may take to close its devices before it is killed;
	// 0 is 5 seconds.
	Grace time.Duration
	// Patience is how long a canceled image may continue before the child counts as
	// stuck and is killed; 0 is 30 seconds.
	Patience time.Duration
	// Delay is the pause before a child that ended is restarted, doubled each time
	// until an image succeeds, up to 30 seconds; 0 is 100 ms.
	Delay time.Duration
	// Memory bounds a child's own resident memory in bytes. It is killed above it,
	// as by the kernel when memory runs out; 0 is no bound. Linux only; see
	// MemoryIsKnown.
	Memory int64
	Log    *slog.Logger
}

// Engine is an engine in another process. It may be used concurrently.
type Engine struct {
	options Options
	// gate admits many images at once, or one alone.
	gate       *semaphore.Weighted
	poisonList poisonList
	closing    chan struct{}
	ended      chan struct{} // supervise has returned
	devices    atomic.Pointer[[]engine.DeviceUse]
	restarts   atomic.Uint64

	mutex   sync.Mutex
	running *process      // nil unless one is ready
	newest  *process      // ready or not
	failed  error         // no process is started any more
	changed chan struct{} // closed and replaced when running or failed change
}

// allPlaces is more than the number of images that are ever in work at once.
const allPlaces = 1 << 20

// New starts the first child and returns at once. The caller closes the Engine.
func New(o Options) *Engine {
	o.Grace, o.Patience, o.Delay = cmp.Or(o.Grace, 5*time.Second), cmp.Or(o.Patience, 30*time.Second), cmp.Or(o.Delay, 100*time.Millisecond)
	e := &Engine{
		options: o, gate: semaphore.NewWeighted(allPlaces),
		closing: make(chan struct{}), ended: make(chan struct{}), changed: make(chan struct{}),
	}
	go e.supervise()
	return e
}

// WarmUp waits until a child is ready. If the first one cannot open its engine, it
// returns that error, with the kind and sentence it had in the child, and nothing
// is retried.
func (e *Engine) WarmUp(ctx context.Context) error {
	_, err := e.ready(ctx)
	return err
}

// Ready returns nil while a child is ready, fault.Busy while one starts, and
// otherwise the reason why there will be none. It does not wait.
func (e *Engine) Ready() error {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	switch {
	//guard:child-ready TestReadyTellsOfTheChild => e.running != nil || e.newest != nil
	case e.running != nil:
		return nil
	case e.failed != nil:
		return e.failed
	}
	return fault.New(fault.Busy, "The engine is being started.")
}

// Restarts returns how often a child was restarted.
func (e *Engine) Restarts() uint64 { return e.restarts.Load() }

// Upscale implements engine.Upscaler. It writes to q.Output once the whole result
// is there, and the result has no metadata. It waits while no child is ready;
// fault.DeviceLost means that there will be none. An image that crashes the child
// although it is alone is fault.Internal.
func (e *Engine) Upscale(ctx context.Context, q engine.Request) (engine.Result, error) {
	input := q.Input
	if q.Film != nil {
		input = q.Film
	}
	if !e.poisonList.has(input) {
		result, err := e.upscale(ctx, q, 1)
		//guard:child-retry TestKilledChild TestKilledEngine => err != errGone
		if !errors.Is(err, errDied) {
			return result, err
		}
		e.options.Log.Warn("an image was in work when the engine ended; it is retried alone")
	}
	//guard:child-alone TestPoisonPaysAlone TestPoisonThroughTheServer => e.upscale(ctx, q, 1)
	result, err := e.upscale(ctx, q, allPlaces)
	if errors.Is(err, errDied) {
		e.poisonList.add(input)
		return engine.Result{}, fault.Wrap(fault.Internal, err, "The engine crashed on this image.")
	}
	if err == nil {
		e.poisonList.drop(input)
	}
	return result, err
}

// upscale runs an image beside others (one place) or alone (allPlaces). It returns
// errDied if the child ended meanwhile.
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
		if !errors.Is(err, errGone) { // else it has not seen the image
			return result, err
		}
	}
}

func canceled(err error) error {
	return fault.Wrap(fault.Canceled, err, "The operation was canceled.")
}

// ready waits for a child that is ready.
func (e *Engine) ready(ctx context.Context) (*process, error) {
	for {
		e.mutex.Lock()
		running, failed, changed := e.running, e.failed, e.changed
		e.mutex.Unlock()
		if running != nil || failed != nil {
			return running, failed
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, canceled(ctx.Err())
		}
	}
}

// deviceTimeout bounds the wait for the child's answer.
const deviceTimeout = time.Second

// Devices returns the child's devices as they are now or, if it does not answer
// soon, as they were last. Busy times restart with every child.
func (e *Engine) Devices() []engine.DeviceUse {
	e.mutex.Lock()
	p := e.running
	e.mutex.Unlock()
	if p != nil {
		if list, ok := p.askDevices(deviceTimeout); ok {
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

// Close cancels all images, ends the child and returns when the process is gone. It
// may be repeated.
func (e *Engine) Close() error {
	e.mutex.Lock()
	if !e.isClosing() {
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
