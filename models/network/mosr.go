package network

import (
	"fmt"

	"upscaled/models/onnx"
)

// mosr is MoSR (umzi, github.com/umzi2/MoSR) in both versions: gated convolutions
// between a head and an upsampler. The first version adds a small branch of its own to
// the features, the second one the interpolated image to the result.
type mosr struct {
	unshuffle int
	first     layer
	blocks    []gatedBlock
	ends      [3]layer
	beside    *[3]layer // nil in version 2
	// Of the ends, one is set.
	last   *layer
	sample *dySample
	up     *upsampler
	scale  int // of the end, before the unshuffle counts
}

func readMoSR(r *reader) model {
	n := &mosr{unshuffle: 1}
	at := 0
	if !r.has("gblocks.0.weight") {
		at = 1
	}
	head := fmt.Sprintf("gblocks.%d", at)
	n.first = r.conv(head, 0, 0, 3)
	for n.unshuffle < 4 && 3*n.unshuffle*n.unshuffle < n.first.in {
		n.unshuffle++
	}
	features := n.first.out
	for at++; at < maxLayers && r.has(fmt.Sprintf("gblocks.%d.fc1.weight", at)); at++ {
		n.blocks = append(n.blocks, readGatedBlock(r, fmt.Sprintf("gblocks.%d.", at), features))
	}
	wide := r.conv(fmt.Sprintf("gblocks.%d", at), 0, features, 3)
	n.ends = [3]layer{wide, r.conv(fmt.Sprintf("gblocks.%d", at+2), features, wide.out, 3), r.conv(fmt.Sprintf("gblocks.%d", at+4), features, features, 1)}
	end := "upsampler"
	if r.has("shortcut.conv11.weight") {
		inner := r.conv("shortcut.block.0", features, 3, 3)
		n.beside = &[3]layer{inner, r.conv("shortcut.block.2", features, features, 3), r.conv("shortcut.conv11", features, 3, 1)}
	} else {
		end = "to_img"
		r.ignore("to_img.MetaUpsample")
	}
	n.readEnd(r, end, features)
	checkUnshuffle(r, head, n.first.in, n.unshuffle, n.scale)
	return n
}

// readEnd takes one of the upsamplers.
func (n *mosr) readEnd(r *reader, name string, features int) {
	sample := name
	if n.beside == nil {
		sample = name + ".0"
	}
	switch {
	case r.has(sample + ".init_pos"):
		start := r.take(sample+".init_pos", 1, 0, 1, 1)
		for n.scale = 1; r.err == nil && 8*n.scale*n.scale < start.Shape[1]; {
			n.scale++
		}
		n.sample = readDySample(r, sample+".", features, max(n.scale, 1))
	case r.has(name + ".in_to_k.weight"):
		// Eight results are averaged, which is one convolution of averaged weights.
		l := r.conv(name+".in_to_k", 0, features, 3)
		if r.err == nil {
			n.scale = r.shuffle(name+".in_to_k", l.out/8, 3)
			l = averaged(l, 8)
		}
		n.last = &l
	case r.has(name + ".2.weight"):
		n.up = &upsampler{scale: 1}
		before := r.conv(name+".0", 0, features, 3)
		n.up.before = &before
		at := 2
		for ; at < 10 && r.has(fmt.Sprintf("%s.%d.weight", name, at+2)); at += 2 {
			l := readShuffled(r, fmt.Sprintf("%s.%d", name, at), before.out)
			n.up.shuffled, n.up.scale = append(n.up.shuffled, l), n.up.scale*shuffleOf(l)
		}
		last := r.conv(fmt.Sprintf("%s.%d", name, at), 3, before.out, 3)
		n.up.last, n.scale = &last, n.up.scale
	default:
		l := r.conv(name+".0", 0, features, 3)
		if r.err == nil {
			n.scale = r.shuffle(name+".0", l.out, 3)
		}
		n.last = &l
	}
}

func (n *mosr) info() Info {
	flops, radius := n.first.flops(), 1
	for _, block := range n.blocks {
		flops += block.gates.flops() + block.mixed.flops()
		reach := 0
		for _, t := range block.depthwise {
			flops += 2 * float64(len(t.Data))
			reach = max(reach, t.Shape[2]/2, t.Shape[3]/2)
		}
		radius += 2 + reach
	}
	for _, l := range n.ends {
		flops += l.flops()
	}
	version := "MoSR"
	if n.beside == nil {
		version = "MoSRv2"
	}
	switch {
	case n.up != nil:
		flops += n.up.flops()
	case n.last != nil:
		flops += n.last.flops()
	}
	squared := n.unshuffle * n.unshuffle
	info := Info{
		Architecture: MoSR, Scale: n.scale / n.unshuffle, Multiple: n.unshuffle,
		FlopsPerPixel: flops / float64(squared),
		BytesPerPixel: (4*n.first.out*12 + 64*n.scale*n.scale) / squared,
		Description:   fmt.Sprintf("%s %dx, %d blocks, %d features", version, n.scale/n.unshuffle, len(n.blocks), n.first.out),
	}
	// Two ends and the last convolution reach one position farther each.
	if radius += 3; n.unshuffle == 1 && n.beside != nil && n.last != nil {
		info.Radius = radius
	}
	return info
}

func (n *mosr) build(b *builder) {
	image := b.rgbInput(onnx.Float32, zeroToOne)
	x := bodyOf(b, image)
	half := b.floats([]float32{0.5})
	h := b.conv(x, n.first.unfolded(n.unshuffle), convParams{stride: n.unshuffle, pad: n.unshuffle})
	for _, block := range n.blocks {
		h = block.build(b, h, half)
	}
	h = mish(b, b.same(mish(b, b.same(h, n.ends[0])), n.ends[1]))
	h = b.same(h, n.ends[2])
	if n.beside != nil {
		y := mish(b, b.same(mish(b, b.same(x, n.beside[0])), n.beside[1]))
		y = b.op("Add", []string{y, b.same(x, n.beside[2])})
		h = b.op("Sub", []string{b.op("Add", []string{h, y}), half})
	}
	switch {
	case n.sample != nil:
		h = inFloat32(b, h, func(x string) string { return n.sample.build(b, x) })
	case n.up != nil:
		h = n.up.build(b, h)
	default:
		h = pixelShuffle(b, b.same(h, *n.last), n.scale)
	}
	if b.bodyType() != onnx.Float32 {
		h = b.cast(h, onnx.Float32)
	}
	if n.beside == nil {
		h = b.op("Add", []string{h, smooth(b, image, n.scale/n.unshuffle)})
	}
	b.rgbOutput(h, onnx.Float32, zeroToOne)
}
