package network

import (
	"math"

	"upscaled/models/onnx"
)

// window is a division of an image [1, height, width, channels], rolled by down and
// right first, into rectangles, whose sides must divide the image's. Within a window,
// pixels are ordered by column, then row: so no size must be known to divide an image.
type window struct {
	height, width, down, right int
	// spread is set if a window's pixels are not neighbors but lie as far apart as
	// possible.
	spread bool
}

func (w window) pixels() int { return w.height * w.width }

// split returns windows [count, pixels, channels] and the shape that join needs.
func (w window) split(b *builder, x string, channels int) (parts, shape string) {
	high, wide, c := int64(w.height), int64(w.width), int64(channels)
	x = roll(b, roll(b, x, 1, w.down), 2, w.right)
	if w.spread {
		x = b.transpose(b.reshape(x, high, -1, 0, c), 1, 2, 0, 3)
		x = b.transpose(b.reshape(x, 0, wide, -1, high*c), 0, 2, 1, 3)
	} else {
		x = b.transpose(b.reshape(x, -1, high, 0, c), 0, 2, 1, 3)
		x = b.reshape(x, 0, -1, wide, high*c)
	}
	shape = b.concat(0, b.op("Shape", []string{x}, onnx.Int("start", 0), onnx.Int("end", 3)), b.ints(-1))
	return b.reshape(x, -1, wide*high, c), shape
}

// join returns the image of windows.
func (w window) join(b *builder, x, shape string, channels int) string {
	x = b.op("Reshape", []string{x, shape})
	if w.spread {
		x = b.reshape(b.transpose(x, 0, 2, 1, 3), 0, -1, int64(w.height), int64(channels))
		x = b.transpose(x, 2, 0, 1, 3)
	} else {
		x = b.transpose(b.reshape(x, 0, -1, int64(w.height), int64(channels)), 0, 2, 1, 3)
	}
	x = b.reshape(x, 1, -1, 0, int64(channels))
	return roll(b, roll(b, x, 1, -w.down), 2, -w.right)
}

// roll moves an image by n pixels along an axis towards its start; what leaves there
// enters at the end.
func roll(b *builder, x string, axis int64, n int) string {
	if n == 0 {
		return x
	}
	const farEnd = 1 << 31
	from := b.ints(int64(n))
	first := b.op("Slice", []string{x, from, b.ints(farEnd), b.ints(axis)})
	rest := b.op("Slice", []string{x, b.ints(0), from, b.ints(axis)})
	return b.concat(axis, first, rest)
}

// mask returns what is added to the products of the pixels of each window of an image
// like x [count, 1, pixels, pixels]: -100 for pairs that rolling brought together. It
// is computed once per graph.
func (w window) mask(b *builder, x string) string {
	if found := b.masks[w]; found != "" {
		return found
	}
	still := window{height: w.height, width: w.width}
	ids, _ := still.split(b, w.regions(b, side(b, x, 1), side(b, x, 2)), 1)
	keep(b, w, maskOf(b, ids, ids))
	return b.masks[w]
}

// keep notes the mask of a window.
func keep(b *builder, w window, mask string) {
	if b.masks == nil {
		b.masks = map[window]string{}
	}
	b.masks[w] = mask
}

// maskOf compares the regions of queries and keys, each [count, pixels, 1].
func maskOf(b *builder, queries, keys string) string {
	equal := b.op("Equal", []string{queries, b.transpose(keys, 0, 2, 1)})
	mask := b.op("Mul", []string{b.op("Sub", []string{b.cast(equal, onnx.Float32), b.float(1)}), b.float(100)})
	return bodyOf(b, b.op("Unsqueeze", []string{mask, b.ints(1)}))
}

// regions returns an image [1, height, width, 1] of sides of the given lengths that
// numbers the parts whose pixels rolling does not bring together.
func (w window) regions(b *builder, height, width string) string {
	region := func(sides string, length, rolled int) string {
		at := positions(b, sides)
		beyond := func(back int) string {
			from := b.op("Sub", []string{sides, b.constant(onnx.Tensor{Type: onnx.Int64, Ints: []int64{int64(back)}})})
			return b.cast(b.op("GreaterOrEqual", []string{at, from}), onnx.Float32)
		}
		return b.op("Add", []string{beyond(length), beyond(rolled)})
	}
	rows := b.op("Mul", []string{region(height, w.height, w.down), b.float(3)})
	columns := b.reshape(region(width, w.width, w.right), 1, 1, -1, 1)
	return b.op("Add", []string{b.reshape(rows, 1, -1, 1, 1), columns})
}

