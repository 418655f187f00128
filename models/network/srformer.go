package network

import (
	"fmt"
	"math"
	"slices"

	"upscaled/models/fault"
	"upscaled/models/onnx"
)

// permutedBlock is attention limited to windows, in which the keys and values of four
// pixels are joined to one of four times the channels, and an MLP with a depthwise
// convolution.
type permutedBlock struct {
	norms [2]norm
	// q computes queries of all channels of a pixel, kv keys and values of a quarter
	// each.
	q, kv, out linear
	heads      int
	bias       func() []float32 // of one pixel of four to all joined ones
	window     window
	mlp        mlp
	spatial    layer // depthwise
}

func readSRFormer(r *reader) model {
	n := readTransformer(r, SRFormer, "patch_embed.norm")
	n.readGroups(r, func(name string, k int) transformerBlock { return readPermutedBlock(r, n, name, k) })
	return n
}

// readPermutedBlock takes block k of a group and notes its window in n.
func readPermutedBlock(r *reader, n *transformer, name string, k int) *permutedBlock {
	features := n.first.out
	table := r.take(name+"attn.relative_position_bias_table", 0, 0)
	if r.err != nil {
		return nil
	}
	heads, side := table.Shape[1], int(math.Round(math.Sqrt(float64(table.Shape[0]))))+1
	if (side-1)*(side-1) != table.Shape[0] || side%2 != 0 || features%heads != 0 || features%4 != 0 || side > maxWindow || n.multiple > 1 && n.multiple != side {
		r.fail(fault.Invalid, "The tensor %sattn.relative_position_bias_table has the shape %v, which fits no windows of %d channels.", name, table.Shape, features)
		return nil
	}
	n.multiple, n.heads, n.pixels, n.window = side, heads, side*side, fmt.Sprint(side)
	shift := k % 2 * (side / 2)
	block := &permutedBlock{
		norms:  [2]norm{readNorm(r, name+"norm1", features), readNorm(r, name+"norm2", features)},
		out:    readLinear(r, name+"attn.proj", features, features),
		heads:  heads,
		window: window{height: side, width: side, down: shift, right: shift},
		mlp:    readMLP(r, name+"mlp.", features),
	}
	block.q, block.kv = readLinear(r, name+"attn.q", features, features), readLinear(r, name+"attn.kv", features/2, features)
	block.q.scaled, block.q.factor = features, 1/math.Sqrt(float64(features/heads))
	spatial := r.take(name+"mlp.dwconv.depthwise_conv.0.weight", block.mlp[0].out, 1, 5, 5)
	if r.err == nil {
		block.spatial = layerOf(spatial, r.take(name+"mlp.dwconv.depthwise_conv.0.bias", spatial.Shape[0]))
	}
	block.bias = relativeBias(r, table.Data, block.joined(), block.joined(), heads)
	r.derive(3 * heads * block.joined().pixels() * block.joined().pixels()) // graphs repeat it for the four pixels of a position
	r.ignore(name + "attn.aligned_relative_position_index")
	return block
}

// all returns the layer of queries, keys and values.
func (block *permutedBlock) all() linear {
	l := block.q
	l.out, l.weight = l.out+block.kv.out, slices.Concat(l.weight, block.kv.weight)
	if l.bias = nil; block.q.bias != nil && block.kv.bias != nil {
		l.bias = slices.Concat(block.q.bias, block.kv.bias)
	}
	return l
}

// joined is the window of joined pixels.
func (block *permutedBlock) joined() window {
	return window{height: block.window.height / 2, width: block.window.width / 2}
}

func (block *permutedBlock) flops() float64 {
	linears := 2 * float64(len(block.q.weight)+len(block.kv.weight)+len(block.out.weight)+len(block.spatial.weight))
	return linears + float64(block.window.pixels()*block.out.in) + block.mlp.flops()
}

func (block *permutedBlock) build(b *builder, x string) string {
	h := project(b, layerNorm(b, x, block.norms[0], 1e-5), block.all())
	h = b.op("Add", []string{x, project(b, block.attend(b, h), block.out)})
	y := gelu(b, project(b, layerNorm(b, h, block.norms[1], 1e-5), block.mlp[0]))
	spatial := gelu(b, b.conv(b.transpose(y, 0, 3, 1, 2), block.spatial, convParams{stride: 1, pad: 2, depthwise: true}))
	y = b.op("Add", []string{y, b.transpose(spatial, 0, 2, 3, 1)})
	return b.op("Add", []string{h, project(b, y, block.mlp[1])})
}

// attend returns the attention of an image of queries, keys and values. Both sides are
// halved first, so that four pixels, by row, are one position of a window.
func (block *permutedBlock) attend(b *builder, x string) string {
	channels, heads, w := int64(block.out.in), int64(block.heads), block.joined()
	each, keys, quarter := channels/heads, int64(w.pixels()), channels/4
	mask := ""
	if block.window.down > 0 {
		mask = block.mask(b, x)
	}
	x = roll(b, roll(b, x, 1, block.window.down), 2, block.window.right)
	all := block.q.out + block.kv.out
	parts, shape := w.split(b, quartered(b, x, int64(all)), 4*all)
	h := split(b, b.reshape(parts, 0, keys, 4, int64(all)), 3, channels, quarter, quarter)
	byHead := func(x string, pixels int64) string {
		return b.transpose(b.reshape(x, 0, pixels, heads, each), 0, 2, 1, 3)
	}
	var bias []float32
	plain := block.bias()
	for at := range block.heads * w.pixels() {
		row := plain[at*w.pixels():][:w.pixels()]
		for range 4 {
			bias = append(bias, row...)
		}
	}
	y := attend(b, byHead(h[0], 4*keys), byHead(h[1], keys), byHead(h[2], keys), bias, mask, 4*keys, keys)
	y = w.join(b, b.reshape(y, 0, keys, 4*channels), shape, 4*int(channels))
	y = b.transpose(b.reshape(b.op("Squeeze", []string{y, b.ints(0)}), 0, 0, 2, 2*channels), 0, 2, 1, 3)
	y = b.reshape(b.reshape(y, 0, 2, -1, channels), 1, -1, 0, channels)
	return roll(b, roll(b, y, 1, -block.window.down), 2, -block.window.right)
}

// quartered joins squares of four pixels of an image [1, height, width, channels] to
// one position.
func quartered(b *builder, x string, channels int64) string {
	x = b.reshape(b.reshape(x, -1, 2, 0, channels), 0, 2, -1, 2*channels)
	x = b.reshape(b.transpose(x, 0, 2, 1, 3), 0, 0, 4*channels)
	return b.op("Unsqueeze", []string{x, b.ints(0)})
}

// mask is window.mask for keys that stand for four pixels. As published, those that the
// border of an odd shift divides count as beyond it.
func (block *permutedBlock) mask(b *builder, x string) string {
	if found := b.masks[block.window]; found != "" {
		return found
	}
	w := block.joined()
	ids := block.window.regions(b, side(b, x, 1), side(b, x, 2))
	queries, _ := w.split(b, quartered(b, ids, 1), 4)
	halved := func(axis int64) string {
		return b.op("Div", []string{side(b, x, axis), b.constant(onnx.Tensor{Type: onnx.Int64, Ints: []int64{2}})})
	}
	rolled := w
	rolled.down, rolled.right = (block.window.down+1)/2, (block.window.right+1)/2
	keys, _ := w.split(b, rolled.regions(b, halved(1), halved(2)), 1)
	keep(b, block.window, maskOf(b, b.reshape(queries, 0, 4*int64(w.pixels()), 1), keys))
	return b.masks[block.window]
}
