package kernels

// #include "step.h"
import "C"

import (
	"runtime"
	"time"
	"unsafe"
)

// Ring holds the last rows of a tensor: row y is at index y % Capacity, or at the
// index that Places, int32, holds there, as Width positions of Channels elements.
type Ring struct {
	Memory, Places            Memory // no Memory is no ring
	Type                      Type
	Capacity, Channels, Width int
}

// Bytes returns the size of the memory that a ring without Places needs.
func (r Ring) Bytes() int { return r.Capacity * r.Width * r.Channels * r.Type.Size() }

func (r Ring) c() C.cpu_ring {
	return C.cpu_ring{r.Memory.p, (*C.int32_t)(r.Places.p), C.int(r.Type), C.int(r.Capacity), C.int(r.Channels), C.int(r.Width)}
}

// Residual is a float32 ring whose leading channels are added, times Scale.
type Residual struct {
	Ring  Ring
	Scale float32
}

// Band is one convolution of Rows output rows from row Y on. All rings have the
// output's size except Src, which is Upsample times smaller.
type Band struct {
	Src           Ring
	Upsample      int
	Y, Rows       int
	Width, Height int // of the whole output
	Residuals     [2]Residual
	// A gated sum is multiplied by sigmoid(v) + GateBias, with v the convolution's
	// result: SiLU if there are no residuals and no bias.
	Gated    bool
	GateBias float32
	// PReLU holds one slope per output channel; the zero value is no activation.
	PReLU Memory
	// Dst gets the result from channel DstChannel on, Kept gets it in float32, and
	// Result, Rows x Width x output channels, unless there is Dst.
	Dst, Kept  Ring
	DstChannel int
	Result     Memory
}

// ImageRows converts between samples of an image and a tensor: a square of Block x
// Block pixels is one position.
type ImageRows struct {
	// Samples are []uint8 or []uint16, interleaved, of the first row.
	Samples       any
	Colors, Block int
	Width         int // positions
	Y, Rows       int // in positions
	// Ring gets an input's samples, behind a channel of ones if Ones is set.
	Ring Ring
	Ones bool
	// Sums are an output, Rows x Width x Block*Block*Colors, channels ordered (y, x,
	// color), half a step too large. Added holds the input's samples that are added to
	// each pixel's block, or is nil.
	Sums  Memory
	Added any
}

// Step is a list of operations that run one after the other, each cut into units
// that any number of threads share. The result does not depend on how many.
type Step struct {
	c      *C.cpu_step
	ops    []C.cpu_op
	pinner runtime.Pinner
}

// NewStep returns an empty step. It fails with fault.DeviceMemory.
func NewStep() (*Step, error) {
	c := C.cpu_step_new()
	if c == nil {
		return nil, noMemory()
	}
	return &Step{c: c}, nil
}

// Free accepts nil.
func (s *Step) Free() {
	if s != nil {
		C.cpu_step_free(s.c)
		s.c = nil
	}
}

// Conv appends a convolution.
func (s *Step) Conv(conv *Conv, b Band) {
	op := C.cpu_op{kind: C.CPU_OP_CONV, kernel: conv.kernel.c, conv: conv.c}
	op.band = C.cpu_band{
		src: b.Src.c(), in: C.int(conv.in), out: C.int(conv.out), upsample: C.int(b.Upsample),
		y: C.int(b.Y), rows: C.int(b.Rows), width: C.int(b.Width), height: C.int(b.Height),
		gated: number(b.Gated), gate_bias: C.float(b.GateBias), prelu: (*C.float)(b.PReLU.p), dst: b.Dst.c(), kept: b.Kept.c(), dst_channel: C.int(b.DstChannel),
		result: (*C.float)(b.Result.p),
	}
	for i, r := range b.Residuals {
		op.band.residuals[i] = C.cpu_residual{ring: r.Ring.c(), scale: C.float(r.Scale)}
	}
	s.ops = append(s.ops, op)
}

// ImageIn appends the conversion of an image's rows to a ring.
func (s *Step) ImageIn(m ImageRows) { s.image(C.CPU_OP_IMAGE_IN, m) }

// ImageOut appends the conversion of sums to rows of an image.
func (s *Step) ImageOut(m ImageRows) { s.image(C.CPU_OP_IMAGE_OUT, m) }

func (s *Step) image(kind C.cpu_op_kind, m ImageRows) {
	op := C.cpu_op{kind: kind}
	samples, depth := s.pin(m.Samples)
	added, _ := s.pin(m.Added)
	op.image = C.cpu_image_rows{
		samples: samples, depth: depth, colors: C.int(m.Colors), block: C.int(m.Block), width: C.int(m.Width),
		y: C.int(m.Y), rows: C.int(m.Rows), ring: m.Ring.c(), ones: number(m.Ones), sums: (*C.float)(m.Sums.p), added: added,
	}
	s.ops = append(s.ops, op)
}

// pin returns the address of samples, which stays valid until the step ends.
func (s *Step) pin(samples any) (unsafe.Pointer, C.int) {
	switch samples := samples.(type) {
	case []uint8:
		s.pinner.Pin(&samples[0])
		return unsafe.Pointer(&samples[0]), 8
	case []uint16:
		s.pinner.Pin(&samples[0])
		return unsafe.Pointer(&samples[0]), 16
	}
	return nil, 0
}

// Begin makes the operations, of which there is at least one, runnable. No thread
// may be in Run. It fails with fault.DeviceMemory.
func (s *Step) Begin() error {
	if C.cpu_step_begin(s.c, &s.ops[0], C.int(len(s.ops))) == 0 {
		return noMemory()
	}
	return nil
}

// Outcome is how Run ended.
type Outcome int

// The outcomes of Run.
const (
	Stopped  Outcome = C.CPU_STEP_STOPPED  // by Stop
	Finished Outcome = C.CPU_STEP_FINISHED // all operations are done
	Released Outcome = C.CPU_STEP_RELEASED // by Release; other threads go on
)

// Run takes part in the step. It may be called concurrently, each time with
// scratch of its own, large enough for all convolutions. Threads that come late or
// never are not waited for.
func (s *Step) Run(scratch Memory) Outcome { return Outcome(C.cpu_step_run(s.c, scratch.p)) }

// Time is Run and returns the time that the thread computed, without the time that
// other programs took from it.
func (s *Step) Time(scratch Memory) time.Duration {
	return time.Duration(C.cpu_step_time(s.c, scratch.p))
}

// Stop makes all threads return soon. It may be called concurrently.
func (s *Step) Stop() { C.cpu_step_stop(s.c) }

// Release makes one thread return before its next operation. It may be called
// concurrently, and must leave at least one thread.
func (s *Step) Release() { C.cpu_step_release(s.c) }

// End empties the step. No thread may be in Run.
func (s *Step) End() {
	clear(s.ops) // cgo also checks what lies behind the slice's end
	s.ops = s.ops[:0]
	s.pinner.Unpin()
}
