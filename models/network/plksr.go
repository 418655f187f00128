package network

import (
	"fmt"

	"upscaled/models/fault"
	"upscaled/models/onnx"
	"upscaled/models/weights"
)

// plksr is RealPLKSR: blocks with one large convolution over a part of the channels,
// then a pixel-shuffle or DySample. The input, repeated, is added before that.
type plksr struct {
	first, last layer
	blocks      []plksrBlock
	scale       int
	sample      *dySample // nil for a pixel-shuffle
}

type plksrBlock struct {
	mixer  [2]layer
	large  layer
	attend *layer // nil if the block has no element-wise attention
	refine layer
	// norm holds weight and bias of the layer norm at the block's start if byLayer,
	// else of the group norm at its end.
	norm    norm
	byLayer bool
}

// plksrGroups is the number of groups that are normalized together.
const plksrGroups = 4

func readPLKSR(r *reader) model {
	n := &plksr{first: r.conv("feats.0", 0, 3, 3)}
	features := n.first.out
	for i := 1; i <= maxLayers && r.has(fmt.Sprintf("feats.%d.channel_mixer.0.weight", i)); i++ {
		n.blocks = append(n.blocks, readPLKSRBlock(r, fmt.Sprintf("feats.%d.", i), features))
	}
	// A dropout without tensors stands between the blocks and the last layer.
	name := fmt.Sprintf("feats.%d", len(n.blocks)+2)
	n.last = r.conv(name, 0, features, 3)
	if r.err != nil {
		return n
	}
	n.scale = r.shuffle(name, n.last.out, 3)
	if r.has("to_img.init_pos") {
		n.sample = readDySample(r, "to_img.", n.last.out, n.scale)
	}
	return n
}

func readPLKSRBlock(r *reader, name string, features int) plksrBlock {
	block := plksrBlock{mixer: [2]layer{r.conv(name+"channel_mixer.0", 0, features, 3)}}
	block.mixer[1] = r.conv(name+"channel_mixer.2", features, block.mixer[0].out, 3)
	large := r.take(name+"lk.conv.weight", 0, 0, 0, 0)
	if r.err == nil {
		if large.Shape[0] > features || large.Shape[0] != large.Shape[1] || large.Shape[2] != large.Shape[3] || large.Shape[2]%2 == 0 {
			r.fail(fault.Invalid, "The tensor %slk.conv.weight has the shape %v, which fits no %d channels.", name, large.Shape, features)
			return block
		}
		block.large = layerOf(large, r.take(name+"lk.conv.bias", large.Shape[0]))
	}
	if r.has(name + "attn.f.0.weight") {
		l := r.conv(name+"attn.f.0", features, features, 3)
		block.attend = &l
	}
	block.refine = r.conv(name+"refine", features, features, 1)
	normName := "norm"
	if block.byLayer = r.has(name + "layer_norm.weight"); block.byLayer {
		normName = "layer_norm"
	} else if features%plksrGroups != 0 {
		r.fail(fault.Invalid, "RealPLKSR with %d channels cannot be normalized in %d groups.", features, plksrGroups)
	}
	block.norm = readNorm(r, name+normName, features)
	return block
}

func (n *plksr) info() Info {
	flops := n.first.flops() + n.last.flops()
	kernel := 0
	for _, block := range n.blocks {
		flops += block.mixer[0].flops() + block.mixer[1].flops() + block.large.flops() + block.refine.flops()
		if block.attend != nil {
			flops += block.attend.flops()
		}
		kernel = max(kernel, block.large.kernel)
	}
	return Info{
		Architecture: RealPLKSR, Scale: n.scale, Multiple: 1,
		FlopsPerPixel: flops, BytesPerPixel: 4*n.first.out*10 + 64*n.scale*n.scale,
		Description: fmt.Sprintf("RealPLKSR %dx, %d blocks, %d features, kernel %d", n.scale, len(n.blocks), n.first.out, kernel),
	}
}

func (n *plksr) build(b *builder) {
	in := b.rgbInput(b.bodyType(), zeroToOne)
	h := b.same(in, n.first)
	for _, block := range n.blocks {
		h = b.op("Add", []string{h, block.build(b, h)})
	}
	h = b.op("Add", []string{b.same(h, n.last), repeated(b, in, n.scale)})
	if n.sample != nil {
		h = inFloat32(b, h, func(x string) string { return n.sample.build(b, x) })
	} else {
		h = pixelShuffle(b, h, n.scale)
	}
	b.rgbOutput(h, b.bodyType(), zeroToOne)
}

