package network

import (
	"slices"

	"upscaled/models/weights"
)

// layer is a convolution: weight is [out, in, kernel, kernel] in row-major
// order, bias [out]. Layers are values: methods return a changed copy and never
// write to the model's tensors, which all graphs share.
type layer struct {
	out, in, kernel int
	weight, bias    []float32
}

func layerOf(weight, bias weights.Tensor) layer {
	return layer{
		out: weight.Shape[0], in: weight.Shape[1], kernel: weight.Shape[2],
		weight: weight.Data, bias: bias.Data,
	}
}

// scaled multiplies the layer's output by factor.
func (l layer) scaled(factor float64) layer {
	l.weight = multiplied(l.weight, factor)
	l.bias = multiplied(l.bias, factor)
	return l
}

// scaledInputs multiplies each input channel by its factor.
func (l layer) scaledInputs(factors []float64) layer {
	l.weight = slices.Clone(l.weight)
	area := l.kernel * l.kernel
	for o := range l.out {
		for i := range l.in {
			taps := l.weight[(o*l.in+i)*area:][:area]
			for t := range taps {
				taps[t] = float32(float64(taps[t]) * factors[i])
			}
		}
	}
	return l
}

// scaledOutputs multiplies each output channel by its factor.
func (l layer) scaledOutputs(factors []float64) layer {
	l.weight, l.bias = slices.Clone(l.weight), slices.Clone(l.bias)
	size := l.in * l.kernel * l.kernel
	for o, factor := range factors {
		for i := range l.weight[o*size:][:size] {
			l.weight[o*size+i] = float32(float64(l.weight[o*size+i]) * factor)
		}
		l.bias[o] = float32(float64(l.bias[o]) * factor)
	}
	return l
}

// plusIdentity adds factor times input channel c to output channel c.
func (l layer) plusIdentity(factor float64) layer {
	l.weight = slices.Clone(l.weight)
	area := l.kernel * l.kernel
	for c := range l.out {
		l.weight[(c*l.in+c)*area+area/2] += float32(factor)
	}
	return l
}

// plusBias adds v to every output channel.
func (l layer) plusBias(v float64) layer {
	l.bias = slices.Clone(l.bias)
	for i := range l.bias {
		l.bias[i] += float32(v)
	}
	return l
}

// gray makes a layer that reads RGB read one channel in place of three equal
// ones. Input channels are ordered (color, position) with area positions, more
// than one after a pixel-unshuffle.
func (l layer) gray(area int) layer {
	taps := l.kernel * l.kernel
	sums := make([]float32, l.out*area*taps)
	for i := range sums {
		tap, position, o := i%taps, i/taps%area, i/taps/area
		var sum float64
		for c := range l.in / area {
			sum += float64(l.weight[(o*l.in+c*area+position)*taps+tap])
		}
		sums[i] = float32(sum)
	}
	l.weight, l.in = sums, area
	return l
}

// withoutBias returns the layer with a bias of zeros.
func withoutBias(l layer) layer {
	l.bias = make([]float32, l.out)
	return l
}

// behind returns a layer that reads the inputs of before ahead of its own; both are
// summed, with l's bias.
func (l layer) behind(before layer) layer {
	area := l.kernel * l.kernel
	both := layer{out: l.out, in: before.in + l.in, kernel: l.kernel, bias: l.bias}
	for o := range l.out {
		both.weight = append(both.weight, before.weight[o*before.in*area:][:before.in*area]...)
		both.weight = append(both.weight, l.weight[o*l.in*area:][:l.in*area]...)
	}
	return both
}

// ofInputs returns what count input channels from first on contribute to the layer.
func (l layer) ofInputs(first, count int) layer {
	area := l.kernel * l.kernel
	part := withoutBias(layer{out: l.out, in: count, kernel: l.kernel})
	for o := range l.out {
		part.weight = append(part.weight, l.weight[(o*l.in+first)*area:][:count*area]...)
	}
	return part
}

