// Package onednn runs RRDBNet and SRVGGNetCompact on the processor with
// oneDNN, as a stream of row bands through all layers: each row of each layer
// is computed once, at any picture height, and memory is a few rows of each
// layer instead of tensors of the picture's size. oneDNN is loaded at run time
// from the system; nothing of it is needed to build. With AVX-512 the
// convolutions are this package's own (direct.c, winograd.c), on oneDNN's
// threads; on other processors, and with AMX, they are oneDNN's.
package onednn

import (
	"runtime"

	"upscaled/models/network"
)

// Options make a Runtime.
type Options struct {
	// Library is the path or name of oneDNN's shared library, version 2.6 or
	// newer; "" looks for the system's.
	Library string
	// Threads that compute; 0 is one a core.
	Threads int
	// Precision of sessions that leave it to the device; "" is bfloat16 where
	// the processor has it, else float32.
	Precision network.Precision
	// Plain leaves every convolution to oneDNN, to compare.
	Plain bool
	// Memory bounds the rows that a running picture holds, in bytes; 0 is
	// DefaultMemory.
	Memory int64
}

// DefaultMemory lets x4plus run 1920 pixels wide in bands of 4 rows.
const DefaultMemory = 1100 << 20

// Library tells what was found.
type Library struct {
	// Name is the path or name it was loaded by, Version like "2.6.3".
	Name, Version string
	// Instructions is for people: what the library uses of the processor.
	Instructions string
	// AVX512 says that float32 runs on 512-bit vectors, BFloat16 that bfloat16
	// runs at twice that rate or more.
	AVX512, BFloat16 bool
	// AMX says that oneDNN multiplies matrices by their own instructions.
	AMX bool
	// Reason is why this runtime is not, or not fully, worth using here; ""
	// where it is.
	Reason string
}

// ownKernels says that kernels of this package compute, which spare copies
// between rows and in bfloat16 multiply less than oneDNN's; where there is AMX
// oneDNN's bfloat16 is faster all the same.
func (l Library) ownKernels(p network.Precision) bool {
	if runtime.GOARCH != "amd64" {
		return false
	}
	return p == network.Float32 && l.AVX512 || p == network.BFloat16 && l.BFloat16 && !l.AMX
}
