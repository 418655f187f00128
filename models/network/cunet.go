package network

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
