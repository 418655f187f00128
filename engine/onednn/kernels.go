//go:build linux

package onednn

// #include "conv3x3_f32_avx512.h"
// #include "conv3x3_bf16_avx512.h"
import "C"

import (
	"fmt"
	"math/bits"

	"upscaled/models/fault"
	"upscaled/models/network"
)

// weights are one convolution's, packed for some of oneDNN's kernels.
type weights = C.od_weights

// weightStore packs each convolution's weights once per layout that a kernel asks
// for, which is usually one. It is used on the computing thread.
type weightStore struct {
	made [][]*weights
	// f32 and bf16 are for this package's own kernels.
	f32  []*C.od_conv_f32
	bf16 []*C.od_conv_bf16
}

func newWeightStore(convolutions int) weightStore {
	return weightStore{
		make([][]*weights, convolutions), make([]*C.od_conv_f32, convolutions), make([]*C.od_conv_bf16, convolutions),
	}
}

// The weights of the first convolutions partly have twice bfloat16's digits,
// because all later ones see their rounding errors. It is worth 1 dB of
// general-x4v3 for 6 % of its time; 8 more would be worth 0.2 dB.
const preciseConvolutions = 9

// run computes a band of convolution i with this package's own kernels.
func (w *weightStore) run(i int, c *network.Convolution, b *C.od_band) error {
	in, out, weight, bias := C.int(c.In), C.int(c.Out), (*C.float)(&c.Weight[0]), (*C.float)(&c.Bias[0])
	noMemory := fault.New(fault.DeviceMemory, "There is not enough memory to run the model.")
	if b.from._type == C.OD_F32 {
		if w.f32[i] == nil {
			w.f32[i] = C.od_conv_f32_new(in, out, weight, bias)
		}
		if w.f32[i] == nil {
			return noMemory
		}
		C.od_conv_f32_run(w.f32[i], b)
		return nil
	}
	if w.bf16[i] == nil {
		precise := C.int(0)
		if i < preciseConvolutions {
			precise = 1
		}
		w.bf16[i] = C.od_conv_bf16_new(in, out, weight, bias, precise)
	}
	if w.bf16[i] == nil {
		return noMemory
	}
	C.od_conv_bf16_run(w.bf16[i], b)
	return nil
}

// ownKernels reports whether a model's convolutions run on this package's own
// kernels.
func (r *Runtime) ownKernels(p *network.Sequential, precision network.Precision) bool {
	if r.options.Plain || !r.library.ownKernels(precision) {
		return false
	}
	for _, c := range p.Convolutions {
		if c.In > C.od_max_in {
			return false
		}
	}
	return true
}

// get returns convolution i's weights packed for a kernel.
func (w *weightStore) get(i int, c *network.Convolution, kernel *C.od_conv) (*weights, error) {
	for _, made := range w.made[i] {
		if C.od_weights_fit(kernel, made) != 0 {
			return made, nil
		}
	}
	var status C.int
	made := C.od_weights_new(kernel, (*C.float)(&c.Weight[0]), (*C.float)(&c.Bias[0]), &status)
	if made == nil {
		return nil, failed(status, fmt.Sprintf("lay out the weights of convolution %d", i))
	}
	w.made[i] = append(w.made[i], made)
	return made, nil
}

func (w *weightStore) free() {
	for _, all := range w.made {
		for _, one := range all {
			C.od_weights_free(one)
		}
	}
	for _, direct := range w.f32 {
		C.od_conv_f32_free(direct)
	}
	for _, winograd := range w.bf16 {
		C.od_conv_bf16_free(winograd)
	}
	*w = weightStore{}
}

// shape tells kernels of one image width apart.
type shape struct{ in, out, height, width int }

// kernel is a convolution of one height with its weights.
type kernel struct {
	conv    *C.od_conv
	weights *weights
}

// kernels caches oneDNN's kernels for images of one width.
type kernels struct {
	convs map[shape]*C.od_conv
	// ready has each convolution's kernels by the logarithm of the band's height.
	ready [][bits.UintSize]kernel
}

func newKernels(p *network.Sequential) kernels {
	return kernels{map[shape]*C.od_conv{}, make([][bits.UintSize]kernel, len(p.Convolutions))}
}

// kernel returns convolution i for bands of a power of two rows.
func (h *rings) kernel(i, height int) (*kernel, error) {
	k := &h.kernels.ready[i][bits.Len(uint(height))]
	if k.conv != nil {
		return k, nil
	}
	c := &h.session.program.Convolutions[i]
	s := shape{c.In, c.Out, height, h.plan.width * h.plan.scale(i)}
	conv := h.kernels.convs[s]
	if conv == nil {
		var status C.int
		conv = C.od_conv_new(h.session.runtime.inner, h.elementType(c.From), C.int(s.in), C.int(s.out), C.int(s.height), C.int(s.width), &status)
		if conv == nil {
			return nil, failed(status, fmt.Sprintf("set up a convolution %v", s))
		}
		h.kernels.convs[s] = conv
	}
	weights, err := h.session.weights.get(i, c, conv)
	if err != nil {
		return nil, err
	}
	*k = kernel{conv, weights}
	return k, nil
}

func (k *kernels) free() {
	for _, conv := range k.convs {
		C.od_conv_free(conv)
	}
	k.convs = nil
}
