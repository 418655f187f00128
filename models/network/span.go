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
		n.scale = r.shuffle("upsampler.0", n.last.out, 3)
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
	features := b.same(x, n.scaledFirst())
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

// scaledFirst returns the first convolution for values of 0 to 1.
func (n *span) scaledFirst() layer {
	l := n.first
	if n.normalized {
		l.weight = multiplied(l.weight, 255)
	}
	return l
}

// sequential merges the last two layers, of which the first only mixes channels: a
// convolution of each of their four inputs adds to the sum of those before. The bias
// between them and the mean color stop at the borders, so they are weights of ones.
func (n *span) sequential(o Options) *Sequential {
	first := n.scaledFirst()
	mean := layer{out: 3, in: 1, kernel: 1, weight: make([]float32, 3), bias: make([]float32, 3)}
	if n.normalized {
		for c, v := range meanRGB {
			mean.weight[c] = -v
		}
	}
	ones := withoutBias(first).mixedInputs(mean)
	p, first := newSequential(o, first, 1)
	p.Ones, p.PixelShuffle, p.Tensors[0].Channels = true, n.scale, 1+first.in
	end := outputLayer(o, n.last, n.scale*n.scale)

	sum := p.tensor(0, end.out, 1)
	constant := layer{out: n.join.out, in: 1, kernel: 1, weight: n.join.bias, bias: make([]float32, n.join.out)}
	p.conv(end.mixedInputs(constant), 0, sum)
	end = withoutBias(end)
	add := func(from, part, to int) {
		c := p.conv(end.mixedInputs(n.join.ofInputs(part*first.out, first.out)), from, to)
		c.Residuals, sum = []Residual{{sum, 1}}, to
	}
	h := p.tensor(first.out, first.out, 1)
	p.conv(first.behind(ones), 0, h)
	add(h, 0, p.tensor(0, end.out, 1))
	for i, block := range n.blocks {
		u, v, to := p.tensor(first.out, 0, 1), p.tensor(first.out, 0, 1), p.tensor(first.out, first.out, 1)
		p.conv(block[0], h, u).Gated = true
		p.conv(block[1], u, v).Gated = true
		c := p.conv(block[2], v, to)
		c.Residuals, c.Gated, c.GateBias = []Residual{{h, 1}}, true, -0.5
		h = to
		switch i {
		case 0:
			add(h, 2, p.tensor(0, end.out, 1))
		case spanBlocks - 1:
			add(u, 3, p.tensor(0, end.out, 1))
		}
	}
	second := p.tensor(first.out, 0, 1)
	p.conv(n.second, h, second)
	add(second, 1, -1)
	return p
}
