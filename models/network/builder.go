package network

import "upscaled/models/onnx"

// builder adds layers and the conversion of samples to a graph, as the options
// ask for.
type builder struct {
	graph
	options Options
	// masks holds those of windows that are computed already.
	masks map[window]string
}

// floats adds a constant in the precision of the graph.
func (b *builder) floats(values []float32, dims ...int64) string {
	return b.typed(b.bodyType(), values, dims...)
}

// bodyType is the element type of the layers' values.
func (b *builder) bodyType() onnx.ElemType {
	if b.options.Precision == Float16 {
		return onnx.Float16
	}
	return onnx.Float32
}

// convParams is how a convolution is applied.
type convParams struct {
	stride int
	// pad is in pixels and applies to image borders only.
	pad       int
	depthwise bool
}

// conv adds a convolution.
func (b *builder) conv(x string, l layer, p convParams) string {
	group := 1
	if p.depthwise {
		group = l.out / l.in
	}
	side, in := int64(l.kernel), int64(l.in)
	inputs := []string{x, b.floats(l.weight, int64(l.out), in, side, side)}
	if l.bias != nil {
		inputs = append(inputs, b.floats(l.bias, int64(l.out)))
	}
	return b.op("Conv", inputs,
		onnx.Ints("kernel_shape", side, side),
		onnx.Ints("pads", b.pads(p.pad)...),
		onnx.Ints("strides", int64(p.stride), int64(p.stride)),
		onnx.Int("group", int64(group)))
}

// transposedConv adds a transposed convolution, whose weight is [in, out, kernel,
// kernel]. pad is dropped on all sides.
func transposedConv(b *builder, x string, l layer, stride, pad int) string {
	side, s, p := int64(l.kernel), int64(stride), int64(pad)
	return b.op("ConvTranspose",
		[]string{x, b.floats(l.weight, int64(l.in), int64(l.out), side, side), b.floats(l.bias, int64(l.out))},
		onnx.Ints("kernel_shape", side, side), onnx.Ints("pads", p, p, p, p), onnx.Ints("strides", s, s))
}

// same adds a convolution that keeps the size, except at sides without padding.
func (b *builder) same(x string, l layer) string {
	return b.conv(x, l, convParams{stride: 1, pad: l.kernel / 2})
}

// pads returns a convolution's pads attribute: top, left, bottom, right.
func (b *builder) pads(n int) []int64 {
	at := func(border bool) int64 {
		if border {
			return int64(n)
		}
		return 0
	}
	s := b.options.Borders
	return []int64{at(s.Top), at(s.Left), at(s.Bottom), at(s.Right)}
}
