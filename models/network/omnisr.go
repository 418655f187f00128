package network

import (
	"fmt"
	"math"

	"upscaled/models/fault"
	"upscaled/models/onnx"
)

// omniSR is groups of blocks that attend, one after the other, within windows, between
// the channels of windows, and both between pixels far apart. Images are filled up
// with zeros to whole windows.
type omniSR struct {
	first, after, last layer
	groups             []omniGroup
	side               int // of windows
	scale              int
}

type omniGroup struct {
	blocks []omniBlock
	after  layer
	esa    spatialAttention
}

type omniBlock struct {
	expand, depthwise, reduce layer
	squeeze                   [2]linear
	spatial                   [2]omniSpatial
	channel                   [2]omniChannel
	gates                     [4]omniGate
}

type omniSpatial struct {
	norm norm
	attention
	window window
}

type omniChannel struct {
	norm                norm
	qkv, depthwise, out layer
	temperature         []float32
}

type omniGate struct {
	norm               norm
	in, depthwise, out layer
}

// spatialAttention weights pixels by what a reduced image shows (ESA).
type spatialAttention struct{ reduce, keep, stride, inner, expand layer }

func readOmniSR(r *reader) model {
	n := &omniSR{side: 8}
	n.first = readBare(r, "input", 0, 3, 3)
	features := n.first.out
	table := "residual_layer.0.residual_layer.0.layer.2.fn.rel_pos_bias.weight"
	if t := r.tensors[table]; len(t.Shape) == 2 {
		n.side = (int(math.Round(math.Sqrt(float64(t.Shape[0])))) + 1) / 2
	}
	if n.side < 2 || n.side > maxWindow || features%4 != 0 {
		r.fail(fault.Invalid, "The windows of %d pixels or %d channels make no sense.", n.side, features)
		return n
	}
	for i := range r.count("residual_layer.%d.esa.conv1.weight") {
		name := fmt.Sprintf("residual_layer.%d.", i)
		var g omniGroup
		for k := range r.count(name + "residual_layer.%d.layer.0.fn.0.weight") {
			g.blocks = append(g.blocks, readOmniBlock(r, fmt.Sprintf("%sresidual_layer.%d.layer.", name, k), features, n.side))
		}
		g.after = readBare(r, fmt.Sprintf("%sresidual_layer.%d", name, len(g.blocks)), features, features, 1)
		e := &g.esa
		e.reduce = r.conv(name+"esa.conv1", 0, features, 1)
		inner := e.reduce.out
		e.keep, e.stride = r.conv(name+"esa.conv_f", inner, inner, 1), r.conv(name+"esa.conv2", inner, inner, 3)
		e.inner, e.expand = r.conv(name+"esa.conv3", inner, inner, 3), r.conv(name+"esa.conv4", features, inner, 1)
		n.groups = append(n.groups, g)
	}
	n.after, n.last = readBare(r, "output", features, features, 3), readBare(r, "up.0", 0, features, 3)
	if r.err == nil {
		n.scale = r.shuffle("up.0", n.last.out, 3)
	}
	return n
}

// readBare takes a convolution with or without a bias.
func readBare(r *reader, name string, out, in, kernel int) layer {
	weight := r.take(name+".weight", out, in, kernel, kernel)
	if r.err != nil {
		return layer{}
	}
	l := layer{out: weight.Shape[0], in: in, kernel: kernel, weight: weight.Data}
	if bias, ok := r.optional(name+".bias", l.out); ok {
		l.bias = bias.Data
	}
	return l
}

