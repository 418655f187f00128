package network

import (
	"fmt"

	"upscaled/models/onnx"
)

// Constants of the published architecture (BasicSR, rrdbnet_arch.py).
const (
	// rrdbSlope is the slope of every LeakyReLU.
	rrdbSlope = 0.2
	// rrdbShare scales each block's output before its input is added.
	rrdbShare = 0.2
	// A residual block has denseBlocks dense blocks of denseLayers layers.
	denseBlocks, denseLayers = 3, 5
)

// residual is RRDBNet: blocks of three dense blocks between a head and a tail.
// Those of ESRGAN+ (arXiv 2001.08073) have second paths. The image goes through a pixel-unshuffle by fold (1, 2 or 4) before the first
// layer and is upsampled by 2 len(ups) times in the tail.
type residual struct {
	first, body layer
	blocks      [][denseBlocks][denseLayers]layer
	// plus holds the second paths of each dense block; it is empty but for ESRGAN+.
	plus       [][denseBlocks]layer
	ups        []layer
	high, last layer
	fold       int
	// as states the channels: gray and RGBA are converted around the model as published.
	as Convention
}

func (n *residual) info() Info {
	scale := (1 << len(n.ups)) / n.fold
	kind := n.as.kind()
	if n.plus != nil {
		kind += ", ESRGAN+"
	}
	return Info{
		Architecture:  RRDBNet,
		Scale:         scale,
		Radius:        reach(len(n.ups), n.fold, 2+len(n.blocks)*denseBlocks*denseLayers, 2),
		Multiple:      n.fold,
		FlopsPerPixel: n.flops(),
		BytesPerPixel: n.bytes(),
		Description: fmt.Sprintf("RRDBNet %dx, %d blocks, %d features%s",
			scale, len(n.blocks), n.first.out, kind),
	}
}

// flops counts the published layers, per pixel of the image.
func (n *residual) flops() float64 {
	sum := n.first.flops() + n.body.flops()
	for i, block := range n.blocks {
		for k, dense := range block {
			for _, l := range dense {
				sum += l.flops()
			}
			if n.plus != nil {
				sum += n.plus[i][k].flops()
			}
		}
	}
	area := 1.0
	for _, l := range n.ups {
		area *= 4
		sum += area * l.flops()
	}
	sum += area * (n.high.flops() + n.last.flops())
	return sum / float64(n.fold*n.fold)
}

// reach traces one output pixel of every phase back through tail layers at full size,
// one before each of ups upsamplings by 2, and depth before those, behind a
// pixel-unshuffle by fold.
func reach(ups, fold, depth, tail int) int {
	size, farthest := 1<<ups, 0
	for phase := range size {
		low, high := phase-tail, phase+tail
		for range ups {
			low, high = floorHalf(low-1), floorHalf(high+1)
		}
		low, high = (low-depth)*fold, (high+depth)*fold+fold-1
		pixel := phase * fold / size
		farthest = max(farthest, pixel-low, high-pixel)
	}
	return farthest
}

func floorHalf(n int) int { return n >> 1 }

// bytes follows measurements on ONNX Runtime 1.30 with arena and without memory
// pattern: 8,300 to 15,900 bytes a pixel at 64 features and 4x. These are three
// tensors of all features at full size and the arena's rounding. Without
// upsampling the dense blocks need more: two tensors of the fifth layer's input.
func (n *residual) bytes() int {
	area := 1 << (2 * len(n.ups))
	most := 4 * n.first.out * area * 39 / 10
	for _, block := range n.blocks {
		for _, dense := range block {
			most = max(most, 4*(2*dense[denseLayers-1].in+3*n.first.out))
		}
	}
	return most / (n.fold * n.fold)
}

