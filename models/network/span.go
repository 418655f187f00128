package network

import (
	"fmt"

	"upscaled/models/onnx"
)

// span is the Swift Parameter-free Attention Network: six blocks of three
// convolutions whose result is weighted by its own sigmoid, then a pixel-shuffle.
type span struct {
	first, second, join, last layer
	blocks                    [spanBlocks][3]layer
	normalized                bool
	scale                     int
}

const spanBlocks = 6

func readSPAN(r *reader) model {
	n := &span{first: mergedConv(r, "conv_1", 0, 3), normalized: true}
	features := n.first.out
	for i := range n.blocks {
		for k := range n.blocks[i] {
			n.blocks[i][k] = mergedConv(r, fmt.Sprintf("block_%d.c%d_r", i+1, k+1), features, features)
		}
	}
	n.second = mergedConv(r, "conv_2", features, features)
	n.join = r.conv("conv_cat", features, 4*features, 1)
	n.last = r.conv("upsampler.0", 0, features, 3)
	if _, without := r.optional("no_norm", 1); without {
		n.normalized = false
	}
	if r.err == nil {
		n.scale = r.shuffle("upsampler.0", n.last.out)
	}
	return n
}

// mergedConv takes a convolution that was trained as a 1x1, a 3x3 and a 1x1 one in
// sequence beside another 1x1 one.
func mergedConv(r *reader, name string, out, in int) layer {
	skip := r.conv(name+".sk", out, in, 1)
	if r.err != nil {
		return layer{}
	}
	out = skip.out
	before := r.conv(name+".conv.0", 0, in, 1)
	middle := r.conv(name+".conv.1", 0, before.out, 3)
	after := r.conv(name+".conv.2", out, middle.out, 1)
	// What training stored of the merged form may be out of date.
	r.optional(name+".eval_conv.weight", out, in, 3, 3)
	r.optional(name+".eval_conv.bias", out)
	// The first product is the larger one; both are of float64.
	if r.err != nil || !r.derive(2*(middle.out+out)*in*9) {
		return layer{}
	}
	rows := make([][]float64, out)
	for o := range rows {
		rows[o] = make([]float64, middle.out)
		for m := range rows[o] {
			rows[o][m] = float64(after.weight[o*middle.out+m])
		}
	}
	merged := middle.mixedInputs(before).mixedOutputs(rows)
	for o := range out {
		merged.bias[o] += after.bias[o] + skip.bias[o]
		for i := range in {
			merged.weight[(o*in+i)*9+4] += skip.weight[o*in+i]
		}
	}
	return merged
}

func (n *span) info() Info {
	flops := n.first.flops() + n.second.flops() + n.join.flops() + n.last.flops()
	for _, block := range n.blocks {
		for _, l := range block {
			flops += l.flops()
		}
	}
	return Info{
		Architecture: SPAN, Scale: n.scale, Radius: 3*spanBlocks + 3, Multiple: 1,
		FlopsPerPixel: flops, BytesPerPixel: 4*n.first.out*9 + 16*n.scale*n.scale,
		Description: fmt.Sprintf("SPAN %dx, %d features", n.scale, n.first.out),
	}
}

func (n *span) build(b *builder) {
	x := b.rgbInput(onnx.Float32, zeroToOne)
	if n.normalized {
		// The published range of 255 is part of the weights here: half precision
		// keeps small numbers better.
		x = b.op("Sub", []string{x, b.typed(onnx.Float32, meanRGB[:], 3, 1, 1)})
	}
	x = bodyOf(b, x)
	first := n.first
	if n.normalized {
		first.weight = multiplied(first.weight, 255)
	}
	features := b.same(x, first)
	var early, inner, h string
	h = features
	for i, block := range n.blocks {
		in := h
		u := silu(b, b.same(h, block[0]))
		v := b.same(u, block[1])
		w := b.same(silu(b, v), block[2])
		weight := b.op("Sub", []string{b.op("Sigmoid", []string{w}), b.floats([]float32{0.5})})
		h = b.op("Mul", []string{b.op("Add", []string{w, in}), weight})
		switch i {
		case 0:
			early = h
		case spanBlocks - 1:
			inner = u
		}
	}
	h = b.same(h, n.second)
	h = b.same(b.concat(1, features, h, early, inner), n.join)
	b.rgbOutput(pixelShuffle(b, b.same(h, n.last), n.scale), b.bodyType(), zeroToOne)
}
