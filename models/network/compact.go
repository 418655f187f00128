package network

import (
	"fmt"

	"upscaled/models/onnx"
)

// compact is SRVGGNetCompact (BasicSR, srvgg_arch.py): convolutions of 3x3
// with a PReLU behind each but the last, a pixel shuffle, and the input,
// enlarged by its nearest pixel, added at the end.
type compact struct {
	layers []layer
	// slopes has one row less than layers, one number a channel.
	slopes [][]float32
	scale  int
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
		Trims:        true,

		FlopsPerPixel: flops,
		BytesPerPixel: n.bytes(),
		Description: fmt.Sprintf("SRVGGNetCompact %dx, %d convolutions, %d features",
			n.scale, len(n.layers), n.layers[0].out),
	}
}

// bytes follows what was measured on ONNX Runtime 1.30 with arena and without
// memory pattern: 1,080 to 1,220 bytes a pixel at 64 features and 4x. That is
// three tensors of all features, the residual, and what the arena rounds up.
func (n *compact) bytes() int {
	features := 0
	for _, l := range n.layers {
		features = max(features, l.out)
	}
	return 4*features*19/5 + 16*n.scale*n.scale
}

func (n *compact) build(b *builder) {
	if b.options.Reference {
		n.straightforward(b)
		return
	}
	x := b.input()
	h := b.body(x)
	last := len(n.layers) - 1
	for i, l := range n.layers[:last] {
		h = n.activate(b, b.same(h, n.adapted(b, i, l)), i)
	}
	l := n.adapted(b, last, n.layers[last])
	area := n.scale * n.scale
	order := make([]int, area) // torch's pixel_shuffle order: colour, y, x
	for i := range order {
		order[i] = i
	}
	h = b.same(h, b.last(l, order, area))
	b.output(b.widen(h, n.residual(b, x)), n.scale)
}

// activate adds layer i's PReLU. ONNX Runtime's blocked layout has no PRelu, so
// that float32 graphs write it as
//
//	prelu(u) = u + relu((a-1)*u)      where a <= 1
//	-prelu(u) = v + relu((a-1)*v)     where a > 1, of v = -u
//
// which is a 1x1 depthwise convolution, fused with its Relu, and a sum. Signs
// are left to the weights on both sides (adapted). The convolution is kept
// from being fused with the sum, as ONNX Runtime copies the other addend first
// where it does not know sizes beforehand, on one thread.
func (n *compact) activate(b *builder, u string, i int) string {
	slopes := n.slopes[i]
	if b.options.Precision == Float16 {
		return b.prelu(u, slopes)
	}
	bend := layer{out: len(slopes), in: 1, kernel: 1, weight: make([]float32, len(slopes))}
	for c, a := range slopes {
		bend.weight[c] = a - 1
	}
	below := b.op("Relu", []string{b.conv(u, bend, place{stride: 1, each: true})})
	return b.op("Add", []string{u, below})
}

// signs are -1 for the channels of layer i that are computed negated, since
// their slope is above 1, and else 1.
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

// adapted is layer i with the negated channels on both of its sides.
func (n *compact) adapted(b *builder, i int, l layer) layer {
	if i == 0 {
		l = b.first(l)
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

// residual adds the enlarged input, in the channel order of the last layer:
// each position of the scale x scale block holds the pixel itself.
func (n *compact) residual(b *builder, x string) string {
	x = b.cropped(x, len(n.layers))
	channels, area := b.options.Channels, n.scale*n.scale
	if b.options.Precision == Float16 {
		copies := make([]string, area)
		for i := range copies {
			copies[i] = x
		}
		return b.concat(1, copies...)
	}
	// A 1x1 convolution of ones is fused with the sum by ONNX Runtime.
	ones := layer{out: channels * area, in: channels, kernel: 1}
	ones.weight = make([]float32, ones.out*ones.in)
	for o := range ones.out {
		ones.weight[o*channels+o%channels] = 1
	}
	return b.conv(x, ones, place{stride: 1})
}

// cropped drops n pixels on every side that is no border.
func (b *builder) cropped(x string, n int) string {
	if b.options.Borders == AllBorders {
		return x
	}
	whole := b.pads(n) // what the borders keep
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

// straightforward writes the published operators one to one.
func (n *compact) straightforward(b *builder) {
	x := b.plainInput(b.bodyType(), fromZero)
	h := x
	last := len(n.layers) - 1
	for i, l := range n.layers {
		h = b.same(h, l)
		if i < last {
			h = b.prelu(h, n.slopes[i])
		}
	}
	x = b.cropped(x, len(n.layers))
	if n.scale > 1 {
		h = b.op("DepthToSpace", []string{h},
			onnx.Int("blocksize", int64(n.scale)), onnx.String("mode", "CRD"))
		x = b.enlarge(x, n.scale)
	}
	b.plainOutput(b.op("Add", []string{h, x}), b.bodyType(), fromZero)
}
