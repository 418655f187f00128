package network

import (
	"math"

	"upscaled/models/onnx"
)

// modulation selects a variant of a modulated convolution.
type modulation struct {
	// demodulate divides each output channel by the norm of its modulated
	// weights and multiplies it by the root of styledGain.
	demodulate bool
	// upsample doubles the sides first.
	upsample bool
	// precise makes the output float32 whatever the precision.
	precise bool
}

// build adds the convolution and its bias. The published form multiplies the
// weights by the style; here the input channels are multiplied instead, so that
// the weights stay constants that ONNX Runtime can lay out in advance:
//
//	conv(W*s, x) / |W*s|  =  conv(W, s*x) * d,  d = 1 / sqrt(sum(s² * W²) + eps)
//
// The style and d are float32. With float16 weights the style is divided by its
// maximum and each filter by its norm, so that no sum of products overflows
// float16; both are multiplied back with d.
func (m modulated) build(b *builder, x, latent string, variant modulation) string {
	style := b.linear(latent, m.style, onnx.Float32)
	if b.options.Reference {
		return m.reference(b, x, style, variant)
	}
	conv, factor := m.conv, ""
	if variant.demodulate {
		factor = m.demodulation(b, style)
	}
	if b.options.Precision == Float16 {
		// The style's maximum, or 1e-6 if the style is all zeros.
		most := b.op("Max", []string{
			b.op("ReduceMax", []string{b.op("Abs", []string{style})}, onnx.Ints("axes", 1)), b.float(1e-6),
		})
		style = b.op("Div", []string{style, most})
		norms := conv.norms()
		conv = conv.normalized(norms)
		most = b.op("Mul", []string{most, b.typed(onnx.Float32, norms, 1, int64(conv.out))})
		if factor == "" {
			factor = most
		} else {
			factor = b.op("Mul", []string{factor, most})
		}
	}
	x = b.op("Mul", []string{x, b.perChannel(style, b.bodyType())})
	if variant.upsample {
		// After the multiplication, which has a quarter of the pixels here.
		x = b.bilinear(x)
	}
	if factor == "" {
		return b.same(x, conv)
	}
	t, bias := b.bodyType(), conv.bias
	conv.bias = nil
	y := b.same(x, conv)
	if variant.precise && t != onnx.Float32 {
		t = onnx.Float32
		y = b.cast(y, t)
	}
	y = b.op("Mul", []string{y, b.perChannel(factor, t)})
	return b.op("Add", []string{y, b.typed(t, bias, 1, int64(conv.out), 1, 1)})
}

// demodulation adds d times the root of styledGain, [1, out] in float32.
func (m modulated) demodulation(b *builder, style string) string {
	squares := m.conv.squares()
	for i := range squares {
		squares[i] /= styledGain
	}
	sum := b.op("Gemm", []string{
		b.op("Mul", []string{style, style}),
		b.typed(onnx.Float32, squares, int64(m.conv.out), int64(m.conv.in)),
		b.typed(onnx.Float32, []float32{demodulationBias / styledGain}, 1),
	}, onnx.Int("transB", 1))
	return b.op("Reciprocal", []string{b.op("Sqrt", []string{sum})})
}

// reference writes the published operators one to one; weights are multiplied
// in float32.
func (m modulated) reference(b *builder, x, style string, variant modulation) string {
	out, in, side := int64(m.conv.out), int64(m.conv.in), int64(m.conv.kernel)
	weight := b.op("Mul", []string{
		b.typed(onnx.Float32, m.conv.weight, out, in, side, side), b.perChannel(style, onnx.Float32),
	})
	if variant.demodulate {
		sum := b.op("ReduceSumSquare", []string{weight}, onnx.Ints("axes", 1, 2, 3))
		sum = b.op("Add", []string{sum, b.float(demodulationBias)})
		weight = b.op("Div", []string{weight, b.op("Sqrt", []string{sum})})
	}
	t := b.bodyType()
	if t != onnx.Float32 {
		weight = b.cast(weight, t)
	}
	if variant.upsample {
		x = b.bilinear(x)
	}
	y := b.op("Conv", []string{x, weight},
		onnx.Ints("kernel_shape", side, side), onnx.Ints("pads", b.pads(m.conv.kernel/2)...))
	if variant.precise && t != onnx.Float32 {
		t = onnx.Float32
		y = b.cast(y, t)
	}
	if variant.demodulate {
		y = b.op("Mul", []string{y, b.typed(t, []float32{math.Sqrt2})})
	}
	return b.op("Add", []string{y, b.typed(t, m.conv.bias, 1, out, 1, 1)})
}

// perChannel reshapes x, [1, channels] in float32, to scale images of element
// type t.
func (g *graph) perChannel(x string, t onnx.ElemType) string {
	if t != onnx.Float32 {
		x = g.cast(x, t)
	}
	return g.reshape(x, 1, -1, 1, 1)
}

// squares returns the sum of squares of each kernel: [out, in].
func (l layer) squares() []float32 {
	sums := make([]float32, l.out*l.in)
	area := l.kernel * l.kernel
	for i := range sums {
		var sum float64
		for _, w := range l.weight[i*area:][:area] {
			sum += float64(w) * float64(w)
		}
		sums[i] = float32(sum)
	}
	return sums
}

// norms returns the norm of each output channel's filter; 1 for a filter of
// zeros.
func (l layer) norms() []float32 {
	norms := make([]float32, l.out)
	size := len(l.weight) / l.out
	for o := range norms {
		var sum float64
		for _, w := range l.weight[o*size:][:size] {
			sum += float64(w) * float64(w)
		}
		if norms[o] = float32(math.Sqrt(sum)); norms[o] == 0 {
			norms[o] = 1
		}
	}
	return norms
}

// normalized divides each filter by its norm and leaves the bias.
func (l layer) normalized(norms []float32) layer {
	weight := make([]float32, len(l.weight))
	size := len(l.weight) / l.out
	for i, w := range l.weight {
		weight[i] = w / norms[i/size]
	}
	l.weight = weight
	return l
}
