//go:build linux

package onednn

// #include "library.h"
import "C"

import (
	"context"
	"os"
	"runtime"
	"strings"
	"sync"

	"upscaled/engine"
	"upscaled/models/fault"
	"upscaled/models/network"
)

// Runtime is an engine.Runtime on the CPU.
type Runtime struct {
	options Options
	inner   *C.od_library
	library Library
	// jobs run on one OS thread, one after the other: OpenMP keeps a set of threads
	// for each thread that calls it.
	jobs  chan func()
	close sync.Once
	// idle is what the last run left for another of the same model and size, or
	// nil.
	idleLock sync.Mutex
	idle     *rings
}

// Probe looks for oneDNN and describes it. It fails with fault.ModelMissing if
// there is none.
func Probe(library string) (Library, error) {
	_, found, err := load(library)
	return found, err
}

// Open loads oneDNN. It fails with fault.ModelMissing if there is none, and with
// fault.Unsupported for a precision that the CPU lacks. The caller closes the
// runtime after all of its sessions.
func Open(o Options) (*Runtime, error) {
	inner, library, err := load(o.Library)
	if err != nil {
		return nil, err
	}
	r := &Runtime{options: o, inner: inner, library: library, jobs: make(chan func())}
	if r.options.Precision == "" {
		r.options.Precision = network.Float32
		if library.BFloat16 {
			r.options.Precision = network.BFloat16
		}
	}
	if err := r.checkPrecision(r.options.Precision); err != nil {
		return nil, err
	}
	if r.options.Threads == 0 {
		r.options.Threads = runtime.NumCPU()
	}
	if r.options.Memory == 0 {
		r.options.Memory = DefaultMemory
	}
	go r.work()
	return r, nil
}

// work runs jobs until the runtime is closed.
func (r *Runtime) work() {
	runtime.LockOSThread() // and never unlocked: the thread ends with this
	C.od_bind(r.inner, C.int(r.options.Threads))
	for job := range r.jobs {
		job()
	}
}

// do runs a job on the computing thread and waits for it. Callers take turns.
func (r *Runtime) do(job func() error) error { return r.doUnless(nil, job) }

// doUnless is do, unless gone is closed before the job's turn comes.
func (r *Runtime) doUnless(gone <-chan struct{}, job func() error) error {
	done := make(chan error, 1)
	select {
	case r.jobs <- func() { done <- job() }:
		return <-done
	case <-gone:
		return fault.New(fault.Canceled, "The operation was canceled.")
	}
}

// Close ends the runtime; it may be repeated.
func (r *Runtime) Close() error {
	r.close.Do(func() { close(r.jobs) })
	return nil
}

// Library describes the library that the runtime uses.
func (r *Runtime) Library() Library { return r.library }

// Device implements engine.Runtime.
func (r *Runtime) Device() engine.Device {
	return engine.Device{
		Kind: "cpu", Name: cpuName() + ", oneDNN " + r.library.Version, Precision: r.options.Precision, Parallel: 1,
	}
}

// cpuName returns the name that Linux has for the CPU.
func cpuName() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "CPU"
}

func (r *Runtime) checkPrecision(p network.Precision) error {
	switch {
	case p == network.Float32:
	case p != network.BFloat16:
		return fault.New(fault.Unsupported, "oneDNN runs models in float32 and bfloat16, not in %s.", p)
	case !r.library.BFloat16:
		return fault.New(fault.Unsupported, "This CPU has no bfloat16 instructions (AVX512-BF16); use float32.")
	}
	return nil
}

// Open implements engine.Runtime for models that are chains of convolutions; others
// are fault.Unsupported. The session also implements engine.Streamer.
func (r *Runtime) Open(ctx context.Context, net *network.Network, o network.Options) (engine.Session, error) {
	if err := ctx.Err(); err != nil {
		return nil, fault.Wrap(fault.Canceled, err, "The operation was canceled.")
	}
	if err := r.checkPrecision(o.Precision); err != nil {
		return nil, err
	}
	if o.Sample != network.Uint8 && o.Sample != network.Uint16 {
		return nil, fault.New(fault.Unsupported, "oneDNN sessions take samples of 8 and 16 bits, not %s.", o.Sample)
	}
	if o.Reference { // published operators are ONNX Runtime's
		return nil, fault.New(fault.Unsupported, "This model cannot run on oneDNN; use ONNX Runtime.")
	}
	program, err := net.Sequential(o)
	if err != nil {
		return nil, err
	}
	return newSession(r, net.Info(), o, program), nil
}