func (n *residual) build(b *builder) {
	var h, color string
	first := n.first
	reference := b.options.Reference
	asPublished := reference || n.as.In != 3
	if asPublished {
		h, color, first = n.unshuffled(b)
		h = b.same(h, first)
	} else {
		h = b.normalized(b.input())
		if n.fold > 1 {
			first = first.unfolded(n.fold)
		}
		h = b.conv(h, b.foldInput(first), convParams{stride: n.fold, pad: n.fold})
	}
	trunk := h
	for i, block := range n.blocks {
		var plus [denseBlocks]layer
		if n.plus != nil {
			plus = n.plus[i]
		}
		if reference {
			h = referenceBlock(b, h, block, plus)
		} else {
			h = scaledBlock(b, h, block, plus)
		}
	}
	h = n.upsampled(b, h, trunk)
	switch {
	case asPublished:
		b.imageOutput(b.same(h, n.last), b.bodyType(), n.as, color)
	case len(n.ups) == 0:
		b.output(b.denormalized(b.same(h, b.foldOutput(n.last, 1)), ""), 1)
	default:
		last := b.foldOutput(n.last, 1).inPhases()
		b.output(b.denormalized(b.conv(h, last, convParams{stride: 2, pad: 1}), ""), 2)
	}
}

// upsampled adds all between the blocks and the last layer.
func (n *residual) upsampled(b *builder, h, trunk string) string {
	h = b.op("Add", []string{b.same(h, n.body), trunk})
	for _, up := range n.ups {
		h = b.leaky(b.same(b.nearest(h, 2), up))
	}
	return b.leaky(b.same(h, n.high))
}

// dense adds the first four layers of a dense block and returns the input of the
// fifth. plus, unless empty, maps x to an addend of the second layer, whose sum is added
// to the fourth.
func dense(b *builder, x string, layers [denseLayers]layer, plus layer) string {
	seen, second := x, ""
	for i, l := range layers[:denseLayers-1] {
		y := b.leaky(b.same(seen, l))
		switch {
		case plus.out == 0:
		case i == 1:
			y = b.op("Add", []string{y, b.same(x, plus)})
			second = y
		case i == 3:
			y = b.op("Add", []string{y, second})
		}
		seen = b.concat(1, seen, y)
	}
	return seen
}

// referenceBlock writes a residual block as published.
func referenceBlock(b *builder, x string, block [denseBlocks][denseLayers]layer, plus [denseBlocks]layer) string {
	share := func(y, x string) string {
		factor := b.floats([]float32{rrdbShare})
		return b.op("Add", []string{b.op("Mul", []string{y, factor}), x})
	}
	h := x
	for i, layers := range block {
		h = share(b.same(dense(b, h, layers, plus[i]), layers[denseLayers-1]), h)
	}
	return share(h, x)
}

// scaledBlock writes the same with rrdbShare folded into the weights of each
// fifth layer, because a Mul leaves ONNX Runtime's blocked layout. The fifth
// layer sees the block's input among its own, so in float32 adding it is one tap
// of the kernel and only the outer sum is left. Float16 keeps the sums: the
// products would lose too much of the input.
func scaledBlock(b *builder, x string, block [denseBlocks][denseLayers]layer, plus [denseBlocks]layer) string {
	h := x
	for i, layers := range block {
		fifth := layers[denseLayers-1].scaled(rrdbShare)
		if b.options.Precision != Float16 {
			fifth = fifth.plusIdentity(1)
		}
		outer := i == denseBlocks-1
		if outer && b.options.Precision != Float16 {
			fifth = fifth.scaled(rrdbShare)
		}
		y := b.same(dense(b, h, layers, plus[i]), fifth)
		if b.options.Precision == Float16 {
			y = b.op("Add", []string{y, h})
			if outer {
				y = b.op("Mul", []string{y, b.floats([]float32{rrdbShare})})
			}
		}
		if outer {
			y = b.op("Add", []string{y, x})
		}
		h = y
	}
	return h
}

// unshuffled adds the pixel-unshuffle as published and returns the first layer
// that fits it: ONNX orders the channels (y, x, color), torch (color, y, x).
func (n *residual) unshuffled(b *builder) (x, chroma string, l layer) {
	x, chroma = b.imageInput(b.bodyType(), n.as)
	if n.fold == 1 {
		return x, chroma, n.first
	}
	area := n.fold * n.fold
	l = n.first
	l.weight = make([]float32, len(n.first.weight))
	taps := l.kernel * l.kernel
	for i, w := range n.first.weight {
		tap, channel, o := i%taps, i/taps%l.in, i/taps/l.in
		color, position := channel/area, channel%area
		l.weight[(o*l.in+position*n.as.In+color)*taps+tap] = w
	}
	return b.op("SpaceToDepth", []string{x}, onnx.Int("blocksize", int64(n.fold))), chroma, l
}