func readOmniBlock(r *reader, name string, features, side int) omniBlock {
	var block omniBlock
	block.expand = r.conv(name+"0.fn.0", 0, features, 1)
	inner := block.expand.out
	block.depthwise, block.reduce = r.conv(name+"0.fn.2", inner, 1, 3), r.conv(name+"0.fn.5", features, inner, 1)
	block.squeeze[0] = readLinear(r, name+"0.fn.4.gate.1", 0, inner)
	block.squeeze[1] = readLinear(r, name+"0.fn.4.gate.3", inner, block.squeeze[0].out)
	for i, at := range []int{2, 8} {
		part := fmt.Sprintf("%s%d.", name, at)
		s := omniSpatial{norm: readNorm(r, part+"norm", features), window: window{height: side, width: side, spread: i == 1}}
		s.heads = 4
		s.qkv, s.out = readQKV(r, part+"fn.to_qkv", features, s.heads), readLinear(r, part+"fn.to_out.0", features, features)
		table, ok := r.optional(part+"fn.rel_pos_bias.weight", (2*side-1)*(2*side-1), s.heads)
		if s.bias = relativeBias(r, table.Data, s.window, s.window, s.heads); !ok {
			s.bias = func() []float32 { return make([]float32, s.heads*side*side*side*side) }
		}
		block.spatial[i] = s
	}
	for i, at := range []int{5, 11} {
		part := fmt.Sprintf("%s%d.", name, at)
		c := omniChannel{norm: readNorm(r, part+"norm", features), qkv: readBare(r, part+"fn.qkv", 3*features, features, 1)}
		c.depthwise, c.out = readBare(r, part+"fn.qkv_dwconv", 3*features, 1, 3), readBare(r, part+"fn.project_out", features, features, 1)
		c.temperature = r.take(part+"fn.temperature", 4, 1, 1).Data
		block.channel[i] = c
	}
	for i, at := range []int{4, 6, 10, 12} {
		part := fmt.Sprintf("%s%d.", name, at)
		g := omniGate{norm: readNorm(r, part+"norm", features), in: readBare(r, part+"fn.project_in", 0, features, 1)}
		g.depthwise, g.out = readBare(r, part+"fn.dwconv", g.in.out, 1, 3), readBare(r, part+"fn.project_out", features, g.in.out/2, 1)
		block.gates[i] = g
	}
	return block
}

func (n *omniSR) info() Info {
	flops, blocks := n.first.flops()+n.after.flops()+n.last.flops(), 0
	for _, g := range n.groups {
		flops += g.after.flops() + g.esa.reduce.flops() + g.esa.keep.flops() + g.esa.expand.flops()
		for _, block := range g.blocks {
			blocks++
			flops += block.expand.flops() + block.depthwise.flops() + block.reduce.flops()
			for i, s := range block.spatial {
				c := block.channel[i]
				flops += s.flops(s.window) + c.qkv.flops() + c.depthwise.flops() + c.out.flops() + float64(n.first.out*n.first.out)
			}
			for _, gate := range block.gates {
				flops += gate.in.flops() + gate.depthwise.flops() + gate.out.flops()
			}
		}
	}
	return Info{
		Architecture: OmniSR, Scale: n.scale, Multiple: 1, Least: 2 * n.side, FlopsPerPixel: flops,
		BytesPerPixel: 4*n.first.out*14 + 32*n.side*n.side + 16*n.scale*n.scale,
		Description:   fmt.Sprintf("OmniSR %dx, %d blocks, %d features, windows of %d", n.scale, blocks, n.first.out, n.side),
	}
}

func (n *omniSR) build(b *builder) {
	x := b.rgbInput(b.bodyType(), zeroToOne)
	height, width := side(b, x, 2), side(b, x, 3)
	missing := func(length string) string { return missingOf(b, length, n.side) }
	full := b.op("Pad", []string{x, b.concat(0, b.ints(0, 0, 0, 0, 0, 0), missing(height), missing(width))})
	first := b.same(full, n.first)
	h := first
	for _, g := range n.groups {
		in := h
		for _, block := range g.blocks {
			h = block.build(b, h)
		}
		h = g.esa.build(b, b.op("Add", []string{b.same(h, g.after), in}))
	}
	h = b.op("Add", []string{b.same(h, n.after), first})
	h = pixelShuffle(b, b.same(h, n.last), n.scale)
	scale := b.ints(int64(n.scale))
	ends := b.op("Mul", []string{b.concat(0, b.reshape(height, 1), b.reshape(width, 1)), scale})
	h = b.op("Slice", []string{h, b.ints(0, 0), ends, b.ints(2, 3)})
	b.rgbOutput(h, b.bodyType(), zeroToOne)
}

// missingOf returns what a length lacks of a multiple, in a list.
func missingOf(b *builder, length string, multiple int) string {
	divisor := b.constant(onnx.Tensor{Type: onnx.Int64, Ints: []int64{int64(multiple)}})
	return b.reshape(b.op("Mod", []string{b.op("Neg", []string{length}), divisor}), 1)
}

