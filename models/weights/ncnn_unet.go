package weights

import (
	"fmt"
	"slices"
)

// upSlope is the slope of every LeakyReLU of Real-CUGAN and waifu2x.
const upSlope = 0.1

// ncnnWalk follows layers of models that do not pad. After the first error it does
// nothing.
type ncnnWalk struct {
	*ncnnMatcher
	err error
}

func (w *ncnnWalk) fail(layer, why string) string {
	if w.err == nil {
		w.err = mismatch(layer, why)
	}
	return ""
}

// upconv follows waifu2x's upconv_7: convolutions, of which the last one is transposed.
func (m *ncnnMatcher) upconv() error {
	w := &ncnnWalk{ncnnMatcher: m}
	at := m.net.input
	for i := 0; w.err == nil; i += 2 {
		name := fmt.Sprintf("net.%d", i)
		if !slices.ContainsFunc(m.net.consumers[at], func(l *ncnnLayer) bool { return l.kind == "Convolution" }) {
			m.output = w.transposed(name, at, 4, 2, 3, false)
			break
		}
		at = w.conv(name, at, 3, 1, true)
	}
	return w.err
}

// upcunet follows Real-CUGAN (upcunet_v3.py) and waifu2x's cunet, whose U-Nets are the
// same.
func (m *ncnnMatcher) upcunet() error {
	w := &ncnnWalk{ncnnMatcher: m}
	first := w.unet("unet1.", m.net.input, false)
	at := w.unet("unet2.", first, true)
	at = w.plus(w.cropped(first, at, 20), at)
	if w.err == nil && len(m.net.consumers[at]) > 0 {
		at = w.cropped(w.conv("conv_final", at, 3, 1, false), "", 1)
		shuffle := m.find("PixelShuffle", func(l *ncnnLayer) bool { return l.integer(0, 0) == 2 && l.integer(1, 0) == 0 }, at)
		if shuffle == nil {
			w.fail(at, "is not shuffled by 2")
			return w.err
		}
		at = shuffle.out[0]
	}
	m.output = at
	return w.err
}

func (w *ncnnWalk) unet(name, at string, deep bool) string {
	outer := w.pair(name+"conv1", at, false)
	middle := w.pair(name+"conv2", w.conv(name+"conv1_down", outer, 2, 2, true), true)
	if deep {
		inner := w.pair(name+"conv3", w.conv(name+"conv2_down", middle, 2, 2, true), true)
		inner = w.transposed(name+"conv3_up", inner, 2, 2, 0, true)
		inner = w.pair(name+"conv4", w.plus(w.cropped(middle, inner, 4), inner), true)
		inner = w.transposed(name+"conv4_up", inner, 2, 2, 0, true)
		at = w.conv(name+"conv5", w.plus(w.cropped(outer, inner, 16), inner), 3, 1, true)
	} else {
		middle = w.transposed(name+"conv2_up", middle, 2, 2, 0, true)
		at = w.conv(name+"conv3", w.plus(w.cropped(outer, middle, 4), middle), 3, 1, true)
	}
	if w.err != nil {
		return ""
	}
	for _, layer := range w.net.consumers[at] {
		switch {
		case layer.kind != "Deconvolution":
		case layer.integer(1, 0) == 4:
			return w.transposed(name+"conv_bottom", at, 4, 2, 3, false)
		default:
			return w.transposed(name+"conv_bottom", at, 5, 3, 2, false)
		}
	}
	return w.conv(name+"conv_bottom", at, 3, 1, false)
}

