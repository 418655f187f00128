package network

import "upscaled/models/onnx"

// luma holds the BT.601 weights that make a gray output of an RGB model's.
var luma = [3]float64{0.299, 0.587, 0.114}

// half is added before an integer output is truncated, to round to nearest.
func (o Options) half() float64 {
	if o.Sample == Float {
		return 0
	}
	return 0.5
}

// foldOutput folds the conversion of the output into the last layer, which
// computes area pixels per position with channels ordered (color, position).
// The result orders them (position, color) and in float32 is in 0..unit plus
// half.
func (b *builder) foldOutput(l layer, area int) layer {
	rows := make([][]float64, 0, area*b.options.Channels)
	for position := range area {
		if b.options.Channels == 1 {
			row := make([]float64, l.out)
			for c, w := range luma {
				row[position+c*area] = w
			}
			rows = append(rows, row)
			continue
		}
		for c := range 3 {
			row := make([]float64, l.out)
			row[position+c*area] = 1
			rows = append(rows, row)
		}
	}
	l = l.mixedOutputs(rows)
	if b.options.Precision != Float16 {
		l = l.scaled(b.options.unit()).plusBias(b.options.half())
	}
	return l
}

// denormalized converts the output of a layer made by foldOutput from float16 to
// float32 in 0..unit plus half; float32 has that already. residual, unless "",
// is a float32 value in 0..unit that is added in full precision.
func (b *builder) denormalized(y, residual string) string {
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

// output adds the graph's output: it clamps and truncates y, [1, r*r*channels,
// h, w] with channels ordered (y, x, color), and shuffles the r x r blocks into
// pixels.
func (b *builder) output(y string, r int) {
	y = b.samples(b.transpose(y, 0, 2, 3, 1))
	if r > 1 {
		// A Reshape can copy a side (0) and infer one (-1), so free heights and
		// widths take two of them.
		scale, channels := int64(r), int64(b.options.Channels)
		y = b.reshape(y, 0, 0, 0, scale, scale*channels)
		y = b.transpose(y, 0, 1, 3, 2, 4)
		y = b.reshape(y, 1, -1, 1, 0, scale*channels)
		y = b.reshape(y, 1, 0, -1, channels)
	}
	b.rename(y, OutputName)
}

// samples clamps y and casts it to the type of the output's samples.
func (b *builder) samples(y string) string {
	// Cast truncates: anything below unit+1 becomes unit at most.
	low, high := b.float(0), b.float(b.options.unit()+b.options.half())
	if b.opset != 0 && b.opset < 11 { // Clip takes its bounds as inputs since then
		y = b.op("Min", []string{b.op("Max", []string{y, low}), high})
	} else {
		y = b.op("Clip", []string{y, low, high})
	}
	if b.options.Sample != Float {
		y = b.cast(y, b.options.sampleType())
	}
	return y
}

// rgbOutput is imageOutput for an RGB model.
func (b *builder) rgbOutput(y string, t onnx.ElemType, c Convention) { b.imageOutput(y, t, c, "") }

// imageOutput adds the graph's output for a model that has nothing folded in: y holds
// images of c, of element type t. color is imageInput's.
func (b *builder) imageOutput(y string, t onnx.ElemType, c Convention, color string) {
	if c.ChannelsLast {
		y = b.transpose(y, 0, 3, 1, 2)
	}
	if t != onnx.Float32 {
		y = b.cast(y, onnx.Float32)
	}
	if rows := c.outputs(b.options.Channels); rows != nil {
		y = b.mixed(y, rows)
	}
	factor := b.options.unit() / (c.White - c.Black)
	if factor != 1 {
		y = b.op("Mul", []string{y, b.float(factor)})
	}
	if more := b.options.half() - c.Black*factor; more != 0 {
		y = b.op("Add", []string{y, b.float(more)})
	}
	if color != "" {
		y = b.op("Add", []string{y, b.cubic(color, c.Scale)})
	}
	b.rename(b.samples(b.transpose(y, 0, 2, 3, 1)), OutputName)
}

// outputs returns the weights of a model's output channels in those of the graph, nil
// if they are the same.
func (c Convention) outputs(channels int) [][]float64 {
	if c.Out == 1 || c.Out == 3 && channels == 3 && !c.Swapped {
		return nil
	}
	rows := make([][]float64, channels)
	for i := range rows {
		rows[i] = make([]float64, c.Out)
		for from := range 3 {
			to := from
			if c.Swapped {
				to = 2 - from
			}
			switch {
			case channels == 1:
				rows[i][from] = luma[to]
			case to == i:
				rows[i][from] = 1
			}
		}
	}
	return rows
}
