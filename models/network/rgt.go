package network

import (
	"fmt"
	"math"

	"upscaled/models/fault"
	"upscaled/models/onnx"
)

// rgtBlock alternates attention of windows with attention to a reduced image. A part
// of its input is added to its result.
type rgtBlock struct {
	norms [2]norm
	// local is set for attention of windows, whose depthwise convolution of the values
	// is added; otherwise wide.
	local     *datBlock
	wide      *reducedAttention
	depthwise layer
	out       linear
	gate      spatialGate
	gamma     []float32
}

// reducedAttention is attention from every pixel to those of an image that a
// convolution with stride 4 made smaller, twice. The published code reduces images of
// 1024 pixels or more once more; tiles are smaller.
type reducedAttention struct {
	reduce, depthwise, narrow layer
	norm                      norm
	q, k, v                   linear
	heads                     int
}

const rgtReductions = 2

func readRGT(r *reader) model {
	n := readTransformer(r, RGT, "before_RG.1")
	sides := readDATSplit(r)
	n.pixels, n.window, n.least = sides[0]*sides[1], fmt.Sprintf("%dx%d", sides[0], sides[1]), 16
	for i := range r.count("layers.%d.blocks.0.norm1.weight") {
		name := fmt.Sprintf("layers.%d.", i)
		group := transformerGroup{after: readConvChain(r, name+"conv", n.first.out)}
		heads := 1
		for k := range r.count(name + "blocks.%d.norm1.weight") {
			rolls := i%2 == 0 && k%4 == 2 || i%2 == 1 && k%4 == 0
			block := readRGTBlock(r, fmt.Sprintf("%sblocks.%d.", name, k), n.first.out, sides, rolls, heads)
			if block.local != nil {
				heads = block.local.heads
			}
			group.blocks, n.heads = append(group.blocks, block), max(n.heads, heads)
		}
		n.groups = append(n.groups, group)
	}
	return n
}

// readRGTBlock takes a block; heads is that of the block of windows before it.
func readRGTBlock(r *reader, name string, features int, sides [2]int, rolls bool, heads int) *rgtBlock {
	attn := name + "attn."
	block := &rgtBlock{
		norms: [2]norm{readNorm(r, name+"norm1", features), readNorm(r, name+"norm2", features)},
		out:   readLinear(r, attn+"proj", features, features), gate: readSpatialGate(r, name+"mlp.", features),
		gamma: r.take(name+"gamma", features).Data,
	}
	if !r.has(attn + "reduction1.weight") {
		block.local = &datBlock{out: block.out}
		readDATWindows(r, block.local, attn, features, sides, rolls)
		block.depthwise = r.conv(attn+"get_v", features, 1, 3)
		return block
	}
	w := &reducedAttention{reduce: r.conv(attn+"reduction1", features, 1, 4), heads: heads}
	w.depthwise, w.narrow = r.conv(attn+"dwconv", features, 1, 3), r.conv(attn+"conv", 0, features, 1)
	inner := w.narrow.out
	w.norm = readNorm(r, attn+"norm_act.0", inner)
	w.q, w.k, w.v = readLinear(r, attn+"q", inner, features), readLinear(r, attn+"k", inner, inner), readLinear(r, attn+"v", features, inner)
	block.depthwise, block.wide = r.conv(attn+"cpe", features, 1, 3), w
	if r.err == nil && (inner%heads != 0 || features%heads != 0) {
		r.fail(fault.Invalid, "The %d and %d channels of %sattn cannot be divided among %d heads.", inner, features, name, heads)
	}
	return block
}

func (d *rgtBlock) flops() float64 {
	sum := d.depthwise.flops() + 2*float64(len(d.out.weight)+len(d.gate.first.weight)+len(d.gate.last.weight)) + d.gate.depthwise.flops()
	if d.wide == nil {
		return sum + d.local.flops()
	}
	// The attention grows with the image; this is for 256x256 pixels.
	return sum + 2*float64(len(d.wide.q.weight)) + 2*256*float64(d.wide.q.out+d.wide.v.out)
}

func (d *rgtBlock) build(b *builder, x string) string {
	normal := layerNorm(b, x, d.norms[0], 1e-5)
	var h string
	if d.wide == nil {
		qkv := project(b, normal, d.local.qkv)
		channels := int64(d.out.in)
		values := b.transpose(split(b, qkv, 3, 2*channels, channels)[1], 0, 3, 1, 2)
		beside := b.conv(values, d.depthwise, convParams{stride: 1, pad: 1, depthwise: true})
		h = b.transpose(b.op("Add", []string{d.local.attendWindows(b, qkv), beside}), 0, 2, 3, 1)
	} else {
		h = d.wide.build(b, normal, d.depthwise)
	}
	h = b.op("Add", []string{x, project(b, h, d.out)})
	h = b.op("Add", []string{h, d.gate.build(b, layerNorm(b, h, d.norms[1], 1e-5))})
	return b.op("Add", []string{h, b.op("Mul", []string{x, b.floats(d.gamma, int64(len(d.gamma)))})})
}

// build returns the attention of an image with channels on the last axis. position is
// a depthwise convolution of the values that is added to them.
func (w *reducedAttention) build(b *builder, x string, position layer) string {
	small := b.transpose(x, 0, 3, 1, 2)
	for range rgtReductions {
		small = b.conv(small, w.reduce, convParams{stride: w.reduce.kernel, depthwise: true})
	}
	small = b.same(b.conv(small, w.depthwise, convParams{stride: 1, pad: 1, depthwise: true}), w.narrow)
	small = gelu(b, layerNorm(b, b.transpose(small, 0, 2, 3, 1), w.norm, 1e-5))

	values := b.transpose(project(b, small, w.v), 0, 3, 1, 2)
	values = b.op("Add", []string{values, b.conv(values, position, convParams{stride: 1, pad: 1, depthwise: true})})
	heads, inner, features := int64(w.heads), int64(w.q.out/w.heads), int64(w.v.out/w.heads)
	split := func(x string, each int64) string { return b.transpose(b.reshape(x, 1, -1, heads, each), 0, 2, 1, 3) }
	q, k, v := split(project(b, x, w.q), inner), split(project(b, small, w.k), inner), split(b.transpose(values, 0, 2, 3, 1), features)
	scale := b.floats([]float32{float32(1 / math.Sqrt(float64(inner)))})
	products := b.op("MatMul", []string{b.op("Mul", []string{q, scale}), b.transpose(k, 0, 1, 3, 2)})
	h := b.op("MatMul", []string{b.op("Softmax", []string{products}, onnx.Int("axis", -1)), v})
	return b.op("Reshape", []string{b.transpose(h, 0, 2, 1, 3), b.op("Shape", []string{x})})
}