// pair follows two convolutions and, if squeezed, the weights of channels by their
// means, which some models lack.
func (w *ncnnWalk) pair(name, at string, squeezed bool) string {
	at = w.conv(name+".conv.2", w.conv(name+".conv.0", at, 3, 1, true), 3, 1, true)
	if !squeezed || w.err != nil {
		return at
	}
	pool := w.find("Pooling", func(l *ncnnLayer) bool { return l.integer(0, 0) == 1 && l.integer(4, 0) == 1 }, at)
	if pool == nil {
		return at
	}
	means := w.product(name+".seblock.conv1", pool.out[0], ncnnReLU)
	means = w.product(name+".seblock.conv2", means, ncnnSigmoid)
	if layer := w.find("BinaryOp", func(l *ncnnLayer) bool { return l.integer(0, 0) == 2 && l.number(1, 0) == 0 }, at, means); layer != nil {
		return layer.out[0]
	}
	if layer := w.find("Scale", nil, at, means); layer != nil {
		return layer.out[0]
	}
	return w.fail(at, "is not weighted by its means")
}

// product follows a fully connected layer, which PyTorch has as a 1x1 convolution.
func (w *ncnnWalk) product(name, at string, activation int) string {
	if w.err != nil {
		return ""
	}
	layer := w.find("InnerProduct", func(l *ncnnLayer) bool { return l.integer(9, 0) == activation }, at)
	if layer == nil {
		return w.fail(at, "should feed one fully connected layer, "+name)
	}
	w.tensors[name+".weight"], w.tensors[name+".bias"] = layer.weight, layer.bias
	return layer.out[0]
}

// conv follows a convolution that does not pad.
func (w *ncnnWalk) conv(name, at string, kernel, stride int, leaky bool) string {
	layer := w.layer("Convolution", name, at, kernel, stride, 0, leaky)
	if layer == nil {
		return ""
	}
	w.tensors[name+".weight"], w.tensors[name+".bias"] = layer.weight, layer.bias
	return layer.out[0]
}

// transposed follows a transposed convolution, whose weights PyTorch orders by input
// first.
func (w *ncnnWalk) transposed(name, at string, kernel, stride, pad int, leaky bool) string {
	layer := w.layer("Deconvolution", name, at, kernel, stride, pad, leaky)
	if layer == nil {
		return ""
	}
	out, in, taps := layer.weight.Shape[0], layer.inChannels, kernel*kernel
	turned := Tensor{Shape: []int{in, out, kernel, kernel}, Data: make([]float32, len(layer.weight.Data))}
	for o := range out {
		for i := range in {
			copy(turned.Data[(i*out+o)*taps:][:taps], layer.weight.Data[(o*in+i)*taps:])
		}
	}
	w.tensors[name+".weight"], w.tensors[name+".bias"] = turned, layer.bias
	return layer.out[0]
}

func (w *ncnnWalk) layer(kind, name, at string, kernel, stride, pad int, leaky bool) *ncnnLayer {
	if w.err != nil {
		return nil
	}
	layer := w.find(kind, func(l *ncnnLayer) bool {
		slope, fused := l.activation()
		return l.is(kernel, stride, pad) && fused == leaky && (!fused || near(slope, upSlope))
	}, at)
	if layer == nil {
		w.fail(at, "should feed one "+kind+", "+name)
	}
	return layer
}

// cropped follows a crop by n pixels on all sides, which a blob of that size may state.
func (w *ncnnWalk) cropped(at, like string, n int) string {
	if w.err != nil {
		return ""
	}
	v := float64(n)
	stated := func(l *ncnnLayer) bool {
		return slices.Equal(l.arrays[9], []float64{v, v}) && slices.Equal(l.arrays[10], []float64{-v, -v}) && slices.Equal(l.arrays[11], []float64{-2, -1})
	}
	if layer := w.find("Crop", stated, at); layer != nil {
		return layer.out[0]
	}
	offset := func(l *ncnnLayer) bool { return l.integer(0, 0) == n && l.integer(1, 0) == n }
	if layer := w.find("Crop", offset, at, like); layer != nil {
		return layer.out[0]
	}
	return w.fail(at, fmt.Sprintf("is not cropped by %d pixels", n))
}

func (w *ncnnWalk) plus(a, b string) string {
	if w.err != nil {
		return ""
	}
	sum, ok := w.add(a, b)
	if !ok {
		return w.fail(a, "is not added to "+b)
	}
	return sum
}
