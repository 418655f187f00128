package network

import (
	"fmt"

	"upscaled/models/onnx"
)

// upcunet is the model of Real-CUGAN and of waifu2x's cunet: a small U-Net that
// upscales the image, and a deeper one whose result is added to the first one's.
// Convolutions do not pad, so the image is extended by reflection first.
type upcunet struct {
	unets [2]cunet
	// final is the convolution before a last pixel-shuffle by 2, whose result is
	// added to the image; nil for models without.
	final *layer
	// pro is set for models that compute with values of 0.15 to 0.85.
	pro bool
	// unshuffle is the side of the squares of pixels that become channels first.
	unshuffle int
}

// cunet is a U-Net and two convolutions, of which the last may be transposed.
type cunet struct {
	level        cunetLevel
	last, bottom layer
	// scale is output side / input side, 1 if bottom is an ordinary convolution.
	scale int
}

// cunetLevel computes at one size; inner, unless nil, at half of it.
type cunetLevel struct {
	convs    cunetConv
	down, up layer
	inner    *cunetLevel
	crop     int // pixels of each side that inner lacks
	after    *cunetConv
}

type cunetConv struct {
	first, second layer
	squeeze       *channelAttention
}

// cunetSlope is the slope of every LeakyReLU of Real-CUGAN and waifu2x.
const cunetSlope = 0.1

func readUpcunet(r *reader) model {
	n := &upcunet{unshuffle: 1}
	_, n.pro = r.optional("pro", 1)
	n.unets[0] = readCunet(r, "unet1.", 0, false)
	in := n.unets[0].level.convs.first.in
	n.unets[1] = readCunet(r, "unet2.", n.unets[0].bottom.out, true)
	out := n.unets[1].bottom.out
	if r.has("conv_final.weight") {
		final := r.conv("conv_final", 12, out, 3)
		n.final, out = &final, final.out/4
		if in == 12 {
			n.unshuffle = 2
		}
	}
	if r.err == nil && (in != 3*n.unshuffle*n.unshuffle || out != 3 || n.unets[1].bottom.out != n.unets[0].bottom.out || n.unets[1].scale != 1) {
		checkUnshuffle(r, "unet1.conv1.conv.0", 0, 1, 1)
	}
	return n
}

// readCunet takes a U-Net of in channels, 0 for any.
func readCunet(r *reader, name string, in int, deep bool) cunet {
	u := cunet{level: cunetLevel{convs: readCunetConv(r, name+"conv1", in), crop: 4}, scale: 1}
	level, last := &u.level, "conv3"
	if deep {
		level.crop, last = 16, "conv5"
	}
	features := level.convs.second.out
	level.down = r.conv(name+"conv1_down", features, features, 2)
	level.inner = &cunetLevel{convs: readCunetConv(r, name+"conv2", features), crop: 4}
	up := "conv2_up"
	if inside := level.inner; deep {
		wide := inside.convs.second.out
		inside.down = r.conv(name+"conv2_down", wide, wide, 2)
		inside.inner = &cunetLevel{convs: readCunetConv(r, name+"conv3", wide)}
		inside.up = r.transposed(name+"conv3_up", wide, inside.inner.convs.second.out, 2)
		after := readCunetConv(r, name+"conv4", wide)
		inside.after, up = &after, "conv4_up"
	}
	inner := level.inner.convs
	if level.inner.after != nil {
		inner = *level.inner.after
	}
	level.up = r.transposed(name+up, features, inner.second.out, 2)
	u.last = r.conv(name+last, features, features, 3)
	switch weight := r.tensors[name+"conv_bottom.weight"]; {
	case len(weight.Shape) == 4 && weight.Shape[2] == 4:
		u.bottom, u.scale = r.transposed(name+"conv_bottom", 0, features, 4), 2
	case len(weight.Shape) == 4 && weight.Shape[2] == 5:
		u.bottom, u.scale = r.transposed(name+"conv_bottom", 0, features, 5), 3
	default:
		u.bottom = r.conv(name+"conv_bottom", 0, features, 3)
	}
	return u
}

func readCunetConv(r *reader, name string, in int) cunetConv {
	c := cunetConv{first: r.conv(name+".conv.0", 0, in, 3)}
	c.second = r.conv(name+".conv.2", 0, c.first.out, 3)
	if r.has(name + ".seblock.conv1.weight") {
		squeeze := readChannelAttention(r, name+".seblock.conv1", name+".seblock.conv2", c.second.out)
		c.squeeze = &squeeze
	}
	return c
}

// transposed takes a transposed convolution, whose weight is [in, out, kernel,
// kernel]; out may be 0 for any.
func (r *reader) transposed(name string, out, in, kernel int) layer {
	weight := r.take(name+".weight", in, out, kernel, kernel)
	if r.err != nil {
		return layer{}
	}
	bias := r.take(name+".bias", weight.Shape[1])
	return layer{out: weight.Shape[1], in: in, kernel: kernel, weight: weight.Data, bias: bias.Data}
}

