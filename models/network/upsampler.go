package network

import (
	"fmt"

	"upscaled/models/fault"
)

// convChain is one convolution or three with LeakyReLUs of 0.2 between them.
type convChain []layer

func readConvChain(r *reader, name string, features int) convChain {
	if !r.has(name + ".0.weight") {
		return convChain{r.conv(name, features, features, 3)}
	}
	first := r.conv(name+".0", 0, features, 3)
	middle := r.conv(name+".2", 0, first.out, 1)
	return convChain{first, middle, r.conv(name+".4", features, middle.out, 3)}
}

func (c convChain) build(b *builder, x string) string {
	for i, l := range c {
		if i > 0 {
			x = leakyBy(b, x, 0.2)
		}
		x = b.same(x, l)
	}
	return x
}

func (c convChain) flops() (sum float64) {
	for _, l := range c {
		sum += l.flops()
	}
	return sum
}

// upsampler is the end that transformers share, in one of four forms: convolutions
// and pixel-shuffles, a single one ("direct"), nearest-neighbor upsampling and
// convolutions, or a convolution whose result is added to the image.
type upsampler struct {
	scale    int
	residual bool
	before   *layer // nil for the direct form and the residual one
	shuffled []layer
	nearest  []layer
	high     *layer
	last     *layer // nil for the direct form
}

func readUpsampler(r *reader, features int) upsampler {
	u := upsampler{scale: 1}
	take := func(name string, out, in int) *layer {
		l := r.conv(name, out, in, 3)
		return &l
	}
	switch {
	case r.has("conv_up1.weight"):
		u.before = take("conv_before_upsample.0", 0, features)
		inner := u.before.out
		for i := range 3 {
			if name := fmt.Sprintf("conv_up%d", i+1); r.has(name + ".weight") {
				u.nearest, u.scale = append(u.nearest, r.conv(name, inner, inner, 3)), 2*u.scale
			}
		}
		u.high, u.last = take("conv_hr", inner, inner), take("conv_last", 3, inner)
	case r.has("conv_before_upsample.0.weight"):
		u.before = take("conv_before_upsample.0", 0, features)
		inner := u.before.out
		for i := 0; i < 10 && r.has(fmt.Sprintf("upsample.%d.weight", i)); i += 2 {
			l := readShuffled(r, fmt.Sprintf("upsample.%d", i), inner)
			u.shuffled, u.scale = append(u.shuffled, l), u.scale*shuffleOf(l)
		}
		u.last = take("conv_last", 3, inner)
	case r.has("upsample.0.weight"):
		l := r.conv("upsample.0", 0, features, 3)
		if u.shuffled = []layer{l}; r.err == nil {
			u.scale = r.shuffle("upsample.0", l.out, 3)
		}
	default:
		u.residual, u.last = true, take("conv_last", 3, features)
	}
	return u
}

// readShuffled takes a layer before a pixel-shuffle by 2 or 3 that keeps its channels.
func readShuffled(r *reader, name string, features int) layer {
	l := r.conv(name, 0, features, 3)
	if r.err == nil && l.out != 4*features && l.out != 9*features {
		r.fail(fault.Invalid, "The layer %s has %d output channels, which match no scale of %d.", name, l.out, features)
	}
	return l
}

// checkUnshuffle rejects first layers that are not of an unshuffled RGB image, and
// models that make images smaller.
func checkUnshuffle(r *reader, name string, in, unshuffle, scale int) {
	switch {
	case r.err != nil:
	case in != 3*unshuffle*unshuffle:
		r.fail(fault.Unsupported, "The first layer, %s, has %d input channels; only RGB images are supported.", name, in)
	case scale%unshuffle != 0:
		r.fail(fault.Unsupported, "The model upscales images %d times after making them %d times smaller.", scale, unshuffle)
	}
}

// shuffleOf returns the scale of the pixel-shuffle behind a layer that keeps its
// channels.
func shuffleOf(l layer) int {
	if l.out == 9*l.in {
		return 3
	}
	return 2
}

func (u upsampler) build(b *builder, x string) string {
	if u.before != nil {
		x = leakyBy(b, b.same(x, *u.before), 0.01)
	}
	for _, l := range u.shuffled {
		r := u.scale
		if u.last != nil {
			r = shuffleOf(l)
		}
		x = pixelShuffle(b, b.same(x, l), r)
	}
	for _, l := range u.nearest {
		x = leakyBy(b, b.same(b.nearest(x, 2), l), 0.2)
	}
	if u.high != nil {
		x = leakyBy(b, b.same(x, *u.high), 0.2)
	}
	if u.last != nil {
		x = b.same(x, *u.last)
	}
	return x
}

// flops counts operations per input position.
func (u upsampler) flops() float64 {
	sum, area := 0.0, 1.0
	if u.before != nil {
		sum += u.before.flops()
	}
	for _, l := range u.shuffled {
		sum += area * l.flops()
		area *= float64(shuffleOf(l) * shuffleOf(l))
	}
	for _, l := range u.nearest {
		area *= 4
		sum += area * l.flops()
	}
	for _, l := range []*layer{u.high, u.last} {
		if l != nil {
			sum += area * l.flops()
		}
	}
	return sum
}

// bytes estimates the memory per input position at full size.
func (u upsampler) bytes() int {
	features := 3
	if u.before != nil {
		features = u.before.out
	}
	return 4 * 2 * features * u.scale * u.scale
}
