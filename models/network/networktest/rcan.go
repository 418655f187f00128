package networktest

import (
	"fmt"
	"math"
	"math/rand/v2"

	"upscaled/models/weights"
)

func relu(v float64) float64 { return max(v, 0) }

// RCAN is the model of rcan_arch.py, with the pixel-unshuffle that its first layer's
// shape implies.
func RCAN(t weights.Tensors, in Image) Image {
	values, x := 1.0, in
	if _, ok := t["sub_mean.weight"]; ok {
		values = 255
		x = conv(t, "sub_mean", mapped(in, func(v float64) float64 { return 255 * v }))
	}
	head := "head.0"
	if _, ok := t["head.1.weight"]; ok {
		head = "head.1"
		x = unshuffled(x, scaleOf(t["head.1.weight"].Shape[1]))
	}
	first := conv(t, head, x)
	h := first
	has := func(name string) bool { _, ok := t[name+".weight"]; return ok }
	i := 0
	for ; has(fmt.Sprintf("body.%d.body.0.body.0", i)); i++ {
		before, k := h, 0
		for ; has(fmt.Sprintf("body.%d.body.%d.body.0", i, k)); k++ {
			name := fmt.Sprintf("body.%d.body.%d.body.", i, k)
			u := conv(t, name+"2", mapped(conv(t, name+"0", h), relu))
			weight := conv(t, name+"3.conv_du.2", mapped(conv(t, name+"3.conv_du.0", means(u)), relu))
			u = made(u.Channels, u.Height, u.Width, func(c, y, x int) float64 { return u.At(c, y, x) * sigmoid(weight.At(c, 0, 0)) })
			h = sum(1, u, h)
		}
		h = sum(1, conv(t, fmt.Sprintf("body.%d.body.%d", i, k), h), before)
	}
	h = sum(1, conv(t, fmt.Sprintf("body.%d", i), h), first)
	for i := 0; has(fmt.Sprintf("tail.0.%d", i)); i += 2 {
		features := h.Channels
		h = conv(t, fmt.Sprintf("tail.0.%d", i), h)
		h = shuffled(h, int(math.Sqrt(float64(h.Channels/features))))
	}
	h = conv(t, "tail.1", h)
	if values != 1 {
		h = conv(t, "add_mean", h)
	}
	return mapped(h, func(v float64) float64 { return v / values })
}

// RCANVariant selects a variant of RCAN.
type RCANVariant struct {
	Features, Groups, Blocks, Scale, Unshuffle int
	Shifted                                    bool
}

// RandomRCAN returns RCAN tensors.
func RandomRCAN(seed uint64, v RCANVariant) weights.Tensors {
	m := maker{rand.New(rand.NewPCG(seed, 7)), weights.Tensors{}}
	n, gain := v.Features, 0.1
	if v.Shifted {
		for i, name := range []string{"sub_mean", "add_mean"} {
			m.tensors[name+".weight"] = weights.Tensor{Shape: []int{3, 3, 1, 1}, Data: []float32{1, 0, 0, 0, 1, 0, 0, 0, 1}}
			bias := weights.Tensor{Shape: []int{3}}
			for _, mean := range meanRGB {
				bias.Data = append(bias.Data, float32(255*mean*float64(2*i-1)))
			}
			m.tensors[name+".bias"] = bias
		}
	}
	if v.Unshuffle > 1 {
		m.convOf("head.1", n, 3*v.Unshuffle*v.Unshuffle, 3, 1)
	} else {
		m.convOf("head.0", n, 3, 3, 1)
	}
	for i := range v.Groups {
		for k := range v.Blocks {
			name := fmt.Sprintf("body.%d.body.%d.body.", i, k)
			m.convOf(name+"0", n, n, 3, 1)
			m.convOf(name+"2", n, n, 3, 1)
			m.convOf(name+"3.conv_du.0", n/4, n, 1, 1)
			m.convOf(name+"3.conv_du.2", n, n/4, 1, 1)
		}
		m.convOf(fmt.Sprintf("body.%d.body.%d", i, v.Blocks), n, n, 3, 1)
	}
	m.convOf(fmt.Sprintf("body.%d", v.Groups), n, n, 3, 1)
	if v.Scale == 3 {
		m.convOf("tail.0.0", 9*n, n, 3, 1)
	}
	for i := 0; v.Scale != 3 && 2<<i <= v.Scale; i++ {
		m.convOf(fmt.Sprintf("tail.0.%d", 2*i), 4*n, n, 3, 1)
	}
	m.convOf("tail.1", 3, n, 3, gain)
	if !v.Shifted {
		m.raise("tail.1.bias", 0.5)
	}
	return m.tensors
}
