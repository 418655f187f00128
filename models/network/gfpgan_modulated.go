package network

import (
	"math"

	"upscaled/models/onnx"
)

// modulation is how a modulated convolution is used.
type modulation struct {
	// demodulate divides each output channel by the length of its modulated
	// weights, and multiplies by the root of styledGain.
	demodulate bool
	// enlarge doubles the sides first.
	enlarge bool
	// precise gives float32 in every precision.
	precise bool
}

// build adds the convolution and its bias. The published form multiplies the
// weights by the style; here the input's channels are multiplied by it, so that
// the weights stay constants, which ONNX Runtime can lay out beforehand:
//
//	conv(W*s, x) / |W*s|  =  conv(W, s*x) * d,  d = 1 / sqrt(sum(s² * W²) + eps)
//
// The style and d are computed in float32. With float16 weights the style is
// divided by its largest number and each filter by its length, so that no sum
// of products leaves the range of float16; both come back with d.
func (m modulated) build(b *builder, x, latent string, how modulation) string {
	style := b.linear(latent, m.style, onnx.Float32)
	if b.options.Reference {
		return m.straightforward(b, x, style, how)
	}
	conv, factor := m.conv, ""
	if how.demodulate {
		factor = m.demodulation(b, style)
	}
	if b.options.Precision == Float16 {
		// Largest of the style, or this where all of it is 0.
		most := b.op("Max", []string{
			b.op("ReduceMax", []string{b.op("Abs", []string{style})}, onnx.Ints("axes", 1)), b.float(1e-6),
		})
		style = b.op("Div", []string{style, most})
		lengths := conv.lengths()
		conv = conv.shortened(lengths)
		most = b.op("Mul", []string{most, b.typed(onnx.Float32, lengths, 1, int64(conv.out))})
		if factor == "" {
			factor = most
		} else {
			factor = b.op("Mul", []string{factor, most})
		}
	}
	x = b.op("Mul", []string{x, b.perChannel(style, b.bodyType())})
	if how.enlarge {
		// After the style, where there are fewer pixels to multiply.
		x = b.bilinear(x)
	}
	if factor == "" {
		return b.same(x, conv)
	}
	t, bias := b.bodyType(), conv.bias
	conv.bias = nil
	y := b.same(x, conv)
	if how.precise && t != onnx.Float32 {
		t = onnx.Float32
		y = b.cast(y, t)
	}
	y = b.op("Mul", []string{y, b.perChannel(factor, t)})
	return b.op("Add", []string{y, b.typed(t, bias, 1, int64(conv.out), 1, 1)})
}

// demodulation adds d, [1, out] in float32, with the root of styledGain in it.
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

// straightforward writes the published operators one to one; weights are
// multiplied in float32.
func (m modulated) straightforward(b *builder, x, style string, how modulation) string {
	out, in, side := int64(m.conv.out), int64(m.conv.in), int64(m.conv.kernel)
	weight := b.op("Mul", []string{
		b.typed(onnx.Float32, m.conv.weight, out, in, side, side), b.perChannel(style, onnx.Float32),
	})
	if how.demodulate {
		sum := b.op("ReduceSumSquare", []string{weight}, onnx.Ints("axes", 1, 2, 3))
		sum = b.op("Add", []string{sum, b.float(demodulationBias)})
		weight = b.op("Div", []string{weight, b.op("Sqrt", []string{sum})})
	}
	t := b.bodyType()
	if t != onnx.Float32 {
		weight = b.cast(weight, t)
	}
	if how.enlarge {
		x = b.bilinear(x)
	}
	y := b.op("Conv", []string{x, weight},
		onnx.Ints("kernel_shape", side, side), onnx.Ints("pads", b.pads(m.conv.kernel/2)...))
	if how.precise && t != onnx.Float32 {
		t = onnx.Float32
		y = b.cast(y, t)
	}
	if how.demodulate {
		y = b.op("Mul", []string{y, b.typed(t, []float32{math.Sqrt2})})
	}
	return b.op("Add", []string{y, b.typed(t, m.conv.bias, 1, out, 1, 1)})
}

// perChannel lays [1, channels] in float32 out to be multiplied with pictures
// of element type t.
func (b *builder) perChannel(x string, t onnx.ElemType) string {
	if t != onnx.Float32 {
		x = b.cast(x, t)
	}
	return b.reshape(x, 1, -1, 1, 1)
}

// squares sums the squares of each kernel: [out, in].
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

// lengths of the filters, one for each output channel; 1 for filters of zeros.
func (l layer) lengths() []float32 {
	lengths := make([]float32, l.out)
	size := len(l.weight) / l.out
	for o := range lengths {
		var sum float64
		for _, w := range l.weight[o*size:][:size] {
			sum += float64(w) * float64(w)
		}
		if lengths[o] = float32(math.Sqrt(sum)); lengths[o] == 0 {
			lengths[o] = 1
		}
	}
	return lengths
}

// shortened divides each filter by its length and leaves the bias.
func (l layer) shortened(lengths []float32) layer {
	weight := make([]float32, len(l.weight))
	size := len(l.weight) / l.out
	for i, w := range l.weight {
		weight[i] = w / lengths[i/size]
	}
	l.weight = weight
	return l
}
