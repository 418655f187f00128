package network

import (
	"fmt"
	"math"

	"upscaled/models/fault"
	"upscaled/models/onnx"
)

// swinIR is a transformer whose attention is limited to windows, which every other
// block shifts by half their side.
type swinIR struct {
	// unshuffle is the side of the squares of pixels that become channels first.
	unshuffle int
	first     layer
	patchNorm *norm // nil if the model has none
	groups    []swinGroup
	last      norm
	after     convChain
	tail      upsampler
	window    int
}

type swinGroup struct {
	blocks []swinBlock
	after  convChain
}

type swinBlock struct {
	norms     [2]norm
	attention attention
	mlp       [2]linear
}

func readSwinIR(r *reader) model {
	n := &swinIR{unshuffle: 1}
	first := "conv_first"
	if r.has("conv_first.1.weight") {
		first = "conv_first.1"
	}
	n.first = r.conv(first, 0, 0, 3)
	features := n.first.out
	for n.unshuffle < 4 && 3*n.unshuffle*n.unshuffle < n.first.in {
		n.unshuffle++
	}
	if r.err == nil && n.first.in != 3*n.unshuffle*n.unshuffle {
		r.fail(fault.Unsupported, "The first layer, %s, has %d input channels; only RGB images are supported.", first, n.first.in)
	}
	if r.has("patch_embed.norm.weight") {
		p := readNorm(r, "patch_embed.norm", features)
		n.patchNorm = &p
	}
	for i := range r.count("layers.%d.residual_group.blocks.0.norm1.weight") {
		name := fmt.Sprintf("layers.%d.", i)
		group := swinGroup{after: readConvChain(r, name+"conv", features)}
		for k := range r.count(name + "residual_group.blocks.%d.norm1.weight") {
			block, side := readSwinBlock(r, fmt.Sprintf("%sresidual_group.blocks.%d.", name, k), features)
			if n.window = max(n.window, side); r.err == nil && side != n.window {
				r.fail(fault.Unsupported, "The windows of %s have sides of %d and %d pixels.", name, n.window, side)
			}
			group.blocks = append(group.blocks, block)
		}
		n.groups = append(n.groups, group)
	}
	n.last = readNorm(r, "norm", features)
	n.after = readConvChain(r, "conv_after_body", features)
	n.tail = readUpsampler(r, features)
	if r.err == nil && n.tail.scale%n.unshuffle != 0 {
		r.fail(fault.Unsupported, "The model upscales images %d times after making them %d times smaller.", n.tail.scale, n.unshuffle)
	}
	return n
}

// readSwinBlock takes a block and returns the side of its windows.
func readSwinBlock(r *reader, name string, features int) (block swinBlock, side int) {
	table := r.take(name+"attn.relative_position_bias_table", 0, 0)
	if r.err != nil {
		return block, 0
	}
	heads := table.Shape[1]
	side = int(math.Sqrt(float64(table.Shape[0]))+1) / 2
	if (2*side-1)*(2*side-1) != table.Shape[0] || features%heads != 0 || side > maxWindow {
		r.fail(fault.Invalid, "The tensor %sattn.relative_position_bias_table has the shape %v, which fits no windows of %d channels.", name, table.Shape, features)
		return block, 0
	}
	block.norms = [2]norm{readNorm(r, name+"norm1", features), readNorm(r, name+"norm2", features)}
	qkv := r.linear(name+"attn.qkv", 3*features, features)
	block.attention = attention{
		qkv: qkv.scaledOutputs(features, 1/math.Sqrt(float64(features/heads))), out: r.linear(name+"attn.proj", features, features),
		heads: heads, bias: relativeBias(table.Data, side, heads),
	}
	block.mlp[0] = r.linear(name+"mlp.fc1", 0, features)
	block.mlp[1] = r.linear(name+"mlp.fc2", features, block.mlp[0].out)
	r.ignore(name + "attn_mask")
	r.ignore(name + "attn.relative_position_index")
	return block, side
}

