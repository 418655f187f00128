package network

import (
	"slices"

	"upscaled/models/onnx"
)

// windows is a division of an image [1, height, width, channels] into squares of
// side pixels, which must divide height and width. Within a window, pixels are ordered
// by column, then row: so no size must be known to divide an image.
type windows struct {
	side int
	// shape is the name of the shape from which join restores the image.
	shape string
}

// split returns windows [count, side*side, channels].
func (w *windows) split(b *builder, x string, channels int) string {
	n, c := int64(w.side), int64(channels)
	x = b.transpose(b.reshape(x, -1, n, 0, c), 0, 2, 1, 3)
	x = b.reshape(x, 0, -1, n, n*c)
	w.shape = b.op("Shape", []string{x})
	return b.reshape(x, -1, n*n, c)
}

// join returns the image of windows with the channels of the last split.
func (w *windows) join(b *builder, x string, channels int) string {
	n, c := int64(w.side), int64(channels)
	x = b.op("Reshape", []string{x, w.shape})
	x = b.transpose(b.reshape(x, 0, -1, n, c), 0, 2, 1, 3)
	return b.reshape(x, 1, -1, 0, c)
}

// roll moves an image [1, height, width, channels] by n pixels up and left, or down
// and right for negative ones; what leaves at one border enters at the other.
func roll(b *builder, x string, n int) string {
	const farEnd = 1 << 31
	for _, axis := range []int64{1, 2} {
		from := b.ints(int64(n))
		first := b.op("Slice", []string{x, from, b.ints(farEnd), b.ints(axis)})
		rest := b.op("Slice", []string{x, b.ints(0), from, b.ints(axis)})
		x = b.concat(axis, first, rest)
	}
	return x
}

// rolledMask returns what is added to the products of the pixels of each window
// [count, 1, side*side, side*side] of an image like x that was rolled by n pixels:
// -100 for pairs that were apart.
func rolledMask(b *builder, x string, window, n int) string {
	var regions []string
	for _, axis := range []int64{1, 2} {
		length := side(b, x, axis)
		at := positions(b, length)
		region := ""
		for _, back := range []int{window, n} {
			from := b.op("Sub", []string{length, b.constant(onnx.Tensor{Type: onnx.Int64, Ints: []int64{int64(back)}})})
			beyond := b.cast(b.op("GreaterOrEqual", []string{at, from}), onnx.Float32)
			if region == "" {
				region = beyond
			} else {
				region = b.op("Add", []string{region, beyond})
			}
		}
		regions = append(regions, region)
	}
	rows := b.reshape(b.op("Mul", []string{regions[0], b.float(3)}), 1, -1, 1, 1)
	columns := b.reshape(regions[1], 1, 1, -1, 1)
	w := windows{side: window}
	ids := w.split(b, b.op("Add", []string{rows, columns}), 1)
	equal := b.op("Equal", []string{ids, b.transpose(ids, 0, 2, 1)})
	mask := b.op("Mul", []string{b.op("Sub", []string{b.cast(equal, onnx.Float32), b.float(1)}), b.float(100)})
	return bodyOf(b, b.op("Unsqueeze", []string{mask, b.ints(1)}))
}

// attention is multi-head self-attention of the pixels of a window.
type attention struct {
	qkv, out linear
	heads    int
	// bias is [heads, side*side, side*side], by the order of pixels in windows.
	bias []float32
}

// project applies a fully connected layer to the last axis.
func project(b *builder, x string, l linear) string {
	weight := make([]float32, len(l.weight))
	for i, v := range l.weight {
		weight[i%l.in*l.out+i/l.in] = v
	}
	x = b.op("MatMul", []string{x, b.floats(weight, int64(l.in), int64(l.out))})
	if l.bias == nil {
		return x
	}
	return b.op("Add", []string{x, b.floats(l.bias, int64(l.out))})
}

// scaledOutputs multiplies the first n outputs by factor.
func (l linear) scaledOutputs(n int, factor float64) linear {
	l.weight, l.bias = slices.Clone(l.weight), slices.Clone(l.bias)
	for _, part := range [][]float32{l.weight[:n*l.in], l.bias[:min(n, len(l.bias))]} {
		copy(part, multiplied(part, factor))
	}
	return l
}

// relativeBias spreads a table [(2*side-1)*(2*side-1), heads] of values by distance,
// rows first, over the pairs of a window's pixels.
func relativeBias(table []float32, side, heads int) []float32 {
	area := side * side
	bias := make([]float32, heads*area*area)
	for i := range bias {
		head, from, to := i/(area*area), i/area%area, i%area
		dy, dx := from%side-to%side, from/side-to/side
		bias[i] = table[((dy+side-1)*(2*side-1)+dx+side-1)*heads+head]
	}
	return bias
}

// build returns the attention of windows x, [count, pixels, channels]. mask may be "".
func (a attention) build(b *builder, x string, pixels int, mask string) string {
	heads, each, n := int64(a.heads), int64(a.out.in/a.heads), int64(pixels)
	h := b.transpose(b.reshape(project(b, x, a.qkv), 0, n, 3*heads, each), 0, 2, 1, 3)
	parts := split(b, h, 1, heads, heads, heads)
	products := b.op("MatMul", []string{parts[0], b.transpose(parts[1], 0, 1, 3, 2)})
	products = b.op("Add", []string{products, b.floats(a.bias, heads, n, n)})
	if mask != "" {
		products = b.op("Add", []string{products, mask})
	}
	h = b.op("MatMul", []string{b.op("Softmax", []string{products}, onnx.Int("axis", -1)), parts[2]})
	return project(b, b.reshape(b.transpose(h, 0, 2, 1, 3), 0, n, heads*each), a.out)
}
