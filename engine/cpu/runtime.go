package cpu

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"

	"upscaled/engine"
	"upscaled/engine/cpu/kernels"
	"upscaled/engine/host"
	"upscaled/models/fault"
	"upscaled/models/network"
)

// Options make a Runtime.
type Options struct {
	// Threads that compute; 0 is one per available CPU, as limited by affinity and
	// cgroups.
	Threads int
	// Precision of sessions that leave it to the device. If it is empty the fastest
	// kernels are used, which may compute in bfloat16 or float16.
	Precision network.Precision
	// Kernels names the instruction set to use, such as "avx2"; "" measures all that
	// the CPU supports.
	Kernels string
	// Memory bounds the rows that a running image holds, in bytes; 0 is
	// DefaultMemory, or an eighth of the machine's for many threads.
	Memory int64
	// Cache is a folder that keeps measurements between runs; "" measures again.
	Cache string
}

// alignment is a multiple of what all kernels compute at once, by rows and columns.
const alignment = 4

// DefaultMemory lets x4plus run images 1920 pixels wide in one piece.
const DefaultMemory = 1100 << 20

// memoryFor returns the memory for rows: many threads need high bands to share, if the
// machine has the memory.
func memoryFor(threads int, total int64) int64 {
	return max(DefaultMemory, min(int64(threads/8)*DefaultMemory, total/8))
}

// Runtime is an engine.Runtime on the CPU.
type Runtime struct {
	options Options
	sets    []kernels.InstructionSet // that may be used, most capable first
	pool    *pool
	idle    idleRings
	timings timings
	close   sync.Once
}

// Open starts a runtime's threads. It fails with fault.Unsupported for a precision
// or instruction set that the CPU lacks. The caller closes the runtime after all of
// its sessions.
func Open(o Options) (*Runtime, error) {
	if o.Threads == 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	if o.Memory == 0 {
		total, _ := host.Memory()
		o.Memory = memoryFor(o.Threads, total)
	}
	sets, err := usable(o.Kernels)
	if err != nil {
		return nil, err
	}
	r := &Runtime{options: o, sets: sets, timings: loadTimings(o.Cache)}
	if err := r.checkPrecision(o.Precision); err != nil {
		return nil, err
	}
	r.idle.most = o.Memory / 4
	r.pool = newPool(o.Threads)
	return r, nil
}

// usable returns the instruction sets that a name allows here.
func usable(name string) ([]kernels.InstructionSet, error) {
	var usable []kernels.InstructionSet
	var names []string
	for _, set := range kernels.InstructionSets() {
		names = append(names, set.Name)
		switch {
		case name == set.Name && !set.Supported:
			return nil, fault.New(fault.Unsupported, "This CPU does not support the %s kernels.", name)
		case set.Supported && (name == "" || name == set.Name):
			usable = append(usable, set)
		}
	}
	if portable := len(usable) - 1; name == "" && portable > 0 {
		usable = usable[:portable] // for CPUs without vectors that are known here
	}
	if len(usable) == 0 {
		return nil, fault.New(fault.Unsupported, "There are no %q kernels; this build has %s.", name, strings.Join(names, ", "))
	}
	return usable, nil
}

// half returns the precision of the most capable kernels of 16 bits, or float32 if
// there are none.
func (r *Runtime) half() network.Precision {
	for _, set := range r.sets {
		if set.Half != nil {
			return precisionOf(set.Half)
		}
	}
	return network.Float32
}

func (r *Runtime) checkPrecision(p network.Precision) error {
	if p == "" || len(r.candidates(p)) > 0 {
		return nil
	}
	return fault.New(fault.Unsupported, "This CPU has no %s instructions that are used here; use float32.", p)
}

// Close stops the threads; it may be repeated.
func (r *Runtime) Close() error {
	r.close.Do(func() {
		r.idle.free(nil)
		r.pool.close()
	})
	return nil
}

// Device implements engine.Runtime.
func (r *Runtime) Device() engine.Device {
	total, free := host.Memory()
	return engine.Device{
		Kind: "cpu", Memory: total, Free: free, Name: fmt.Sprintf("%s, %s", host.CPU(), r.sets[0].Name), Precision: cmp.Or(r.options.Precision, r.half()), Parallel: 1,
		Alignment: alignment,
	}
}

// Open implements engine.Runtime for models that are chains of convolutions;
// others are fault.Unsupported. The session also is an engine.Streamer.
func (r *Runtime) Open(ctx context.Context, net *network.Network, o network.Options) (engine.Session, error) {
	if err := ctx.Err(); err != nil {
		return nil, fault.Wrap(fault.Canceled, err, "The operation was canceled.")
	}
	if err := r.checkPrecision(o.Precision); err != nil {
		return nil, err
	}
	if o.Sample != network.Uint8 && o.Sample != network.Uint16 {
		return nil, fault.New(fault.Unsupported, "The CPU engine takes samples of 8 and 16 bits, not %s.", o.Sample)
	}
	if o.Reference { // published operators are ONNX Runtime's
		return nil, fault.New(fault.Unsupported, "The CPU engine does not run reference graphs; use ONNX Runtime.")
	}
	sequence, err := net.Sequential(o)
	if err != nil {
		return nil, err
	}
	best, err := r.choose(ctx, sequence, o.Precision)
	if err != nil {
		return nil, err
	}
	return newSession(r, net.Info(), o, sequence, best), nil
}
