package network

import (
	"strconv"

	"upscaled/models/onnx"
)

// builder collects the nodes and constants of one graph. Values are referred
// to by name; methods that add a node return the name of its output.
type builder struct {
	options Options
	nodes   []onnx.Node
	tensors []onnx.Tensor
	// prefix keeps names apart from those of a foreign graph.
	prefix string
	count  int
}

func (b *builder) name(kind string) string {
	b.count++
	return b.prefix + kind + strconv.Itoa(b.count)
}

// op adds a node with one output.
func (b *builder) op(op string, inputs []string, attributes ...onnx.Attribute) string {
	out := b.name(op)
	b.nodes = append(b.nodes, onnx.Node{Name: out, Op: op, Inputs: inputs, Outputs: []string{out}, Attributes: attributes})
	return out
}

// float adds a float32 scalar, whatever the graph's precision.
func (b *builder) float(v float64) string {
	return b.constant(onnx.Tensor{Type: onnx.Float32, Floats: []float32{float32(v)}})
}

// floats adds a constant in the precision of the graph.
func (b *builder) floats(values []float32, dims ...int64) string {
	return b.typed(b.bodyType(), values, dims...)
}

// typed adds a constant of floats in the given type.
func (b *builder) typed(t onnx.ElemType, values []float32, dims ...int64) string {
	return b.constant(onnx.Tensor{Type: t, Dims: dims, Floats: values})
}

// ints adds a list of integers, such as a shape.
func (b *builder) ints(values ...int64) string {
	return b.constant(onnx.Tensor{Type: onnx.Int64, Dims: []int64{int64(len(values))}, Ints: values})
}

func (b *builder) constant(t onnx.Tensor) string {
	t.Name = b.name("const")
	b.tensors = append(b.tensors, t)
	return t.Name
}

// bodyType is the element type of the layers' values.
func (b *builder) bodyType() onnx.ElemType {
	if b.options.Precision == Float16 {
		return onnx.Float16
	}
	return onnx.Float32
}

// convParams says how a convolution is applied.
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

// leaky adds a LeakyReLU with the slope that RRDBNet and GFPGAN share.
func (b *builder) leaky(x string) string {
	return b.op("LeakyRelu", []string{x}, onnx.Float("alpha", rrdbSlope))
}

// nearest adds nearest-neighbor upsampling, in a form that keeps ONNX Runtime's
// blocked layout.
func (b *builder) nearest(x string, scale int) string {
	f := float32(scale)
	scales := b.constant(onnx.Tensor{Type: onnx.Float32, Dims: []int64{4}, Floats: []float32{1, 1, f, f}})
	return b.op("Resize", []string{x, "", scales},
		onnx.String("mode", "nearest"),
		onnx.String("nearest_mode", "floor"),
		onnx.String("coordinate_transformation_mode", "asymmetric"))
}

func (b *builder) cast(x string, t onnx.ElemType) string {
	return b.op("Cast", []string{x}, onnx.Int("to", int64(t)))
}

func (b *builder) transpose(x string, order ...int64) string {
	return b.op("Transpose", []string{x}, onnx.Ints("perm", order...))
}

func (b *builder) reshape(x string, shape ...int64) string {
	return b.op("Reshape", []string{x, b.ints(shape...)})
}

func (b *builder) concat(axis int64, inputs ...string) string {
	return b.op("Concat", inputs, onnx.Int("axis", axis))
}