// maxWindow bounds the side of attention windows, in pixels.
const maxWindow = 64

func (n *swinIR) info() Info {
	features, pixels := float64(n.first.out), float64(n.window*n.window)
	flops := n.first.flops() + n.after.flops() + n.tail.flops()
	blocks := 0
	for _, g := range n.groups {
		flops += g.after.flops()
		for _, block := range g.blocks {
			blocks++
			flops += 2*features*(4*features+2*float64(block.mlp[0].out)) + 4*pixels*features
		}
	}
	area := n.unshuffle * n.unshuffle
	return Info{
		Architecture: SwinIR, Scale: n.tail.scale / n.unshuffle, Multiple: n.window * n.unshuffle,
		FlopsPerPixel: flops / float64(area),
		BytesPerPixel: (4*n.first.out*12+8*n.window*n.window*n.groups[0].blocks[0].attention.heads)/area + n.tail.bytes()/area,
		Description:   fmt.Sprintf("SwinIR %dx, %d blocks, %d features, windows of %d", n.tail.scale/n.unshuffle, blocks, n.first.out, n.window),
	}
}

// valueRange is the range of samples that the model computes with: only those against
// JPEG artifacts, with windows of 7, use 255.
func (n *swinIR) valueRange() float64 {
	if n.window == 7 {
		return 255
	}
	return 1
}

func (n *swinIR) build(b *builder) {
	values := n.valueRange()
	in := b.rgbInput(onnx.Float32, Convention{In: 3, Out: 3, White: values})
	mean := make([]float32, 3)
	for i, v := range meanRGB {
		mean[i] = v * float32(values)
	}
	centered := b.op("Sub", []string{in, b.typed(onnx.Float32, mean, 3, 1, 1)})
	x := bodyOf(b, centered)
	h := b.conv(x, n.first.unfolded(n.unshuffle), convParams{stride: n.unshuffle, pad: n.unshuffle})
	deep := b.op("Add", []string{n.after.build(b, n.features(b, h)), h})
	y := n.tail.build(b, deep)
	if n.tail.residual {
		y = b.op("Add", []string{y, x})
	}
	if b.bodyType() != onnx.Float32 {
		y = b.cast(y, onnx.Float32)
	}
	y = b.op("Add", []string{y, b.typed(onnx.Float32, mean, 3, 1, 1)})
	b.rgbOutput(y, onnx.Float32, Convention{In: 3, Out: 3, White: values})
}

// features runs the groups of blocks, with channels on the last axis.
func (n *swinIR) features(b *builder, x string) string {
	h := b.transpose(x, 0, 2, 3, 1)
	if n.patchNorm != nil {
		h = layerNorm(b, h, *n.patchNorm, 1e-5)
	}
	mask := rolledMask(b, h, n.window, n.window/2)
	for _, g := range n.groups {
		in := h
		for k, block := range g.blocks {
			h = block.build(b, h, n.window, k%2*(n.window/2), mask)
		}
		h = g.after.build(b, b.transpose(h, 0, 3, 1, 2))
		h = b.op("Add", []string{b.transpose(h, 0, 2, 3, 1), in})
	}
	return b.transpose(layerNorm(b, h, n.last, 1e-5), 0, 3, 1, 2)
}

// build runs a block on windows of an image that is rolled by shift pixels first.
func (block swinBlock) build(b *builder, x string, side, shift int, mask string) string {
	h := layerNorm(b, x, block.norms[0], 1e-5)
	if shift == 0 {
		mask = ""
	} else {
		h = roll(b, h, shift)
	}
	w, channels := windows{side: side}, block.attention.out.out
	h = w.split(b, h, channels)
	h = w.join(b, block.attention.build(b, h, side*side, mask), channels)
	if shift != 0 {
		h = roll(b, h, -shift)
	}
	x = b.op("Add", []string{x, h})
	h = gelu(b, project(b, layerNorm(b, x, block.norms[1], 1e-5), block.mlp[0]))
	return b.op("Add", []string{x, project(b, h, block.mlp[1])})
}