func (block plksrBlock) build(b *builder, x string) string {
	if block.byLayer {
		x = b.transpose(layerNorm(b, b.transpose(x, 0, 2, 3, 1), block.norm, 1e-6), 0, 3, 1, 2)
	}
	h := b.same(mish(b, b.same(x, block.mixer[0])), block.mixer[1])
	if rest := block.refine.in - block.large.in; rest > 0 {
		parts := split(b, h, 1, int64(block.large.in), int64(rest))
		h = b.concat(1, b.same(parts[0], block.large), parts[1])
	} else {
		h = b.same(h, block.large)
	}
	if block.attend != nil {
		h = b.op("Mul", []string{h, b.op("Sigmoid", []string{b.same(h, *block.attend)})})
	}
	h = b.same(h, block.refine)
	if !block.byLayer {
		h = groupNorm(b, h, plksrGroups, block.norm)
	}
	return h
}

// repeated adds a convolution that repeats every channel r*r times in sequence.
func repeated(b *builder, x string, r int) string {
	l := layer{out: 3 * r * r, in: 3, kernel: 1, weight: make([]float32, 9*r*r)}
	for o := range l.out {
		l.weight[o*3+o/(r*r)] = 1
	}
	return b.conv(x, l, convParams{stride: 1})
}

// dySample resamples an image at positions that it computes from it (Liu et al.,
// arXiv 2308.15085).
type dySample struct {
	offset, scope layer
	start         weights.Tensor
	end           *layer // nil if groups are the colors
	groups, scale int
}

func readDySample(r *reader, name string, channels, scale int) *dySample {
	d := &dySample{scale: scale, groups: 4, start: r.take(name+"init_pos", 1, 0, 1, 1)}
	if r.err != nil {
		return d
	}
	if out := d.start.Shape[1]; out%(2*scale*scale) == 0 {
		d.groups = out / (2 * scale * scale)
	}
	d.offset = r.conv(name+"offset", d.start.Shape[1], channels, 1)
	d.scope = layer{out: d.offset.out, in: channels, kernel: 1, weight: r.take(name+"scope.weight", d.offset.out, channels, 1, 1).Data}
	if r.has(name + "end_conv.weight") {
		l := r.conv(name+"end_conv", 3, channels, 1)
		d.end = &l
	}
	if r.err == nil && (2*d.groups*scale*scale != d.offset.out || channels%d.groups != 0 || d.end == nil && channels != 3) {
		r.fail(fault.Invalid, "The tensor %sinit_pos has %d positions, which fit no %d channels at %dx.", name, d.offset.out, channels, scale)
	}
	return d
}

func (d *dySample) build(b *builder, x string) string {
	scope := b.op("Sigmoid", []string{b.conv(x, d.scope, convParams{stride: 1})})
	offset := b.op("Mul", []string{b.op("Mul", []string{b.same(x, d.offset), scope}), b.float(0.5)})
	offset = b.op("Add", []string{offset, b.floats(d.start.Data, 1, int64(d.offset.out), 1, 1)})
	half := int64(d.offset.out / 2)
	var axes []string
	for i, part := range split(b, offset, 1, half, half) { // horizontal ones come first
		length := side(b, x, int64(3-i))
		at := b.op("Add", []string{b.cast(positions(b, length), onnx.Float32), b.float(0.5)})
		if i == 1 {
			at = b.reshape(at, -1, 1)
		}
		at = b.op("Div", []string{b.op("Add", []string{part, at}), b.cast(length, onnx.Float32)})
		axes = append(axes, b.op("Sub", []string{b.op("Mul", []string{at, b.float(2)}), b.float(1)}))
	}
	groups, channels := int64(d.groups), int64(d.offset.in)
	grid := pixelShuffle(b, b.concat(1, axes...), d.scale)
	grid = b.transpose(b.reshape(grid, 2, groups, 0, 0), 1, 2, 3, 0)
	h := b.op("GridSample", []string{b.reshape(x, groups, channels/groups, 0, 0), grid},
		onnx.String("mode", "bilinear"), onnx.String("padding_mode", "border"), onnx.Int("align_corners", 0))
	h = b.reshape(h, 1, channels, 0, 0)
	if d.end != nil {
		h = b.same(h, *d.end)
	}
	return h
}
