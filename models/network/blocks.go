package network

import (
	"math"
	"slices"

	"upscaled/models/onnx"
)

// meanRGB is the mean color of the DIV2K data set, which many models subtract.
var meanRGB = [3]float32{0.4488, 0.4371, 0.4040}

// bodyOf converts a float32 value to the type of the layers.
func bodyOf(b *builder, x string) string {
	if t := b.bodyType(); t != onnx.Float32 {
		return b.cast(x, t)
	}
	return x
}

// inFloat32 computes a part of the graph in float32, whatever the type of the layers:
// statistics overflow in float16, and positions lack digits.
func inFloat32(b *builder, x string, compute func(x string) string) string {
	if b.bodyType() == onnx.Float32 {
		return compute(x)
	}
	x = b.cast(x, onnx.Float32)
	precision := b.options.Precision
	b.options.Precision = Float32
	x = compute(x)
	b.options.Precision = precision
	return bodyOf(b, x)
}

// silu adds x * sigmoid(x).
func silu(b *builder, x string) string {
	return b.op("Mul", []string{x, b.op("Sigmoid", []string{x})})
}

// mish adds x * tanh(softplus(x)).
func mish(b *builder, x string) string {
	return b.op("Mul", []string{x, b.op("Tanh", []string{b.op("Softplus", []string{x})})})
}

// gelu adds the exact form, x/2 * (1 + erf(x/sqrt(2))), as ONNX Runtime fuses it.
func gelu(b *builder, x string) string {
	erf := b.op("Erf", []string{b.op("Div", []string{x, b.floats([]float32{math.Sqrt2})})})
	sum := b.op("Add", []string{erf, b.floats([]float32{1})})
	return b.op("Mul", []string{b.op("Mul", []string{x, sum}), b.floats([]float32{0.5})})
}

// leakyBy adds a LeakyReLU.
func leakyBy(b *builder, x string, slope float32) string {
	return b.op("LeakyRelu", []string{x}, onnx.Float("alpha", slope))
}

// pixelShuffle turns groups of r*r channels into blocks of pixels, in torch's order.
func pixelShuffle(b *builder, x string, r int) string {
	if r == 1 {
		return x
	}
	return b.op("DepthToSpace", []string{x}, onnx.Int("blocksize", int64(r)), onnx.String("mode", "CRD"))
}

// pixelUnshuffle turns blocks of r*r pixels into channels, in torch's order.
func pixelUnshuffle(b *builder, x string, channels, r int) string {
	if r == 1 {
		return x
	}
	var order []int64
	for c := range channels {
		for at := range r * r {
			order = append(order, int64(at*channels+c))
		}
	}
	x = b.op("SpaceToDepth", []string{x}, onnx.Int("blocksize", int64(r)))
	return b.op("Gather", []string{x, b.ints(order...)}, onnx.Int("axis", 1))
}

// smooth adds bilinear upsampling by a whole scale.
func smooth(b *builder, x string, scale int) string {
	f := float32(scale)
	return b.op("Resize", []string{x, "", b.typed(onnx.Float32, []float32{1, 1, f, f}, 4)},
		onnx.String("mode", "linear"))
}

// cropped drops n pixels on every side.
func cropped(b *builder, x string, n int) string {
	from, to := int64(n), int64(-n)
	return b.op("Slice", []string{x, b.ints(from, from), b.ints(to, to), b.ints(2, 3)})
}

// reflected extends an image by reflection, by margin on every side and further at its
// right and lower end to a multiple. size holds the image's own height and width, times
// scale.
func reflected(b *builder, x string, margin, multiple, scale int) (extended, size string) {
	m, n, s := int64(margin), int64(multiple), int64(scale)
	sides := b.op("Shape", []string{x}, onnx.Int("start", 2))
	lacking := b.op("Mod", []string{b.op("Sub", []string{b.ints(0, 0), sides}), b.ints(n, n)})
	pads := b.concat(0, b.ints(0, 0, m, m, 0, 0), b.op("Add", []string{lacking, b.ints(m, m)}))
	return b.op("Pad", []string{x, pads}, onnx.String("mode", "reflect")), b.op("Mul", []string{sides, b.ints(s, s)})
}

// split divides an axis into parts of the given sizes.
func split(b *builder, x string, axis int64, sizes ...int64) []string {
	parts := make([]string, len(sizes))
	for i := range parts {
		parts[i] = b.name("split")
	}
	b.nodes = append(b.nodes, onnx.Node{
		Name: parts[0], Op: "Split", Inputs: []string{x, b.ints(sizes...)}, Outputs: slices.Clone(parts),
		Attributes: []onnx.Attribute{onnx.Int("axis", axis)},
	})
	return parts
}

// side adds the length of an axis, a scalar.
func side(b *builder, x string, axis int64) string {
	at := b.constant(onnx.Tensor{Type: onnx.Int64, Ints: []int64{axis}})
	return b.op("Gather", []string{b.op("Shape", []string{x}), at})
}

// positions adds the numbers from 0 to a scalar, without it.
func positions(b *builder, count string) string {
	scalar := func(v int64) string { return b.constant(onnx.Tensor{Type: onnx.Int64, Ints: []int64{v}}) }
	return b.op("Range", []string{scalar(0), count, scalar(1)})
}

// norm holds weight and bias of a normalization, a value per channel.
type norm struct{ weight, bias []float32 }

func readNorm(r *reader, name string, channels int) norm {
	return norm{r.take(name+".weight", channels).Data, r.take(name+".bias", channels).Data}
}

// layerNorm normalizes the last axis.
func layerNorm(b *builder, x string, n norm, epsilon float32) string {
	return inFloat32(b, x, func(x string) string {
		channels := int64(len(n.weight))
		return b.op("LayerNormalization", []string{x, b.floats(n.weight, channels), b.floats(n.bias, channels)},
			onnx.Int("axis", -1), onnx.Float("epsilon", epsilon))
	})
}

// groupNorm normalizes groups of channels by their mean and variance over the image.
func groupNorm(b *builder, x string, groups int, n norm) string {
	return inFloat32(b, x, func(x string) string {
		ones, zeros := slices.Repeat([]float32{1}, groups), make([]float32, groups)
		h := b.op("InstanceNormalization", []string{
			b.reshape(x, 1, int64(groups), -1), b.floats(ones, int64(groups)), b.floats(zeros, int64(groups)),
		}, onnx.Float("epsilon", 1e-5))
		h = b.op("Reshape", []string{h, b.op("Shape", []string{x})})
		h = b.op("Mul", []string{h, b.floats(n.weight, int64(len(n.weight)), 1, 1)})
		return b.op("Add", []string{h, b.floats(n.bias, int64(len(n.bias)), 1, 1)})
	})
}

// rmsNorm divides the last axis by the root of its mean square.
func rmsNorm(b *builder, x string, n norm) string {
	return inFloat32(b, x, func(x string) string {
		channels := int64(len(n.weight))
		mean := b.op("ReduceMean", []string{b.op("Mul", []string{x, x})}, onnx.Ints("axes", -1))
		root := b.op("Add", []string{b.op("Sqrt", []string{mean}), b.float(1e-6)})
		h := b.op("Mul", []string{b.op("Div", []string{x, root}), b.floats(n.weight, channels)})
		return b.op("Add", []string{h, b.floats(n.bias, channels)})
	})
}