// margin returns how many pixels of each side the U-Nets take away, in those of their
// input.
func (n *upcunet) margin() int {
	scale := n.unets[0].scale
	lost := [...]int{1: 8, 2: 16, 3: 22}[scale] + 20
	if n.final != nil {
		lost += 2
	}
	return lost / scale
}

// multiple returns the number that must divide the U-Nets' input.
func (n *upcunet) multiple() int {
	if n.unets[0].scale == 2 {
		return 2
	}
	return 4
}

func (n *upcunet) scale() int {
	if n.final != nil {
		return 2 * n.unets[0].scale / n.unshuffle
	}
	return n.unets[0].scale
}

func (n *upcunet) info() Info {
	squared := float64(n.unshuffle * n.unshuffle)
	area := float64(n.unets[0].scale*n.unets[0].scale) / squared
	flops := n.unets[0].flops()/squared + area*n.unets[1].flops()
	if n.final != nil {
		flops += area * n.final.flops()
	}
	pro := ""
	if n.pro {
		pro = ", pro"
	}
	return Info{
		Architecture: UpCunet, Scale: n.scale(), Multiple: 1,
		Grid: n.multiple() * n.unshuffle, Least: (n.margin() + n.multiple()) * n.unshuffle,
		FlopsPerPixel: flops,
		BytesPerPixel: int(4*6*64*area) + 64*n.scale()*n.scale(),
		Description:   fmt.Sprintf("UpCunet %dx (Real-CUGAN, waifu2x)%s", n.scale(), pro),
	}
}

func (u cunet) flops() float64 {
	return u.level.flops() + u.last.flops() + u.bottom.flops()
}

func (l *cunetLevel) flops() float64 {
	if l == nil {
		return 0
	}
	sum := l.convs.first.flops() + l.convs.second.flops() + (l.down.flops()+l.up.flops()+l.inner.flops())/4
	if l.after != nil {
		sum += l.after.first.flops() + l.after.second.flops()
	}
	return sum
}

func (n *upcunet) build(b *builder) {
	image := b.rgbInput(onnx.Float32, zeroToOne)
	if n.pro {
		image = b.op("Add", []string{b.op("Mul", []string{image, b.float(0.7)}), b.float(0.15)})
	}
	x, size := reflected(b, image, n.margin()*n.unshuffle, n.multiple()*n.unshuffle, n.scale())
	x = pixelUnshuffle(b, bodyOf(b, x), 3, n.unshuffle)
	h := n.unets[0].build(b, x)
	h = b.op("Add", []string{n.unets[1].build(b, h), cropped(b, h, 20)})
	if n.final != nil {
		h = pixelShuffle(b, cropped(b, b.conv(h, *n.final, convParams{stride: 1}), 1), 2)
	}
	h = b.op("Slice", []string{h, b.ints(0, 0), size, b.ints(2, 3)})
	if b.bodyType() != onnx.Float32 {
		h = b.cast(h, onnx.Float32)
	}
	if n.final != nil {
		h = b.op("Add", []string{h, b.nearest(image, n.scale())})
	}
	if n.pro {
		h = b.op("Div", []string{b.op("Sub", []string{h, b.float(0.15)}), b.float(0.7)})
	}
	b.rgbOutput(h, onnx.Float32, zeroToOne)
}

func (u cunet) build(b *builder, x string) string {
	h := leakyBy(b, b.conv(u.level.build(b, x), u.last, convParams{stride: 1}), cunetSlope)
	switch u.scale {
	case 2:
		return transposedConv(b, h, u.bottom, 2, 3)
	case 3:
		return transposedConv(b, h, u.bottom, 3, 2)
	}
	return b.conv(h, u.bottom, convParams{stride: 1})
}

func (l *cunetLevel) build(b *builder, x string) string {
	h := l.convs.build(b, x)
	if l.inner == nil {
		return h
	}
	y := l.inner.build(b, leakyBy(b, b.conv(h, l.down, convParams{stride: 2}), cunetSlope))
	y = leakyBy(b, transposedConv(b, y, l.up, 2, 0), cunetSlope)
	h = b.op("Add", []string{cropped(b, h, l.crop), y})
	if l.after != nil {
		h = l.after.build(b, h)
	}
	return h
}

func (c cunetConv) build(b *builder, x string) string {
	for _, l := range []layer{c.first, c.second} {
		x = leakyBy(b, b.conv(x, l, convParams{stride: 1}), cunetSlope)
	}
	if c.squeeze != nil {
		x = c.squeeze.build(b, x)
	}
	return x
}
