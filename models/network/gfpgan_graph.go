package network

import "upscaled/models/onnx"

// Constants of the published layers.
const (
	// demodulationBias keeps a layer whose weights are all 0 finite.
	demodulationBias = 1e-8
	// styledGain is the square of the factor (root of 2) that follows every
	// demodulated layer.
	styledGain = 2
)

func (n *gfpgan) build(b *builder) {
	x := b.rgbInput(b.bodyType(), minusOneToOne)
	latents, transforms := n.unet.build(b, x)
	b.rgbOutput(n.generator.build(b, latents, transforms), onnx.Float32, minusOneToOne)
}

// transform is the spatial feature transform of one size of the generator: its
// features times scale plus shift.
type transform struct {
	scale, shift string
	channels     int
}

// build adds the U-Net and returns the latents, in float32 and of [1, features]
// each, and the transform of each size.
func (n unet) build(b *builder, x string) (latents []string, transforms []transform) {
	h := b.leaky(b.same(x, n.first))
	var skips []string
	for _, r := range n.down {
		h = r.downsample(b, h)
		skips = append(skips, h)
	}
	h = b.leaky(b.same(h, n.final))
	code := b.linear(b.op("Flatten", []string{h}), n.code, b.bodyType())
	if b.options.Precision == Float16 {
		code = b.cast(code, onnx.Float32)
	}
	count := 2*len(n.down) + 2
	latents = b.split(code, 1, count, n.code.out/count)
	for i, r := range n.up {
		h = b.op("Add", []string{h, skips[len(skips)-1-i]})
		h = r.upsample(b, h)
		transforms = append(transforms, transform{n.scale[i].build(b, h), n.shift[i].build(b, h), n.scale[i][1].out})
	}
	return latents, transforms
}

// downsample halves the sides with the mean of 2x2 pixels, which is what bilinear
// interpolation without antialiasing computes at this scale.
func (r resBlock) downsample(b *builder, x string) string {
	half := func(x string) string {
		return b.op("AveragePool", []string{x}, onnx.Ints("kernel_shape", 2, 2), onnx.Ints("strides", 2, 2))
	}
	h := half(b.leaky(b.same(x, r.before)))
	h = b.leaky(b.same(h, r.after))
	return b.op("Add", []string{h, b.same(half(x), r.skip)})
}

// upsample runs the skip before doubling, for a quarter of the work: mixing
// channels and interpolating pixels commute.
func (r resBlock) upsample(b *builder, x string) string {
	h := b.bilinear(b.leaky(b.same(x, r.before)))
	h = b.leaky(b.same(h, r.after))
	skip := ""
	if b.options.Reference {
		skip = b.same(b.bilinear(x), r.skip)
	} else {
		skip = b.bilinear(b.same(x, r.skip))
	}
	return b.op("Add", []string{h, skip})
}

func (c condition) build(b *builder, x string) string {
	return b.same(b.leaky(b.same(x, c[0])), c[1])
}

// build adds the generator and returns its image, about -1..1, in float32
// whatever the precision.
func (g generator) build(b *builder, latents []string, transforms []transform) string {
	dims := g.constant.Shape
	h := b.floats(g.constant.Data, 1, int64(dims[1]), int64(dims[2]), int64(dims[3]))
	h = g.styleConvs[0].build(b, h, latents[0], false)
	image := g.toRGB[0].build(b, h, latents[1], modulation{precise: true})
	for i, t := range transforms {
		h = g.styleConvs[2*i+1].build(b, h, latents[2*i+1], true)
		h = t.build(b, h, g.styleConvs[2*i+1].conv.out)
		h = g.styleConvs[2*i+2].build(b, h, latents[2*i+2], false)
		color := g.toRGB[i+1].build(b, h, latents[2*i+3], modulation{precise: true})
		image = b.op("Add", []string{b.bilinear(image), color})
	}
	return image
}

// build transforms all features, or the second half of them.
func (t transform) build(b *builder, h string, features int) string {
	apply := func(h string) string {
		return b.op("Add", []string{b.op("Mul", []string{h, t.scale}), t.shift})
	}
	if t.channels == features {
		return apply(h)
	}
	halves := b.split(h, 1, 2, t.channels)
	return b.concat(1, halves[0], apply(halves[1]))
}

func (s styled) build(b *builder, h, latent string, upsample bool) string {
	h = s.modulated.build(b, h, latent, modulation{demodulate: true, upsample: upsample})
	side := int64(s.side)
	return b.leaky(b.op("Add", []string{h, b.floats(s.noise, 1, 1, side, side)}))
}

// bilinear doubles the sides of x.
func (g *graph) bilinear(x string) string {
	scales := g.constant(onnx.Tensor{Type: onnx.Float32, Dims: []int64{4}, Floats: []float32{1, 1, 2, 2}})
	return g.op("Resize", []string{x, "", scales},
		onnx.String("mode", "linear"),
		onnx.String("coordinate_transformation_mode", "half_pixel"))
}

// linear adds a fully connected layer on x, [1, in].
func (g *graph) linear(x string, l linear, t onnx.ElemType) string {
	weight := g.typed(t, l.weight, int64(l.out), int64(l.in))
	return g.op("Gemm", []string{x, weight, g.typed(t, l.bias, int64(l.out))}, onnx.Int("transB", 1))
}

// split cuts x into count parts of the given size along an axis.
func (g *graph) split(x string, axis int64, count, size int) []string {
	sizes, parts := make([]int64, count), make([]string, count)
	for i := range parts {
		sizes[i], parts[i] = int64(size), g.name("part")
	}
	g.nodes = append(g.nodes, onnx.Node{
		Name: g.name("Split"), Op: "Split", Inputs: []string{x, g.ints(sizes...)}, Outputs: parts,
		Attributes: []onnx.Attribute{onnx.Int("axis", axis)},
	})
	return parts
}
