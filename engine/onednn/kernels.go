//go:build linux

package onednn

// #include "direct.h"
// #include "winograd.h"
import "C"

import (
	"fmt"
	"math/bits"

	"upscaled/models/fault"
	"upscaled/models/network"
)

// weights are one convolution's in a layout that some kernels want.
type weights = C.od_weights

// weightStore holds each convolution's weights, once for every layout that a
// kernel asked for; as a rule that is one. It is used on the computing thread.
type weightStore struct {
	made [][]*weights
	// directs and winograds are those for this package's own kernels, in
	// float32 and bfloat16; nil where oneDNN computes.
	directs   []*C.od_direct
	winograds []*C.od_winograd
}

func newWeightStore(convolutions int) weightStore {
	return weightStore{
		make([][]*weights, convolutions), make([]*C.od_direct, convolutions), make([]*C.od_winograd, convolutions),
	}
}

// preciseConvolutions at the beginning of a network have some of their weights
// in twice bfloat16's digits: all that follow see what these round. It is worth
// 1 dB of general-x4v3 for 6 % of its time; 8 more would be worth 0.2 dB.
const preciseConvolutions = 9

// run computes a band of convolution i on this package's own kernels, whose
// weights it lays out once.
func (w *weightStore) run(i int, c *network.Convolution, b *C.od_band) error {
	in, out, weight, bias := C.int(c.In), C.int(c.Out), (*C.float)(&c.Weight[0]), (*C.float)(&c.Bias[0])
	noMemory := fault.New(fault.DeviceMemory, "There is not enough memory to run the network.")
	if b.from._type == C.OD_F32 {
		if w.directs[i] == nil {
			w.directs[i] = C.od_direct_new(in, out, weight, bias)
		}
		if w.directs[i] == nil {
			return noMemory
		}
		C.od_direct_run(w.directs[i], b)
		return nil
	}
	if w.winograds[i] == nil {
		precise := C.int(0)
		if i < preciseConvolutions {
			precise = 1
		}
		w.winograds[i] = C.od_winograd_new(in, out, weight, bias, precise)
	}
	if w.winograds[i] == nil {
		return noMemory
	}
	C.od_winograd_run(w.winograds[i], b)
	return nil
}

// ownKernels says that a program's convolutions run on kernels of this package.
func (r *Runtime) ownKernels(p *network.Sequential, precision network.Precision) bool {
	if r.options.Plain || !r.library.ownKernels(precision) {
		return false
	}
	for _, c := range p.Convolutions {
		if c.In > C.od_most_in {
			return false
		}
	}
	return true
}

// get lays convolution i's weights out for a kernel.
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
	for _, direct := range w.directs {
		C.od_direct_free(direct)
	}
	for _, winograd := range w.winograds {
		C.od_winograd_free(winograd)
	}
	*w = weightStore{}
}

// shape is what tells kernels apart within a picture's width.
type shape struct{ in, out, height, width int }

// kernel is a convolution of one height with its weights.
type kernel struct {
	conv    *C.od_conv
	weights *weights
}

// kernels are those of pictures of one width, made when first needed.
type kernels struct {
	convs map[shape]*C.od_conv
	// ready holds each convolution's, by the logarithm of the band's height.
	ready [][bits.UintSize]kernel
}

func newKernels(p *network.Sequential) kernels {
	return kernels{map[shape]*C.od_conv{}, make([][bits.UintSize]kernel, len(p.Convolutions))}
}

// kernel gives convolution i for bands of a power of two rows.
func (h *rows) kernel(i, height int) (*kernel, error) {
	k := &h.kernels.ready[i][bits.Len(uint(height))]
	if k.conv != nil {
		return k, nil
	}
	c := &h.session.program.Convolutions[i]
	s := shape{c.In, c.Out, height, h.plan.width * h.plan.zoom(i)}
	conv := h.kernels.convs[s]
	if conv == nil {
		var status C.int
		conv = C.od_conv_new(h.session.runtime.inner, h.number(c.From), C.int(s.in), C.int(s.out), C.int(s.height), C.int(s.width), &status)
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
