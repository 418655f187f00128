package network

import (
	"fmt"
	"math"

	"upscaled/models/fault"
	"upscaled/models/onnx"
)

// channelBlock is two convolutions weighted by a channel attention.
type channelBlock struct {
	first, second layer
	squeeze       channelAttention
	factor        float64
}

func (c channelBlock) build(b *builder, x string) string {
	h := gelu(b, b.same(b.transpose(x, 0, 3, 1, 2), c.first))
	h = c.squeeze.build(b, b.same(h, c.second))
	h = b.op("Mul", []string{h, b.floats([]float32{float32(c.factor)})})
	return b.transpose(h, 0, 2, 3, 1)
}

func (c channelBlock) flops() float64 { return c.first.flops() + c.second.flops() }

// channelAttention weights channels by two 1x1 convolutions of their means, as RCAN.
type channelAttention [2]layer

func readChannelAttention(r *reader, first, second string, features int) channelAttention {
	down := r.conv(first, 0, features, 1)
	return channelAttention{down, r.conv(second, features, down.out, 1)}
}

func (c channelAttention) build(b *builder, x string) string {
	h := inFloat32(b, x, func(x string) string {
		return b.op("GlobalAveragePool", []string{x})
	})
	h = b.same(b.op("Relu", []string{b.same(h, c[0])}), c[1])
	return b.op("Mul", []string{x, b.op("Sigmoid", []string{h})})
}

// overlapBlock attends from windows to larger ones around them.
type overlapBlock struct {
	norms     [2]norm
	attention attention
	window    window
	outer     int // side of the larger windows
	mlp       mlp
}

func readHAT(r *reader) model {
	n := readTransformer(r, HAT, "patch_embed.norm")
	features := n.first.out
	n.readGroups(r, func(name string, k int) transformerBlock {
		block := readSwinBlock(r, n, name, k)
		if r.err != nil {
			return block
		}
		cab := name + "conv_block.cab."
		c := channelBlock{first: r.conv(cab+"0", 0, features, 3), factor: 0.01}
		c.second = r.conv(cab+"2", features, c.first.out, 3)
		c.squeeze = readChannelAttention(r, cab+"3.attention.1", cab+"3.attention.3", features)
		block.beside = &c
		return block
	})
	for i := range n.groups {
		overlap := readOverlapBlock(r, n, fmt.Sprintf("layers.%d.residual_group.overlap_attn.", i))
		n.groups[i].blocks = append(n.groups[i].blocks, overlap)
	}
	r.ignore("relative_position_index_SA")
	r.ignore("relative_position_index_OCA")
	return n
}

func readOverlapBlock(r *reader, n *transformer, name string) *overlapBlock {
	features, side := n.first.out, n.multiple
	table := r.take(name+"relative_position_bias_table", 0, 0)
	if r.err != nil {
		return nil
	}
	heads, sum := table.Shape[1], int(math.Round(math.Sqrt(float64(table.Shape[0]))))
	outer := sum + 1 - side
	if sum*sum != table.Shape[0] || outer < side || outer > 2*side || (outer-side)%2 != 0 || features%heads != 0 {
		r.fail(fault.Invalid, "The tensor %srelative_position_bias_table has the shape %v, which fits no windows of %d pixels.", name, table.Shape, side)
		return nil
	}
	block := &overlapBlock{
		norms:  [2]norm{readNorm(r, name+"norm1", features), readNorm(r, name+"norm2", features)},
		window: window{height: side, width: side}, outer: outer, mlp: readMLP(r, name+"mlp.", features),
		attention: attention{qkv: readQKV(r, name+"qkv", features, heads), out: readLinear(r, name+"proj", features, features), heads: heads},
	}
	r.derive(heads * side * side * outer * outer)
	block.attention.bias = func() []float32 { return overlapBias(table.Data, side, outer, heads) }
	return block
}

// overlapBias spreads a table of values by distance from a pixel of the inner window to
// one of the outer window.
func overlapBias(table []float32, side, outer, heads int) []float32 {
	bias := make([]float32, 0, heads*side*side*outer*outer)
	for head := range heads {
		for from := range side * side {
			for to := range outer * outer {
				// As published, distances begin at side-outer+1 and are not limited: the
				// last ones count from the table's end.
				dy, dx := to%outer-from%side+side-outer+1, to/outer-from/side+side-outer+1
				at := dy*(side+outer-1) + dx
				if at < 0 {
					at += len(table) / heads
				}
				bias = append(bias, table[at*heads+head])
			}
		}
	}
	return bias
}

func (o *overlapBlock) flops() float64 {
	return o.attention.flops(window{height: o.outer, width: o.outer}) + o.mlp.flops()
}

func (o *overlapBlock) build(b *builder, x string) string {
	channels, heads := o.attention.out.in, int64(o.attention.heads)
	each := int64(channels) / heads
	qkv := project(b, layerNorm(b, x, o.norms[0], 1e-5), o.attention.qkv)
	parts := split(b, qkv, 3, int64(channels), 2*int64(channels))
	q, shape := o.window.split(b, parts[0], channels)
	q = b.transpose(b.reshape(q, 0, int64(o.window.pixels()), heads, each), 0, 2, 1, 3)
	area := int64(o.outer * o.outer)
	kv := b.transpose(b.reshape(o.around(b, parts[1]), -1, area, 2*heads, each), 0, 2, 1, 3)
	pair := split(b, kv, 1, heads, heads)
	h := attend(b, q, pair[0], pair[1], o.attention.bias(), "", int64(o.window.pixels()), area)
	h = project(b, o.window.join(b, h, shape, channels), o.attention.out)
	h = b.op("Add", []string{h, x})
	return b.op("Add", []string{h, o.mlp.build(b, layerNorm(b, h, o.norms[1], 1e-5))})
}

// around cuts the larger windows, with zeros outside the image, ordered like the
// smaller ones: [rows, columns, outer, outer, channels], columns of a window first.
func (o *overlapBlock) around(b *builder, x string) string {
	margin := int64(o.outer-o.window.height) / 2
	padded := b.op("Pad", []string{x, b.ints(0, margin, margin, 0, 0, margin, margin, 0)})
	within := make([]int64, o.outer)
	for i := range within {
		within[i] = int64(i)
	}
	h := padded
	for _, axis := range []int64{1, 3} {
		length := side(b, x, (axis+1)/2)
		starts := b.op("Range", []string{
			b.constant(onnx.Tensor{Type: onnx.Int64, Ints: []int64{0}}), length,
			b.constant(onnx.Tensor{Type: onnx.Int64, Ints: []int64{int64(o.window.height)}}),
		})
		at := b.op("Add", []string{b.reshape(starts, -1, 1), b.ints(within...)})
		h = b.op("Gather", []string{h, at}, onnx.Int("axis", axis))
	}
	// [1, rows, y, columns, x, channels]
	return b.transpose(h, 0, 1, 3, 4, 2, 5)
}
