package networktest

import (
	"fmt"
	"math"

	"upscaled/models/weights"
)

// hatConvolutions are the two convolutions beside HAT's attention, weighted by a
// channel attention.
func hatConvolutions(t weights.Tensors, name string, in Image) Image {
	h := conv(t, name+"2", mapped(conv(t, name+"0", in), gelu))
	weight := conv(t, name+"3.attention.1", means(h))
	weight = conv(t, name+"3.attention.3", mapped(weight, func(v float64) float64 { return max(v, 0) }))
	return made(h.Channels, h.Height, h.Width, func(c, y, x int) float64 { return h.At(c, y, x) * sigmoid(weight.At(c, 0, 0)) })
}

// means returns the mean of each plane as an image of one pixel.
func means(in Image) Image {
	area := in.Height * in.Width
	return made(in.Channels, 1, 1, func(c, _, _ int) float64 {
		var total float64
		for _, v := range in.Data[c*area:][:area] {
			total += v
		}
		return total / float64(area)
	})
}

// overlapBlock is HAT's attention from windows to the half again as large ones around
// them, which see zeros outside the image.
func overlapBlock(t weights.Tensors, name string, in Image, s swinShape) Image {
	outer := s.side + s.side/2
	qkv := projected(t, name+"qkv", layerNorm(t, name+"norm1", in, 1e-5))
	table := t[name+"relative_position_bias_table"].Data
	each := in.Channels / s.heads
	h := New(in.Channels, in.Height, in.Width)
	for i := range in.Height * in.Width {
		y, x := i/in.Width, i%in.Width
		top, left := y/s.side*s.side, x/s.side*s.side
		for head := range s.heads {
			scores := make([]float64, outer*outer)
			var total float64
			margin := (outer - s.side) / 2
			for k := range scores {
				v, u := k/outer, k%outer
				for c := head * each; c < (head+1)*each; c++ {
					scores[k] += qkv.At(c, y, x) * qkv.At(in.Channels+c, top-margin+v, left-margin+u) / math.Sqrt(float64(each))
				}
				// The published index counts from the table's end below 0.
				at := (v-(y-top)+s.side-outer+1)*(s.side+outer-1) + u - (x - left) + s.side - outer + 1
				rows := len(table) / s.heads
				scores[k] = math.Exp(scores[k] + float64(table[(at+rows)%rows*s.heads+head]))
				total += scores[k]
			}
			for c := head * each; c < (head+1)*each; c++ {
				var mean float64
				for k, score := range scores {
					mean += score / total * qkv.At(2*in.Channels+c, top-margin+k/outer, left-margin+k%outer)
				}
				h.Set(c, y, x, mean)
			}
		}
	}
	x := sum(1, projected(t, name+"proj", h), in)
	h = mapped(projected(t, name+"mlp.fc1", layerNorm(t, name+"norm2", x, 1e-5)), gelu)
	return sum(1, projected(t, name+"mlp.fc2", h), x)
}

// hat adds what HAT's groups have beside SwinIR's.
func (m maker) hat(name string, v SwinVariant) {
	n := v.Features
	for k := range v.Blocks {
		block := fmt.Sprintf("%sblocks.%d.conv_block.cab.", name, k)
		m.convOf(block+"0", n/3, n, 3, 1)
		m.convOf(block+"2", n, n/3, 3, 30)
		m.convOf(block+"3.attention.1", n/6, n, 1, 1)
		m.convOf(block+"3.attention.3", n, n/6, 1, 1)
	}
	name += "overlap_attn."
	m.norm(name+"norm1", n)
	m.norm(name+"norm2", n)
	m.fill(name+"qkv", 1.5, 3*n, n)
	m.fill(name+"proj", 1, n, n)
	sum := v.Window + v.Window + v.Window/2 - 1
	m.normal(name+"relative_position_bias_table", 1, sum*sum, v.Heads)
	m.fill(name+"mlp.fc1", 1, 2*n, n)
	m.fill(name+"mlp.fc2", 1, n, 2*n)
}
