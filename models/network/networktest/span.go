package networktest

import (
	"fmt"
	"math/rand/v2"

	"upscaled/models/weights"
)

// mergedConv is SPAN's convolution as it is trained: a 1x1, a 3x3 and a 1x1 one on the
// padded image, beside another 1x1 one.
func mergedConv(t weights.Tensors, name string, in Image) Image {
	padded := made(in.Channels, in.Height+2, in.Width+2, func(c, y, x int) float64 { return in.At(c, y-1, x-1) })
	h := conv(t, name+".conv.2", conv(t, name+".conv.1", conv(t, name+".conv.0", padded)))
	skip := conv(t, name+".sk", in)
	return made(h.Channels, in.Height, in.Width, func(c, y, x int) float64 {
		return h.At(c, y+1, x+1) + skip.At(c, y, x)
	})
}

var meanRGB = [3]float64{0.4488, 0.4371, 0.4040}

// SPAN is the Swift Parameter-free Attention Network (span_arch.py).
func SPAN(t weights.Tensors, in Image) Image {
	if _, without := t["no_norm"]; !without {
		in = made(3, in.Height, in.Width, func(c, y, x int) float64 { return (in.At(c, y, x) - meanRGB[c]) * 255 })
	}
	first := mergedConv(t, "conv_1", in)
	h := first
	var early, inner Image
	for i := 1; i <= 6; i++ {
		// The published code activates in place, so that what the last layers see of
		// the last block is activated, too.
		u := mapped(mergedConv(t, fmt.Sprintf("block_%d.c1_r", i), h), silu)
		v := mergedConv(t, fmt.Sprintf("block_%d.c2_r", i), u)
		w := mergedConv(t, fmt.Sprintf("block_%d.c3_r", i), mapped(v, silu))
		h = product(sum(1, w, h), mapped(w, func(v float64) float64 { return sigmoid(v) - 0.5 }))
		if i == 1 {
			early = h
		}
		inner = u
	}
	h = conv(t, "conv_cat", concat(first, mergedConv(t, "conv_2", h), early, inner))
	h = conv(t, "upsampler.0", h)
	return shuffled(h, scaleOf(h.Channels))
}

// scaleOf returns the scale of a pixel-shuffle to an RGB image.
func scaleOf(channels int) int {
	r := 1
	for 3*r*r < channels {
		r++
	}
	return r
}

// RandomSPAN returns SPAN tensors.
func RandomSPAN(seed uint64, features, scale int, normalized bool) weights.Tensors {
	m := maker{rand.New(rand.NewPCG(seed, 3)), weights.Tensors{}}
	merged := func(name string, in int, gain float64) {
		m.convOf(name+".sk", features, in, 1, 0.5*gain)
		m.convOf(name+".conv.0", 2*in, in, 1, gain)
		m.convOf(name+".conv.1", 2*features, 2*in, 3, 1)
		m.convOf(name+".conv.2", features, 2*features, 1, 1)
		m.convOf(name+".eval_conv", features, in, 3, 1) // not what the others merge to
	}
	gain := 1.0
	if normalized {
		gain = 1.0 / 64
	} else {
		m.tensors["no_norm"] = weights.Tensor{Shape: []int{1}, Data: []float32{0}}
	}
	merged("conv_1", 3, gain)
	for i := 1; i <= 6; i++ {
		for k := 1; k <= 3; k++ {
			merged(fmt.Sprintf("block_%d.c%d_r", i, k), features, 1.3)
		}
	}
	merged("conv_2", features, 1)
	m.convOf("conv_cat", features, 4*features, 1, 1)
	m.convOf("upsampler.0", 3*scale*scale, features, 3, 0.25)
	m.raise("upsampler.0.bias", 0.5)
	return m.tensors
}
