package network

import (
	"fmt"
	"math"

	"upscaled/models/fault"
)

// swinBlock is attention limited to windows, which every other block shifts by half
// their side, and an MLP.
type swinBlock struct {
	norms     [2]norm
	attention attention
	window    window
	mlp       mlp
	// beside, of HAT, is added to the attention; it sees the same input.
	beside *channelBlock
}

func readSwinIR(r *reader) model {
	n := readTransformer(r, SwinIR, "patch_embed.norm")
	n.readGroups(r, func(name string, k int) transformerBlock { return readSwinBlock(r, n, name, k) })
	// Only the models against JPEG artifacts have windows of 7, and they use 0..255.
	if n.multiple == 7 {
		n.values = 255
	}
	return n
}

// readSwinBlock takes block k of a group and notes its window in n.
func readSwinBlock(r *reader, n *transformer, name string, k int) *swinBlock {
	features := n.first.out
	table := r.take(name+"attn.relative_position_bias_table", 0, 0)
	if r.err != nil {
		return nil
	}
	heads, side := table.Shape[1], (int(math.Round(math.Sqrt(float64(table.Shape[0]))))+1)/2
	if (2*side-1)*(2*side-1) != table.Shape[0] || features%heads != 0 || side > maxWindow || n.multiple > 1 && n.multiple != side {
		r.fail(fault.Invalid, "The tensor %sattn.relative_position_bias_table has the shape %v, which fits no windows of %d channels.", name, table.Shape, features)
		return nil
	}
	n.multiple, n.heads, n.pixels, n.window = side, heads, side*side, fmt.Sprint(side)
	block := &swinBlock{
		norms:  [2]norm{readNorm(r, name+"norm1", features), readNorm(r, name+"norm2", features)},
		window: window{height: side, width: side, down: k % 2 * (side / 2), right: k % 2 * (side / 2)},
		attention: attention{
			qkv: readQKV(r, name+"attn.qkv", features, heads), out: readLinear(r, name+"attn.proj", features, features), heads: heads,
		},
		mlp: readMLP(r, name+"mlp.", features),
	}
	block.attention.bias = relativeBias(r, table.Data, block.window, block.window, heads)
	r.ignore(name + "attn.relative_position_index")
	return block
}

// maxWindow bounds the side of attention windows, in pixels.
const maxWindow = 64

func (block *swinBlock) flops() float64 {
	sum := block.attention.flops(block.window) + block.mlp.flops()
	if block.beside != nil {
		sum += block.beside.flops()
	}
	return sum
}

func (block *swinBlock) build(b *builder, x string) string {
	normal := layerNorm(b, x, block.norms[0], 1e-5)
	h := b.op("Add", []string{x, project(b, block.attention.build(b, project(b, normal, block.attention.qkv), block.window), block.attention.out)})
	if block.beside != nil {
		h = b.op("Add", []string{h, block.beside.build(b, normal)})
	}
	return b.op("Add", []string{h, block.mlp.build(b, layerNorm(b, h, block.norms[1], 1e-5))})
}
