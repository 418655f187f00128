package network

import (
	"fmt"

	"upscaled/models/onnx"
)

// transformer is the frame that SwinIR and its relatives share: a convolution, groups
// of blocks with channels on the last axis, each with a residual sum, and an
// upsampler.
type transformer struct {
	architecture Architecture
	// values is the range of samples that the model computes with.
	values float64
	// unshuffle is the side of the squares of pixels that become channels first.
	unshuffle int
	first     layer
	entry     *norm // nil if the model has none
	groups    []transformerGroup
	last      norm
	after     convChain
	tail      upsampler
	// multiple divides the sides of the first convolution's result; least is their
	// least, 0 for any.
	multiple, least int
	// window describes the attention for people; heads counts its matrices.
	window string
	heads  int
	pixels int // of a window
}

type transformerGroup struct {
	blocks []transformerBlock
	after  convChain
}

// readGroups takes groups of blocks of SwinIR and its relatives; read takes block k of a
// group.
func (n *transformer) readGroups(r *reader, read func(name string, k int) transformerBlock) {
	for i := range r.count("layers.%d.residual_group.blocks.0.norm1.weight") {
		name := fmt.Sprintf("layers.%d.", i)
		group := transformerGroup{after: readConvChain(r, name+"conv", n.first.out)}
		for k := range r.count(name + "residual_group.blocks.%d.norm1.weight") {
			group.blocks = append(group.blocks, read(fmt.Sprintf("%sresidual_group.blocks.%d.", name, k), k))
		}
		n.groups = append(n.groups, group)
	}
}

// transformerBlock maps an image [1, height, width, channels] to one of its shape.
type transformerBlock interface {
	build(b *builder, x string) string
	// flops counts a multiply-add as two, per pixel.
	flops() float64
}

// readTransformer takes the tensors around the blocks. entry names the normalization
// before them.
func readTransformer(r *reader, a Architecture, entry string) *transformer {
	n := &transformer{architecture: a, values: 1, unshuffle: 1, multiple: 1}
	first := "conv_first"
	if r.has("conv_first.1.weight") {
		first = "conv_first.1"
	}
	n.first = r.conv(first, 0, 0, 3)
	for n.unshuffle < 4 && 3*n.unshuffle*n.unshuffle < n.first.in {
		n.unshuffle++
	}
	features := n.first.out
	if r.has(entry + ".weight") {
		e := readNorm(r, entry, features)
		n.entry = &e
	}
	n.last = readNorm(r, "norm", features)
	n.after = readConvChain(r, "conv_after_body", features)
	n.tail = readUpsampler(r, features)
	checkUnshuffle(r, first, n.first.in, n.unshuffle, n.tail.scale)
	return n
}

func (n *transformer) info() Info {
	flops, blocks := n.first.flops()+n.after.flops()+n.tail.flops(), 0
	for _, g := range n.groups {
		flops += g.after.flops()
		for _, block := range g.blocks {
			flops, blocks = flops+block.flops(), blocks+1
		}
	}
	area := n.unshuffle * n.unshuffle
	return Info{
		Architecture: n.architecture, Scale: n.tail.scale / n.unshuffle, Multiple: n.multiple * n.unshuffle, Least: n.least * n.unshuffle,
		FlopsPerPixel: flops / float64(area),
		BytesPerPixel: (4*n.first.out*12 + 8*n.pixels*n.heads + n.tail.bytes()) / area,
		Description: fmt.Sprintf("%s %dx, %d blocks, %d features, windows of %s",
			n.architecture, n.tail.scale/n.unshuffle, blocks, n.first.out, n.window),
	}
}

func (n *transformer) build(b *builder) {
	convention := Convention{In: 3, Out: 3, White: n.values}
	mean := make([]float32, 3)
	for i, v := range meanRGB {
		mean[i] = v * float32(n.values)
	}
	in := b.rgbInput(onnx.Float32, convention)
	x := bodyOf(b, b.op("Sub", []string{in, b.typed(onnx.Float32, mean, 3, 1, 1)}))
	first := b.conv(x, n.first.unfolded(n.unshuffle), convParams{stride: n.unshuffle, pad: n.unshuffle})
	h := b.transpose(first, 0, 2, 3, 1)
	if n.entry != nil {
		h = layerNorm(b, h, *n.entry, 1e-5)
	}
	for _, g := range n.groups {
		in := h
		for _, block := range g.blocks {
			h = block.build(b, h)
		}
		h = g.after.build(b, b.transpose(h, 0, 3, 1, 2))
		h = b.op("Add", []string{b.transpose(h, 0, 2, 3, 1), in})
	}
	h = b.transpose(layerNorm(b, h, n.last, 1e-5), 0, 3, 1, 2)
	y := n.tail.build(b, b.op("Add", []string{n.after.build(b, h), first}))
	if n.tail.residual {
		y = b.op("Add", []string{y, x})
	}
	if b.bodyType() != onnx.Float32 {
		y = b.cast(y, onnx.Float32)
	}
	y = b.op("Add", []string{y, b.typed(onnx.Float32, mean, 3, 1, 1)})
	b.rgbOutput(y, onnx.Float32, convention)
}

// mlp is two fully connected layers with a GELU between them.
type mlp [2]linear

func readMLP(r *reader, name string, features int) mlp {
	first := readLinear(r, name+"fc1", 0, features)
	return mlp{first, readLinear(r, name+"fc2", features, first.out)}
}

func (m mlp) build(b *builder, x string) string {
	return project(b, gelu(b, project(b, x, m[0])), m[1])
}

func (m mlp) flops() float64 { return float64(2 * (len(m[0].weight) + len(m[1].weight))) }
