// Package kernels computes 3x3 convolutions on the CPU, in C, with one small file
// per operation, number format and instruction set. It knows nothing of networks
// and images beyond their memory layout: package cpu decides what to run.
//
// Everything here that has a Free method is memory outside the garbage-collected
// heap and must be freed by its owner. No method is safe for concurrent use unless
// it says so.
package kernels

// #cgo CFLAGS: -O3 -Wall
// #cgo emulate CFLAGS: -DCPU_EMULATE
// #include "step.h"
// #include "conv.h"
import "C"

import (
	"unsafe"

	"upscaled/models/fault"
)

// Kernel computes convolutions in one way on one instruction set.
type Kernel struct{ c *C.cpu_kernel }

// Type is an element type of rings.
type Type int

// The element types of rings.
const (
	Float32  Type = C.CPU_F32
	Float16  Type = C.CPU_F16
	BFloat16 Type = C.CPU_BF16
)

// Size returns the bytes of an element.
func (t Type) Size() int {
	if t == Float32 {
		return 4
	}
	return 2
}

// Type returns the element type of the rings that a kernel reads and writes.
func (k *Kernel) Type() Type { return Type(k.c._type) }

// Precision returns the element type that it multiplies.
func (k *Kernel) Precision() Type { return Type(k.c.precision) }

// RowMultiple returns how many rows a kernel computes at once: bands should begin
// at multiples of it.
func (k *Kernel) RowMultiple() int { return int(k.c.row_multiple) }

// String returns the algorithm's name.
func (k *Kernel) String() string { return C.GoString(k.c.name) }

// InstructionSet holds the kernels for one instruction set.
type InstructionSet struct {
	Name string
	// Supported reports whether this CPU and operating system have it.
	Supported bool
	// Exact sums in ONNX Runtime's order, in float32; Fast is float32 by
	// Winograd's algorithm. Half, which may be nil, multiplies elements of 16 bits.
	Exact, Fast, Half *Kernel
}

// InstructionSets returns all that this build has kernels for, most capable
// first. The last is portable and supported everywhere. Sets that share a kernel
// share its pointer.
func InstructionSets() []InstructionSet {
	var all []InstructionSet
	known := map[*C.cpu_kernel]*Kernel{nil: nil}
	kernel := func(k *C.cpu_kernel) *Kernel {
		if _, ok := known[k]; !ok {
			known[k] = &Kernel{k}
		}
		return known[k]
	}
	for isa := C.cpu_isas(); isa.name != nil; isa = (*C.cpu_isa)(unsafe.Add(unsafe.Pointer(isa), unsafe.Sizeof(*isa))) {
		all = append(all, InstructionSet{
			Name: C.GoString(isa.name), Supported: C.cpu_isa_supported(isa) != 0,
			Exact: kernel(isa.exact), Fast: kernel(isa.fast), Half: kernel(isa.half),
		})
	}
	return all
}

// Conv is a convolution's weights, packed for one kernel. It is immutable and may
// be used concurrently.
type Conv struct {
	kernel  *Kernel
	c       *C.cpu_conv
	in, out int
}

// Pack returns the convolution of weight, [out][in][3][3], and bias, [out], which
// are copied. If precise, kernels of low precision spend time on more digits. It
// fails with fault.DeviceMemory.
func (k *Kernel) Pack(in, out int, weight, bias []float32, precise bool) (*Conv, error) {
	c := C.cpu_kernel_pack(k.c, C.int(in), C.int(out), (*C.float)(&weight[0]), (*C.float)(&bias[0]), number(precise))
	if c == nil {
		return nil, noMemory()
	}
	return &Conv{k, c, in, out}, nil
}

// number is C's form of a truth value.
func number(v bool) C.int {
	if v {
		return 1
	}
	return 0
}

// Free accepts nil.
func (c *Conv) Free() {
	if c != nil {
		C.cpu_conv_free(c.c)
		c.c = nil
	}
}

// Scratch returns how many bytes of scratch memory a thread needs for it.
func (c *Conv) Scratch() int { return int(C.cpu_kernel_scratch(c.kernel.c, c.c)) }

func noMemory() error {
	return fault.New(fault.DeviceMemory, "There is not enough memory to run the model.")
}

// Memory is a block of memory aligned to cache lines.
type Memory struct{ p unsafe.Pointer }

// Allocate returns zeroed memory. It fails with fault.DeviceMemory.
func Allocate(bytes int) (Memory, error) {
	p := C.cpu_allocate(C.size_t(bytes))
	if p == nil {
		return Memory{}, noMemory()
	}
	return Memory{p}, nil
}

// Floats returns the first n float32 of the block.
func (m Memory) Floats(n int) []float32 { return unsafe.Slice((*float32)(m.p), n) }

// Ints returns the first n int32 of the block.
func (m Memory) Ints(n int) []int32 { return unsafe.Slice((*int32)(m.p), n) }

// Free accepts the zero value.
func (m *Memory) Free() {
	C.cpu_free(m.p)
	m.p = nil
}