func (block omniBlock) build(b *builder, x string) string {
	h := gelu(b, b.same(x, block.expand))
	h = gelu(b, b.conv(h, block.depthwise, convParams{stride: 1, pad: 1, depthwise: true}))
	weight := inFloat32(b, h, func(x string) string { return b.op("GlobalAveragePool", []string{x}) })
	weight = b.transpose(weight, 0, 2, 3, 1)
	weight = b.op("Sigmoid", []string{project(b, silu(b, project(b, weight, block.squeeze[0])), block.squeeze[1])})
	h = b.op("Mul", []string{h, b.transpose(weight, 0, 3, 1, 2)})
	h = b.op("Add", []string{b.same(h, block.reduce), x})
	for i, s := range block.spatial {
		h = s.build(b, h)
		h = block.gates[2*i].build(b, h)
		h = block.channel[i].build(b, h, s.window)
		h = block.gates[2*i+1].build(b, h)
	}
	return h
}

// normalized returns an image [1, channels, height, width] with channels on the last
// axis, which are normalized.
func (n norm) normalized(b *builder, x string, epsilon float32) string {
	return layerNorm(b, b.transpose(x, 0, 2, 3, 1), n, epsilon)
}

func (s omniSpatial) build(b *builder, x string) string {
	h := project(b, s.norm.normalized(b, x, 1e-5), s.qkv)
	h = project(b, s.attention.build(b, h, s.window), s.out)
	return b.op("Add", []string{x, b.transpose(h, 0, 3, 1, 2)})
}

// build adds the attention between the channels of each window, or, if w is spread,
// between those of pixels as far apart as a window's side.
func (c omniChannel) build(b *builder, x string, w window) string {
	h := b.same(b.transpose(c.norm.normalized(b, x, 1e-6), 0, 3, 1, 2), c.qkv)
	h = b.conv(h, c.depthwise, convParams{stride: 1, pad: 1, depthwise: true})
	channels, heads := c.out.in, len(c.temperature)
	still := window{height: w.height, width: w.width}
	parts, shape := still.split(b, b.transpose(h, 0, 2, 3, 1), 3*channels)
	order, back := []int64{0, 2, 1}, []int64{0, 2, 1}
	if w.spread {
		order, back = []int64{1, 2, 0}, []int64{2, 0, 1}
	}
	h = b.reshape(b.transpose(parts, order...), 0, int64(3*heads), int64(channels/heads), -1)
	h = attendChannels(b, split(b, h, 1, int64(heads), int64(heads), int64(heads)), c.temperature)
	h = b.transpose(b.reshape(h, 0, int64(channels), -1), back...)
	h = b.transpose(still.join(b, h, shape, channels), 0, 3, 1, 2)
	return b.op("Add", []string{x, b.same(h, c.out)})
}

func (g omniGate) build(b *builder, x string) string {
	h := b.same(b.transpose(g.norm.normalized(b, x, 1e-6), 0, 3, 1, 2), g.in)
	h = b.conv(h, g.depthwise, convParams{stride: 1, pad: 1, depthwise: true})
	half := int64(g.out.in)
	parts := split(b, h, 1, half, half)
	return b.op("Add", []string{x, b.same(b.op("Mul", []string{gelu(b, parts[0]), parts[1]}), g.out)})
}

func (s spatialAttention) build(b *builder, x string) string {
	reduced := b.same(x, s.reduce)
	h := b.conv(reduced, s.stride, convParams{stride: 2})
	h = b.op("MaxPool", []string{h}, onnx.Ints("kernel_shape", 7, 7), onnx.Ints("strides", 3, 3))
	h = b.same(h, s.inner)
	sizes := b.concat(0,
		b.op("Shape", []string{h}, onnx.Int("start", 0), onnx.Int("end", 2)),
		b.op("Shape", []string{x}, onnx.Int("start", 2), onnx.Int("end", 4)))
	h = inFloat32(b, h, func(h string) string {
		return b.op("Resize", []string{h, "", "", sizes}, onnx.String("mode", "linear"), onnx.String("coordinate_transformation_mode", "half_pixel"))
	})
	h = b.same(b.op("Add", []string{h, b.same(reduced, s.keep)}), s.expand)
	return b.op("Mul", []string{x, b.op("Sigmoid", []string{h})})
}