// attention is multi-head self-attention of the pixels of a window.
type attention struct {
	// qkv computes queries, keys and values of a pixel, out what is made of the result.
	qkv, out linear
	heads    int
	// bias returns [heads, pixels, pixels].
	bias func() []float32
}

// build returns the attention of an image of queries, keys and values.
func (a attention) build(b *builder, qkv string, w window) string {
	channels, n := a.qkv.out/3, int64(w.pixels())
	parts, shape := w.split(b, qkv, 3*channels)
	mask := ""
	if w.down+w.right > 0 {
		mask = w.mask(b, qkv)
	}
	heads, each := int64(a.heads), int64(channels/a.heads)
	h := split(b, b.transpose(b.reshape(parts, 0, n, 3*heads, each), 0, 2, 1, 3), 1, heads, heads, heads)
	return w.join(b, attend(b, h[0], h[1], h[2], a.bias(), mask, n, n), shape, channels)
}

// attend returns [count, queries, channels] for queries, keys and values [count,
// heads, pixels, channels per head]. Queries are scaled already.
func attend(b *builder, q, k, v string, bias []float32, mask string, queries, keys int64) string {
	products := b.op("MatMul", []string{q, b.transpose(k, 0, 1, 3, 2)})
	heads := int64(len(bias)) / (queries * keys)
	products = b.op("Add", []string{products, b.floats(bias, heads, queries, keys)})
	if mask != "" {
		products = b.op("Add", []string{products, mask})
	}
	h := b.op("MatMul", []string{b.op("Softmax", []string{products}, onnx.Int("axis", -1)), v})
	return b.reshape(b.transpose(h, 0, 2, 1, 3), 0, queries, -1)
}

func (a attention) flops(w window) float64 {
	return 2*float64(len(a.qkv.weight)+len(a.out.weight)) + 4*float64(w.pixels()*a.qkv.out/3)
}

// readLinear takes a fully connected layer with or without a bias; out may be 0 for
// any.
func readLinear(r *reader, name string, out, in int) linear {
	weight := r.take(name+".weight", out, in)
	if r.err != nil {
		return linear{}
	}
	bias, _ := r.optional(name+".bias", weight.Shape[0])
	return linear{out: weight.Shape[0], in: in, weight: weight.Data, bias: bias.Data}
}

// readQKV takes the layer that computes queries, keys and values, and scales queries.
func readQKV(r *reader, name string, features, heads int) linear {
	l := readLinear(r, name, 3*features, features)
	if r.err != nil {
		return l
	}
	l.scaled, l.factor = features, 1/math.Sqrt(float64(features/heads))
	return l
}

// project applies a fully connected layer to the last axis.
func project(b *builder, x string, l linear) string {
	weight := make([]float32, len(l.weight))
	factor := func(o int, v float32) float32 {
		if o < l.scaled {
			return float32(float64(v) * l.factor)
		}
		return v
	}
	for i, v := range l.weight {
		o := i / l.in
		weight[i%l.in*l.out+o] = factor(o, v)
	}
	x = b.op("MatMul", []string{x, b.floats(weight, int64(l.in), int64(l.out))})
	if l.bias == nil {
		return x
	}
	bias := make([]float32, l.out)
	for o, v := range l.bias {
		bias[o] = factor(o, v)
	}
	return b.op("Add", []string{x, b.floats(bias, int64(l.out))})
}

// relativeBias spreads a table [distances, heads] of values by distance, rows first,
// over the pairs of pixels of windows of queries and keys, each time it is called: the
// values are many times the table's.
func relativeBias(r *reader, table []float32, q, k window, heads int) func() []float32 {
	r.derive(heads * q.pixels() * k.pixels())
	return func() []float32 {
		bias := make([]float32, 0, heads*q.pixels()*k.pixels())
		for head := range heads {
			for from := range q.pixels() {
				for to := range k.pixels() {
					dy, dx := from%q.height-to%k.height, from/q.height-to/k.height
					at := (dy+k.height-1)*(q.width+k.width-1) + dx + k.width - 1
					bias = append(bias, table[at*heads+head])
				}
			}
		}
		return bias
	}
}
