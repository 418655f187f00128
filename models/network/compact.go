package network

import (
	"fmt"

	"upscaled/models/onnx"
)

// compact is SRVGGNetCompact (BasicSR, srvgg_arch.py): 3x3 convolutions, each
// but the last followed by a PReLU, then a pixel-shuffle, to which the
// nearest-upsampled input is added.
type compact struct {
	layers []layer
	// slopes has one row per layer but the last, with one value per channel.
	slopes [][]float32
	scale  int
	// as states the channels: gray and RGBA are converted around the model as published.
	as Convention
}

func (n *compact) info() Info {
	var flops float64
	for _, l := range n.layers {
		flops += l.flops()
	}
	return Info{
		Architecture: SRVGGNetCompact,
		Scale:        n.scale,
		Radius:       len(n.layers),
		Multiple:     1,
		Trims:        n.as.In == 3, // a gray model's color is interpolated over the borders

		FlopsPerPixel: flops,
		BytesPerPixel: n.bytes(),
		Description: fmt.Sprintf("SRVGGNetCompact %dx, %d convolutions, %d features%s",
			n.scale, len(n.layers), n.layers[0].out, n.as.kind()),
	}
}

// bytes follows measurements on ONNX Runtime 1.30 with arena and without memory
// pattern: 1,080 to 1,220 bytes a pixel at 64 features and 4x. These are three
// tensors of all features, the residual, and the arena's rounding.
func (n *compact) bytes() int {
	features := 0
	for _, l := range n.layers {
		features = max(features, l.out)
	}
	return 4*features*19/5 + 16*n.scale*n.scale
}

func (n *compact) build(b *builder) {
	if b.options.Reference || n.as.In != 3 {
		n.published(b)
		return
	}
	x := b.input()
	h := b.normalized(x)
	last := len(n.layers) - 1
	for i, l := range n.layers[:last] {
		h = n.activate(b, b.same(h, n.signed(b, i, l)), i)
	}
	h = b.same(h, b.foldOutput(n.signed(b, last, n.layers[last]), n.scale*n.scale))
	b.output(b.denormalized(h, n.residual(b, x)), n.scale)
}

// activate adds layer i's PReLU. ONNX Runtime's blocked layout has no PRelu, so
// float32 graphs write it as
//
//	prelu(u) = u + relu((a-1)*u)      if a <= 1
//	-prelu(u) = v + relu((a-1)*v)     if a > 1, with v = -u
//
// which is a 1x1 depthwise convolution, fused with its Relu, and a sum. Signs
// are folded into the weights on both sides (see signed). The convolution is
// deliberately not fused with the sum: with free sizes ONNX Runtime would first
// copy the other addend, on one thread.
func (n *compact) activate(b *builder, u string, i int) string {
	slopes := n.slopes[i]
	if b.options.Precision == Float16 {
		return b.prelu(u, slopes)
	}
	below := layer{out: len(slopes), in: 1, kernel: 1, weight: make([]float32, len(slopes))}
	for c, a := range slopes {
		below.weight[c] = a - 1
	}
	relu := b.op("Relu", []string{b.conv(u, below, convParams{stride: 1, depthwise: true})})
	return b.op("Add", []string{u, relu})
}

// signs returns -1 for the channels of layer i that are computed negated,
// because their slope is above 1, and 1 for the others.
func (n *compact) signs(i int) []float64 {
	signs := make([]float64, len(n.slopes[i]))
	for c, a := range n.slopes[i] {
		signs[c] = 1
		if a > 1 {
			signs[c] = -1
		}
	}
	return signs
}

// signed returns layer i with the signs of its input and output channels and,
// for the first one, the graph's input folded in.
func (n *compact) signed(b *builder, i int, l layer) layer {
	if i == 0 {
		l = b.foldInput(l)
	}
	if b.options.Precision == Float16 {
		return l
	}
	if i > 0 {
		l = l.scaledInputs(n.signs(i - 1))
	}
	if i < len(n.slopes) {
		l = l.scaledOutputs(n.signs(i))
	}
	return l
}

// residual adds the upsampled input in the channel order of the last layer,
// which repeats each pixel scale*scale times.
func (n *compact) residual(b *builder, x string) string {
	x = b.crop(x, len(n.layers))
	channels, area := b.options.Channels, n.scale*n.scale
	if b.options.Precision == Float16 {
		copies := make([]string, area)
		for i := range copies {
			copies[i] = x
		}
		return b.concat(1, copies...)
	}
	// ONNX Runtime fuses a 1x1 convolution of ones with the sum.
	ones := layer{out: channels * area, in: channels, kernel: 1}
	ones.weight = make([]float32, ones.out*ones.in)
	for o := range ones.out {
		ones.weight[o*channels+o%channels] = 1
	}
	return b.conv(x, ones, convParams{stride: 1})
}

// crop drops n pixels on every side that is not a border.
func (b *builder) crop(x string, n int) string {
	if b.options.Borders == AllBorders {
		return x
	}
	whole := b.pads(n)
	starts := []int64{int64(n) - whole[0], int64(n) - whole[1]}
	ends := make([]int64, 2)
	for i := range ends {
		const farEnd = 1 << 31
		if ends[i] = whole[2+i] - int64(n); ends[i] == 0 {
			ends[i] = farEnd
		}
	}
	return b.op("Slice", []string{x, b.ints(starts...), b.ints(ends...), b.ints(2, 3)})
}

func (b *builder) prelu(u string, slopes []float32) string {
	return b.op("PRelu", []string{u, b.floats(slopes, int64(len(slopes)), 1, 1)})
}

// published writes the published operators one to one.
func (n *compact) published(b *builder) {
	x, color := b.imageInput(b.bodyType(), n.as)
	h := x
	last := len(n.layers) - 1
	for i, l := range n.layers {
		h = b.same(h, l)
		if i < last {
			h = b.prelu(h, n.slopes[i])
		}
	}
	x = b.crop(x, len(n.layers))
	if n.scale > 1 {
		h = b.op("DepthToSpace", []string{h},
			onnx.Int("blocksize", int64(n.scale)), onnx.String("mode", "CRD"))
		x = b.nearest(x, n.scale)
	}
	b.imageOutput(b.op("Add", []string{h, x}), b.bodyType(), n.as, color)
}
