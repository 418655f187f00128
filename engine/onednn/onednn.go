// Package onednn runs RRDBNet and SRVGGNetCompact models on the CPU with oneDNN, as
// a stream of row bands through all layers: each row of each layer is computed
// once, at any image height, and memory is a few rows per layer instead of whole
// tensors. oneDNN is loaded from the system at run time; it is not needed to build.
// With AVX-512 the convolutions are this package's own (conv3x3_f32_avx512.c,
// conv3x3_bf16_avx512.c), on oneDNN's threads; on other CPUs, and with AMX, they
// are oneDNN's.
package onednn

import (
	"runtime"

	"upscaled/models/network"
)

// Options configure a Runtime.
type Options struct {
	// Library is the path or name of oneDNN's shared library, version 2.6 or newer;
	// "" is the system's.
	Library string
	// Threads is the number of threads; 0 is one per core.
	Threads int
	// Precision of sessions that leave it to the device; "" is bfloat16 if the CPU
	// has it, else float32.
	Precision network.Precision
	// Plain leaves every convolution to oneDNN, for comparison.
	Plain bool
	// Memory bounds the rows that a running image holds, in bytes; 0 is
	// DefaultMemory.
	Memory int64
}

// DefaultMemory lets x4plus run 1920 pixels wide in bands of 4 rows.
const DefaultMemory = 1100 << 20

// Library describes the library that was found.
type Library struct {
	// Name is the path or name it was loaded by, Version such as "2.6.3".
	Name, Version string
	// Instructions is for people: the CPU instructions that the library uses.
	Instructions string
	// AVX512 is set if float32 runs on 512-bit vectors, BFloat16 if bfloat16 runs
	// at twice that rate or more.
	AVX512, BFloat16 bool
	// AMX is set if oneDNN multiplies matrices with AMX.
	AMX bool
	// Reason is why this runtime gains nothing here; "" if it does.
	Reason string
}

// ownKernels reports whether this package's own kernels are faster than oneDNN's:
// they spare copies between rows, and multiply less in bfloat16. With AMX oneDNN's
// bfloat16 is faster all the same.
func (l Library) ownKernels(p network.Precision) bool {
	if runtime.GOARCH != "amd64" {
		return false
	}
	return p == network.Float32 && l.AVX512 || p == network.BFloat16 && l.BFloat16 && !l.AMX
}
