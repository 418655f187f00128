package network

import "upscaled/models/onnx"

// Graphs convert samples themselves: NHWC integers outside, NCHW floats inside.
// Large moves are bound by memory, so they are done on bytes where possible.

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

func (o Options) sampleType() onnx.ElemType {
	switch o.Sample {
	case Uint8:
		return onnx.Uint8
	case Uint16:
		return onnx.Uint16
	}
	return onnx.Float32
}

// input adds the conversion of the graph's input to float32 [1, channels,
// height, width] in 0..unit.
func (b *builder) input() string {
	x := b.transpose(InputName, 0, 3, 1, 2)
	if b.options.Sample != Float {
		x = b.cast(x, onnx.Float32)
	}
	return x
}

// normalized prepares x, in 0..unit, for the layers: float32 passes as it is,
// because foldInput scales the first layer; float16 is scaled to 0..1.
func (b *builder) normalized(x string) string {
	if b.options.Precision != Float16 {
		return x
	}
	if unit := b.options.unit(); unit != 1 {
		x = b.op("Mul", []string{x, b.float(1 / unit)})
	}
	return b.cast(x, onnx.Float16)
}

// foldInput folds the channels and the unit of the input into the first layer.
func (b *builder) foldInput(l layer) layer {
	if b.options.Channels == 1 {
		l = l.gray(1)
	}
	if b.options.Precision != Float16 {
		l.weight = multiplied(l.weight, 1/b.options.unit())
	}
	return l
}

// black is the value of a black sample inside a model; white is 1.
type black float64

const (
	zeroToOne     black = 0  // upscaling models
	minusOneToOne black = -1 // face restorers
)

// rgbInput adds the conversion of the graph's input to what a model expects
// that has nothing folded in: [1, 3, height, width] of element type t.
func (b *builder) rgbInput(t onnx.ElemType, low black) string {
	x := b.input()
	if factor := (1 - float64(low)) / b.options.unit(); factor != 1 {
		x = b.op("Mul", []string{x, b.float(factor)})
	}
	if low != 0 {
		x = b.op("Add", []string{x, b.float(float64(low))})
	}
	if b.options.Channels == 1 {
		x = b.concat(1, x, x, x)
	}
	if t != onnx.Float32 {
		x = b.cast(x, t)
	}
	return x
}
