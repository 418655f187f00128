package networktest

import (
	"math"

	"upscaled/models/weights"
)

// permutedBlock is SRFormer's: the attention of pixels to squares of four of their
// window, whose channels are joined, and an MLP with a convolution.
func permutedBlock(t weights.Tensors, name string, in Image, s swinShape, shift int) Image {
	normal := layerNorm(t, name+"norm1", in, 1e-5)
	rolled := made(in.Channels, in.Height, in.Width, func(c, y, x int) float64 {
		return normal.At(c, (y+shift)%in.Height, (x+shift)%in.Width)
	})
	q, kv := projected(t, name+"attn.q", rolled), projected(t, name+"attn.kv", rolled)
	quarter := in.Channels / 4
	// joined returns channel c of the key (part 0) or value (part 1) of a square.
	joined := func(part, c, y, x int) float64 {
		corner := c / quarter
		return kv.At(part*quarter+c%quarter, 2*y+corner/2, 2*x+corner%2)
	}
	h := New(in.Channels, in.Height, in.Width)
	for i := range in.Height * in.Width {
		y, x := i/in.Width, i%in.Width
		for head := range s.heads {
			permutedHead(t, name, s, shift, head, y, x, q, joined, func(c int, v float64) {
				h.Set(c, (y+shift)%in.Height, (x+shift)%in.Width, v)
			})
		}
	}
	x := sum(1, projected(t, name+"attn.proj", h), in)
	h = mapped(projected(t, name+"mlp.fc1", layerNorm(t, name+"norm2", x, 1e-5)), gelu)
	h = sum(1, mapped(depthwise(t, name+"mlp.dwconv.depthwise_conv.0", h), gelu), h)
	return sum(1, projected(t, name+"mlp.fc2", h), x)
}

// permutedHead computes one head of one rolled pixel.
func permutedHead(t weights.Tensors, name string, s swinShape, shift, head, y, x int, q Image, joined func(part, c, y, x int) float64, set func(c int, v float64)) {
	table, side, each := t[name+"attn.relative_position_bias_table"].Data, s.side/2, q.Channels/s.heads
	region := func(at, length, side, shift int) (n int) {
		if shift > 0 && at >= length-side {
			n++
		}
		if shift > 0 && at >= length-shift {
			n++
		}
		return n
	}
	top, left := y/s.side*side, x/s.side*side
	scores, total := make([]float64, side*side), 0.0
	for k := range scores {
		v, u := top+k/side, left+k%side
		for c := head * each; c < (head+1)*each; c++ {
			scores[k] += q.At(c, y, x) * joined(0, c, v, u) / math.Sqrt(float64(each))
		}
		dy, dx := y%s.side/2-k/side, x%s.side/2-k%side
		scores[k] += float64(table[((dy+side-1)*(2*side-1)+dx+side-1)*s.heads+head])
		if region(y, q.Height, s.side, shift) != region(v, q.Height/2, side, (shift+1)/2) ||
			region(x, q.Width, s.side, shift) != region(u, q.Width/2, side, (shift+1)/2) {
			scores[k] -= 100
		}
		scores[k] = math.Exp(scores[k])
		total += scores[k]
	}
	for c := head * each; c < (head+1)*each; c++ {
		var mean float64
		for k, score := range scores {
			mean += score / total * joined(1, c, top+k/side, left+k%side)
		}
		set(c, mean)
	}
}

func permuted(m maker, name string, v SwinVariant) {
	n := v.Features
	m.fill(name+"attn.q", 1.5, n, n)
	m.fill(name+"attn.kv", 1.5, n/2, n)
	m.normal(name+"attn.relative_position_bias_table", 1, (v.Window-1)*(v.Window-1), v.Heads)
	m.fill(name+"mlp.fc1", 1, 2*n, n)
	m.fill(name+"mlp.fc2", 1, n, 2*n)
	m.convOf(name+"mlp.dwconv.depthwise_conv.0", 2*n, 1, 5, 1)
}
