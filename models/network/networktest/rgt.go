package networktest

import (
	"math"

	"upscaled/models/weights"
)

// RGT is the Recursive Generalization Transformer (rgt.py) for images below 1024
// pixels.
func RGT(t weights.Tensors, in Image) Image {
	return dualFrame(t, in, func(name string, h Image, rolls bool) Image {
		x, gamma := h, t[name+"gamma"].Data
		h = sum(1, rgtAttention(t, name+"attn.", layerNorm(t, name+"norm1", h, 1e-5), rolls), h)
		h = sum(1, datGate(t, name+"mlp.", layerNorm(t, name+"norm2", h, 1e-5)), h)
		return made(h.Channels, h.Height, h.Width, func(c, y, u int) float64 { return h.At(c, y, u) + x.At(c, y, u)*float64(gamma[c]) })
	})
}

func rgtAttention(t weights.Tensors, name string, in Image, rolls bool) Image {
	n := in.Channels
	if _, ok := t[name+"reduction1.weight"]; ok {
		return projected(t, name+"proj", recursive(t, name, in))
	}
	qkv := projected(t, name+"qkv", in)
	halves := concat(datWindows(t, name+"attns.0.", qkv, 0, rolls), datWindows(t, name+"attns.1.", qkv, 1, rolls))
	return projected(t, name+"proj", sum(1, halves, depthwise(t, name+"get_v", part(qkv, 2*n, n))))
}

// recursive attends to an image that a convolution reduced to a quarter twice.
func recursive(t weights.Tensors, name string, in Image) Image {
	small := in
	weight, bias := t[name+"reduction1.weight"].Data, t[name+"reduction1.bias"].Data
	for range 2 {
		from := small
		small = made(in.Channels, from.Height/4, from.Width/4, func(c, y, x int) float64 {
			v := float64(bias[c])
			for tap := range 16 {
				v += float64(weight[c*16+tap]) * from.At(c, 4*y+tap/4, 4*x+tap%4)
			}
			return v
		})
	}
	small = mapped(layerNorm(t, name+"norm_act.0", conv(t, name+"conv", depthwise(t, name+"dwconv", small)), 1e-5), gelu)
	q, k, v := projected(t, name+"q", in), projected(t, name+"k", small), projected(t, name+"v", small)
	v = sum(1, v, depthwise(t, name+"cpe", v))
	const heads = 2
	inner, each := q.Channels/heads, in.Channels/heads
	h := New(in.Channels, in.Height, in.Width)
	for i := range in.Height * in.Width {
		y, x := i/in.Width, i%in.Width
		for head := range heads {
			scores := make([]float64, small.Height*small.Width)
			var total float64
			for j := range scores {
				for c := head * inner; c < (head+1)*inner; c++ {
					scores[j] += q.At(c, y, x) * k.At(c, j/small.Width, j%small.Width) / math.Sqrt(float64(inner))
				}
				scores[j] = math.Exp(scores[j])
				total += scores[j]
			}
			for c := head * each; c < (head+1)*each; c++ {
				var mean float64
				for j, score := range scores {
					mean += score / total * v.At(c, j/small.Width, j%small.Width)
				}
				h.Set(c, y, x, mean)
			}
		}
	}
	return h
}

func (m maker) rgtBlock(name string, v DATVariant, spatial bool) {
	n := v.Features
	m.norm(name+"norm1", n)
	m.norm(name+"norm2", n)
	m.normal(name+"gamma", 0.2, n)
	m.fill(name+"mlp.fc1", 1.5, 4*n, n)
	m.norm(name+"mlp.sg.norm", 2*n)
	m.convOf(name+"mlp.sg.conv", 2*n, 1, 3, 1)
	m.fill(name+"mlp.fc2", 1, n, 2*n)
	name += "attn."
	m.fill(name+"proj", 1, n, n)
	if spatial {
		m.fill(name+"qkv", 1.5, 3*n, n)
		m.convOf(name+"get_v", n, 1, 3, 1)
		m.datPositions(name, v)
		return
	}
	m.convOf(name+"reduction1", n, 1, 4, 1.5)
	m.convOf(name+"dwconv", n, 1, 3, 1)
	m.convOf(name+"conv", n/2, n, 1, 1)
	m.norm(name+"norm_act.0", n/2)
	m.fill(name+"q", 1.5, n/2, n)
	m.fill(name+"k", 1.5, n/2, n/2)
	m.fill(name+"v", 1, n, n/2)
	m.convOf(name+"cpe", n, 1, 3, 1)
}
