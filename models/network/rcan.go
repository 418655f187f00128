package network

import (
	"fmt"

	"upscaled/models/onnx"
)

// rcan is groups of residual blocks with channel attention.
type rcan struct {
	// shift and restore are 1x1 convolutions around the model, which subtract and add
	// the mean color of 0..255; nil for models of 0..1.
	shift, restore *layer
	unshuffle      int
	head, after    layer
	groups         []rcanGroup
	tail           []layer // each before a pixel-shuffle that keeps channels
	last           layer
	scale          int
}

type rcanGroup struct {
	blocks []rcanBlock
	after  layer
}

type rcanBlock struct {
	first, second layer
	attention     channelAttention
}

func readRCAN(r *reader) model {
	n := &rcan{unshuffle: 1, scale: 1}
	if r.has("sub_mean.weight") {
		shift, restore := r.conv("sub_mean", 3, 3, 1), r.conv("add_mean", 3, 3, 1)
		n.shift, n.restore = &shift, &restore
	}
	head := "head.0"
	if r.has("head.1.weight") {
		head = "head.1"
	}
	n.head = r.conv(head, 0, 0, 3)
	for n.unshuffle < 4 && 3*n.unshuffle*n.unshuffle < n.head.in {
		n.unshuffle++
	}
	features := n.head.out
	groups := r.count("body.%d.body.0.body.0.weight")
	for i := range groups {
		var g rcanGroup
		name := fmt.Sprintf("body.%d.body.", i)
		for k := range r.count(name + "%d.body.0.weight") {
			block := fmt.Sprintf("%s%d.body.", name, k)
			g.blocks = append(g.blocks, rcanBlock{
				r.conv(block+"0", features, features, 3), r.conv(block+"2", features, features, 3),
				readChannelAttention(r, block+"3.conv_du.0", block+"3.conv_du.2", features),
			})
		}
		g.after = r.conv(fmt.Sprintf("%s%d", name, len(g.blocks)), features, features, 3)
		n.groups = append(n.groups, g)
	}
	n.after = r.conv(fmt.Sprintf("body.%d", groups), features, features, 3)
	for i := 0; i < 10 && r.has(fmt.Sprintf("tail.0.%d.weight", i)); i += 2 {
		l := readShuffled(r, fmt.Sprintf("tail.0.%d", i), features)
		n.tail, n.scale = append(n.tail, l), n.scale*shuffleOf(l)
	}
	n.last = r.conv("tail.1", 3, features, 3)
	checkUnshuffle(r, head, n.head.in, n.unshuffle, n.scale)
	return n
}

func (n *rcan) info() Info {
	flops, blocks, area := n.head.flops()+n.after.flops(), 0, 1.0
	for _, g := range n.groups {
		flops += g.after.flops()
		for _, block := range g.blocks {
			flops, blocks = flops+block.first.flops()+block.second.flops(), blocks+1
		}
	}
	for _, l := range n.tail {
		flops += area * l.flops()
		area *= float64(shuffleOf(l) * shuffleOf(l))
	}
	squared := n.unshuffle * n.unshuffle
	return Info{
		Architecture: RCAN, Scale: n.scale / n.unshuffle, Multiple: n.unshuffle,
		FlopsPerPixel: (flops + area*n.last.flops()) / float64(squared),
		BytesPerPixel: (4*n.head.out*6 + 8*n.head.out*n.scale*n.scale) / squared,
		Description:   fmt.Sprintf("RCAN %dx, %d blocks, %d features", n.scale/n.unshuffle, blocks, n.head.out),
	}
}

func (n *rcan) build(b *builder) {
	convention := zeroToOne
	if n.shift != nil {
		convention.White = 255
	}
	x := recolored(b, b.rgbInput(onnx.Float32, convention), n.shift)
	first := b.conv(bodyOf(b, x), n.head.unfolded(n.unshuffle), convParams{stride: n.unshuffle, pad: n.unshuffle})
	h := first
	for _, g := range n.groups {
		in := h
		for _, block := range g.blocks {
			u := b.same(b.op("Relu", []string{b.same(h, block.first)}), block.second)
			h = b.op("Add", []string{block.attention.build(b, u), h})
		}
		h = b.op("Add", []string{b.same(h, g.after), in})
	}
	h = b.op("Add", []string{b.same(h, n.after), first})
	for _, l := range n.tail {
		h = pixelShuffle(b, b.same(h, l), shuffleOf(l))
	}
	h = b.same(h, n.last)
	if b.bodyType() != onnx.Float32 {
		h = b.cast(h, onnx.Float32)
	}
	b.rgbOutput(recolored(b, h, n.restore), onnx.Float32, convention)
}

// recolored applies a 1x1 convolution of colors in float32, if there is one.
func recolored(b *builder, x string, l *layer) string {
	if l == nil {
		return x
	}
	rows := make([][]float64, 3)
	for i := range rows {
		for _, w := range l.weight[3*i:][:3] {
			rows[i] = append(rows[i], float64(w))
		}
	}
	return b.op("Add", []string{b.mixed(x, rows), b.typed(onnx.Float32, l.bias, 3, 1, 1)})
}
