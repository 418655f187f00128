package network

import "upscaled/models/onnx"

// The edges of a graph: samples as pictures hold them (NHWC, integers) on the
// outside, NCHW floats on the inside. Big moves are made of bytes where that
// is possible, as they are bound by memory.

// BT.601 luma, by which a gray answer is made of a colour network's.
var luma = [3]float64{0.299, 0.587, 0.114}

// unit is the sample value that stands for 1.0.
func (o Options) unit() float64 {
	switch o.Sample {
	case Uint8:
		return 255
	case Uint16:
		return 65535
	}
	return 1
}

// half is added before an integer output is truncated, to round to nearest.
func (o Options) half() float64 {
	if o.Sample == Float {
		return 0
	}
	return 0.5
}

func (o Options) sampleType() onnx.ElemType {
	switch o.Sample {
	case Uint8:
		return onnx.Uint8
	case Uint16:
		return onnx.Uint16
	}
	return onnx.Float32
}

// input adds the way in: float32 [1, channels, height, width] in 0..unit.
func (b *builder) input() string {
	x := b.transpose(InputName, 0, 3, 1, 2)
	if b.options.Sample != Float {
		x = b.cast(x, onnx.Float32)
	}
	return x
}

// body gives x, in 0..unit, to the layers: in float32 as it is, as the first
// layer has the unit folded in, and else in 0..1 in the graph's precision.
func (b *builder) body(x string) string {
	if b.options.Precision != Float16 {
		return x
	}
	if unit := b.options.unit(); unit != 1 {
		x = b.op("Mul", []string{x, b.float(1 / unit)})
	}
	return b.cast(x, onnx.Float16)
}

// first adapts the layer that sees the picture to the edge.
func (b *builder) first(l layer) layer {
	if b.options.Channels == 1 {
		l = l.summedInputs(l.in)
	}
	if b.options.Precision != Float16 {
		l.weight = multiplied(l.weight, 1/b.options.unit())
	}
	return l
}

// last adapts the layer that makes the picture to the edge. order maps each
// wanted pixel position to the layer's first output channel of it and step is
// the distance between red, green and blue. The result orders its channels
// (position, colour), and in float32 is in 0..unit with the rounding half.
func (b *builder) last(l layer, order []int, step int) layer {
	rows := make([][]float64, 0, len(order)*b.options.Channels)
	for _, at := range order {
		if b.options.Channels == 1 {
			row := make([]float64, l.out)
			for c, w := range luma {
				row[at+c*step] = w
			}
			rows = append(rows, row)
			continue
		}
		for c := range 3 {
			row := make([]float64, l.out)
			row[at+c*step] = 1
			rows = append(rows, row)
		}
	}
	l = l.mixedOutputs(rows)
	if b.options.Precision != Float16 {
		l = l.scaled(b.options.unit()).plusBias(b.options.half())
	}
	return l
}

// widen takes a float16 result of a layer made by last to where a float32 one
// is already: float32 in 0..unit, plus the rounding half. residual, where not
// "", is a float32 value in 0..unit that is added in full precision.
func (b *builder) widen(y, residual string) string {
	if b.options.Precision == Float16 {
		y = b.cast(y, onnx.Float32)
		if unit := b.options.unit(); unit != 1 {
			y = b.op("Mul", []string{y, b.float(unit)})
		}
		if half := b.options.half(); half != 0 {
			y = b.op("Add", []string{y, b.float(half)})
		}
	}
	if residual != "" {
		y = b.op("Add", []string{y, residual})
	}
	return y
}

// output adds the way out of y, [1, r*r*channels, h, w] with channels ordered
// (y, x, colour): clamp, truncate and lay the r x r blocks out as pixels.
func (b *builder) output(y string, r int) {
	y = b.samples(b.transpose(y, 0, 2, 3, 1))
	if r > 1 {
		// A Reshape can copy the sides (0) it stands on and find one (-1), so
		// that free heights and widths need two of them.
		factor, colours := int64(r), int64(b.options.Channels)
		y = b.reshape(y, 0, 0, 0, factor, factor*colours)
		y = b.transpose(y, 0, 1, 3, 2, 4)
		y = b.reshape(y, 1, -1, 1, 0, factor*colours)
		y = b.reshape(y, 1, 0, -1, colours)
	}
	b.rename(y, OutputName)
}

// samples clamps y and makes it the type of the outer samples.
func (b *builder) samples(y string) string {
	// Cast truncates: anything below unit+1 becomes unit at most.
	y = b.op("Clip", []string{y, b.float(0), b.float(b.options.unit() + b.options.half())})
	if b.options.Sample != Float {
		y = b.cast(y, b.options.sampleType())
	}
	return y
}

// rename gives the value that the last node makes its final name.
func (b *builder) rename(old, name string) {
	node := &b.nodes[len(b.nodes)-1]
	for i, out := range node.Outputs {
		if out == old {
			node.Outputs[i] = name
		}
	}
}

// span is the number that a network takes and gives for black; white is 1.
type span float64

// The spans in use: that of enlarging networks and that of face restorers.
const (
	fromZero   span = 0
	aroundZero span = -1
)

// plainInput adds the way in as a network expects it that knows nothing of
// edges: [1, 3, height, width] from s to 1, in element type t.
func (b *builder) plainInput(t onnx.ElemType, s span) string {
	x := b.input()
	if factor := (1 - float64(s)) / b.options.unit(); factor != 1 {
		x = b.op("Mul", []string{x, b.float(factor)})
	}
	if s != 0 {
		x = b.op("Add", []string{x, b.float(float64(s))})
	}
	if b.options.Channels == 1 {
		x = b.concat(1, x, x, x)
	}
	if t != onnx.Float32 {
		x = b.cast(x, t)
	}
	return x
}

// plainOutput adds the way out of y, [1, 3, height, width] from s to 1 in
// element type t.
func (b *builder) plainOutput(y string, t onnx.ElemType, s span) {
	if t != onnx.Float32 {
		y = b.cast(y, onnx.Float32)
	}
	if b.options.Channels == 1 {
		weight := []float32{float32(luma[0]), float32(luma[1]), float32(luma[2])}
		y = b.op("Conv", []string{y, b.constant(onnx.Tensor{
			Type: onnx.Float32, Dims: []int64{1, 3, 1, 1}, Floats: weight,
		})})
	}
	factor := b.options.unit() / (1 - float64(s))
	if factor != 1 {
		y = b.op("Mul", []string{y, b.float(factor)})
	}
	if more := b.options.half() - float64(s)*factor; more != 0 {
		y = b.op("Add", []string{y, b.float(more)})
	}
	y = b.samples(b.transpose(y, 0, 2, 3, 1))
	b.rename(y, OutputName)
}