// mixedInputs returns the layer applied to the output of a 1x1 one. The bias is added
// outside the image, too.
func (l layer) mixedInputs(before layer) layer {
	area := l.kernel * l.kernel
	mixed := layer{out: l.out, in: before.in, kernel: l.kernel, bias: slices.Clone(l.bias)}
	sums := make([]float64, l.out*before.in*area)
	for i, w := range l.weight {
		tap, m, o := i%area, i/area%l.in, i/area/l.in
		for c, v := range before.weight[m*before.in:][:before.in] {
			sums[(o*before.in+c)*area+tap] += float64(w) * float64(v)
		}
		mixed.bias[o] += w * before.bias[m]
	}
	mixed.weight = make([]float32, len(sums))
	for i, v := range sums {
		mixed.weight[i] = float32(v)
	}
	return mixed
}

// mixedOutputs makes each output channel a weighted sum of the old ones; each
// row holds one factor per old channel.
func (l layer) mixedOutputs(rows [][]float64) layer {
	size := l.in * l.kernel * l.kernel
	mixed := layer{out: len(rows), in: l.in, kernel: l.kernel}
	mixed.weight = make([]float32, len(rows)*size)
	mixed.bias = make([]float32, len(rows))
	for r, row := range rows {
		sums := make([]float64, size)
		var bias float64
		for o, factor := range row {
			if factor == 0 {
				continue
			}
			bias += factor * float64(l.bias[o])
			for i, w := range l.weight[o*size:][:size] {
				sums[i] += factor * float64(w)
			}
		}
		for i, v := range sums {
			mixed.weight[r*size+i] = float32(v)
		}
		mixed.bias[r] = float32(bias)
	}
	return mixed
}

// unfolded turns a layer behind a pixel-unshuffle by r (torch's channel order:
// c*r*r + y*r + x) into one that reads the image itself with stride r: the
// kernel grows from 3 to 3*r and its padding from 1 to r.
func (l layer) unfolded(r int) layer {
	channels, kernel := l.in/(r*r), l.kernel*r
	wide := layer{out: l.out, in: channels, kernel: kernel, bias: l.bias}
	wide.weight = make([]float32, l.out*channels*kernel*kernel)
	for i, w := range l.weight {
		x := i % l.kernel
		y := i / l.kernel % l.kernel
		folded := i / (l.kernel * l.kernel) % l.in
		o := i / (l.kernel * l.kernel * l.in)
		c, dy, dx := folded/(r*r), folded/r%r, folded%r
		wide.weight[((o*channels+c)*kernel+y*r+dy)*kernel+x*r+dx] = w
	}
	return wide
}

// inPhases turns a layer at full size into one with stride 2 whose channels are
// the 2x2 outputs of each step, ordered (y, x, channel). A 3x3 kernel becomes
// 4x4 and its padding stays 1. With only 3 output channels this wastes fewer
// vector lanes.
func (l layer) inPhases() layer {
	kernel := l.kernel + 1
	wide := layer{out: 4 * l.out, in: l.in, kernel: kernel}
	wide.weight = make([]float32, wide.out*l.in*kernel*kernel)
	for phase := range 4 {
		dy, dx := phase/2, phase%2
		wide.bias = append(wide.bias, l.bias...)
		for i, w := range l.weight {
			x := i%l.kernel + dx
			y := i/l.kernel%l.kernel + dy
			plane := i / (l.kernel * l.kernel)
			wide.weight[((phase*l.out*l.in+plane)*kernel+y)*kernel+x] = w
		}
	}
	return wide
}

// averaged returns a layer whose outputs are the means of count groups.
func averaged(l layer, count int) layer {
	rows := make([][]float64, l.out/count)
	for i := range rows {
		rows[i] = make([]float64, l.out)
		for k := range count {
			rows[i][k*len(rows)+i] = 1 / float64(count)
		}
	}
	return l.mixedOutputs(rows)
}

// flops counts a multiply-add as two, per output position.
func (l layer) flops() float64 { return 2 * float64(len(l.weight)) }

func multiplied(values []float32, factor float64) []float32 {
	if factor == 1 {
		return values
	}
	out := make([]float32, len(values))
	for i, v := range values {
		out[i] = float32(float64(v) * factor)
	}
	return out
}
