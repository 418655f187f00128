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

// Ranges of samples of graphs that have nothing folded in.
var (
	zeroToOne     = Convention{In: 3, Out: 3, White: 1}            // upscaling models
	minusOneToOne = Convention{In: 3, Out: 3, Black: -1, White: 1} // face restorers
)

// rgbInput is imageInput for an RGB model.
func (b *builder) rgbInput(t onnx.ElemType, c Convention) string {
	x, _ := b.imageInput(t, c)
	return x
}

// imageInput adds the conversion of the graph's input to the images of c, of element
// type t. color, for a model of luma that is given RGB, holds what the luma lacks:
// [1, 3, height, width] in 0..unit.
func (b *builder) imageInput(t onnx.ElemType, c Convention) (x, color string) {
	x = b.input()
	switch {
	case c.In == 1 && b.options.Channels == 3:
		gray := b.mixed(x, [][]float64{luma[:]})
		color = b.op("Sub", []string{x, gray})
		x = b.op("Identity", []string{gray})
	case c.In > 1 && b.options.Channels == 1:
		x = b.concat(1, x, x, x)
	}
	if factor := (c.White - c.Black) / b.options.unit(); factor != 1 {
		x = b.op("Mul", []string{x, b.float(factor)})
	}
	if c.Black != 0 {
		x = b.op("Add", []string{x, b.float(c.Black)})
	}
	if c.In == 4 {
		zero := b.mixed(x, [][]float64{{0, 0, 0}})
		x = b.concat(1, x, b.op("Add", []string{zero, b.float(c.White)}))
	}
	if t == onnx.Uint8 {
		x = b.op("Add", []string{x, b.float(0.5)}) // a cast truncates
	}
	if t != onnx.Float32 {
		x = b.cast(x, t)
	}
	if c.ChannelsLast {
		x = b.transpose(x, 0, 2, 3, 1)
	}
	return x, color
}
