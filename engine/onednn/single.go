//go:build linux

package onednn

// #include <stdlib.h>
// #include "library.h"
import "C"

import (
	"unsafe"

	"upscaled/models/fault"
	"upscaled/models/network"
)

// Convolution is a single convolution over a whole image, as a baseline for
// benchmarks: no model runs faster on oneDNN.
type Convolution struct {
	runtime *Runtime
	conv    *C.od_conv
	weights *weights
	source  unsafe.Pointer
	result  unsafe.Pointer
	// Flops counts a multiply-add as two.
	Flops float64
	// Kernel is the library's name of the kernel.
	Kernel string
}

// NewConvolution sets one up. The caller closes it.
func (r *Runtime) NewConvolution(precision network.Precision, in, out, width, height int) (*Convolution, error) {
	if err := r.checkPrecision(precision); err != nil {
		return nil, err
	}
	number := C.int(C.OD_F32)
	if precision == network.BFloat16 {
		number = C.OD_BF16
	}
	c := &Convolution{runtime: r, Flops: 18 * float64(in*out*width*height)}
	err := r.do(func() error {
		var status C.int
		c.conv = C.od_conv_new(r.inner, number, C.int(in), C.int(out), C.int(height), C.int(width), &status)
		if c.conv == nil {
			return failed(status, "set up a convolution")
		}
		c.Kernel = C.GoString(C.od_conv_name(c.conv))
		zeros := make([]float32, max(1, in*out*9))
		if c.weights = C.od_weights_new(c.conv, (*C.float)(&zeros[0]), (*C.float)(&zeros[0]), &status); c.weights == nil {
			return failed(status, "lay out weights")
		}
		const number = 4 // bytes, enough for both precisions
		c.source, c.result = C.calloc(C.size_t((height+2)*width*in), number), C.calloc(C.size_t(height*width*out), number)
		if c.source == nil || c.result == nil {
			return fault.New(fault.DeviceMemory, "There is not enough memory for a convolution.")
		}
		return nil
	})
	if err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}

// Run computes it once.
func (c *Convolution) Run() error {
	return c.runtime.do(func() error {
		return failed(C.od_conv_run(c.conv, c.weights, c.source, (*C.float)(c.result)), "run a convolution")
	})
}

// Close frees it. It must not be repeated.
func (c *Convolution) Close() error {
	return c.runtime.do(func() error {
		C.od_weights_free(c.weights)
		C.od_conv_free(c.conv)
		C.free(c.source)
		C.free(c.result)
		return nil
	})
}
