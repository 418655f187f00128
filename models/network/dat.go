package network

import (
	"fmt"
	"math"

	"upscaled/models/fault"
	"upscaled/models/onnx"
)

// datBlock alternates attention of windows with attention of channels, each beside a
// depthwise convolution; the two weight each other.
type datBlock struct {
	norms [2]norm
	// qkv is followed by out; queries are scaled for windows only.
	qkv, out linear
	heads    int
	// windows are one per half of the channels; nil for attention of channels.
	windows []window
	bias    [2]func() []float32
	// temperature scales the products of channels, a value per head.
	temperature []float32

	depthwise       layer
	channel, spaces [2]layer // interactions
	gate            spatialGate
}

// spatialGate is a feed-forward network whose one half weights the other.
type spatialGate struct {
	first, last linear
	norm        norm
	depthwise   layer
}

func readDAT(r *reader) model {
	n := readTransformer(r, DAT, "before_RG.1")
	split := readDATSplit(r)
	n.pixels, n.window = split[0]*split[1], fmt.Sprintf("%dx%d", split[0], split[1])
	for i := range r.count("layers.%d.blocks.0.norm1.weight") {
		name := fmt.Sprintf("layers.%d.", i)
		group := transformerGroup{after: readConvChain(r, name+"conv", n.first.out)}
		for k := range r.count(name + "blocks.%d.norm1.weight") {
			rolls := i%2 == 0 && k%4 == 2 || i%2 == 1 && k%4 == 0
			block := readDATBlock(r, fmt.Sprintf("%sblocks.%d.", name, k), n.first.out, split, rolls)
			n.heads = max(n.heads, block.heads)
			group.blocks = append(group.blocks, block)
		}
		n.groups = append(n.groups, group)
	}
	return n
}

// readDATSplit returns the sides of the windows from the distances within them.
func readDATSplit(r *reader) [2]int {
	t := r.take("layers.0.blocks.0.attn.attns.0.rpe_biases", 0, 2)
	if r.err != nil {
		return [2]int{1, 1}
	}
	last := t.Data[len(t.Data)-2:]
	split := [2]int{int(last[0]) + 1, int(last[1]) + 1}
	if min(split[0], split[1]) < 1 || max(split[0], split[1]) > maxWindow || (2*split[0]-1)*(2*split[1]-1) != t.Shape[0] {
		r.fail(fault.Invalid, "The tensor layers.0.blocks.0.attn.attns.0.rpe_biases describes windows of %dx%d pixels, which do not fit its %d rows.", split[0], split[1], t.Shape[0])
		return [2]int{1, 1}
	}
	return split
}

func readDATBlock(r *reader, name string, features int, split [2]int, rolls bool) *datBlock {
	attn := name + "attn."
	block := &datBlock{
		norms: [2]norm{readNorm(r, name+"norm1", features), readNorm(r, name+"norm2", features)},
		out:   readLinear(r, attn+"proj", features, features), gate: readSpatialGate(r, name+"ffn.", features),
		depthwise: normalizedConv(r, attn+"dwconv.0", attn+"dwconv.1", features, 1, 3),
	}
	block.channel[0] = normalizedConv(r, attn+"channel_interaction.1", attn+"channel_interaction.2", 0, features, 1)
	block.channel[1] = r.conv(attn+"channel_interaction.4", features, block.channel[0].out, 1)
	block.spaces[0] = normalizedConv(r, attn+"spatial_interaction.0", attn+"spatial_interaction.1", 0, features, 1)
	block.spaces[1] = r.conv(attn+"spatial_interaction.3", 1, block.spaces[0].out, 1)
	if r.has(attn + "temperature") {
		t := r.take(attn+"temperature", 0, 1, 1)
		block.temperature, block.heads = t.Data, len(t.Data)
		block.qkv = readLinear(r, attn+"qkv", 3*features, features)
	} else {
		readDATWindows(r, block, attn, features, split, rolls)
	}
	if r.err == nil && (block.heads < 1 || features%block.heads != 0 || features%2 != 0) {
		r.fail(fault.Invalid, "The %d channels of %sattn cannot be divided among %d heads.", features, name, block.heads)
	}
	return block
}

// readDATWindows takes the attention of windows.
func readDATWindows(r *reader, block *datBlock, attn string, features int, split [2]int, rolls bool) {
	for i := range 2 {
		w := window{height: split[i], width: split[1-i]}
		table, heads := positionTable(r, fmt.Sprintf("%sattns.%d.", attn, i), w)
		if rolls {
			w.down, w.right = w.height/2, w.width/2
		}
		if r.err == nil && (features%(4*heads) != 0 && features%(2*heads) != 0) {
			r.fail(fault.Invalid, "The %d channels of %s cannot be divided among %d heads.", features, attn, 2*heads)
		}
		block.heads = 2 * heads
		block.windows = append(block.windows, w)
		if r.err == nil {
			block.bias[i] = relativeBias(r, table, w, w, heads)
		}
	}
	if r.err == nil {
		block.qkv = readQKV(r, attn+"qkv", features, block.heads)
	}
}

func readSpatialGate(r *reader, name string, features int) spatialGate {
	g := spatialGate{first: readLinear(r, name+"fc1", 0, features)}
	half := g.first.out / 2
	g.last = readLinear(r, name+"fc2", features, half)
	g.norm = readNorm(r, name+"sg.norm", half)
	g.depthwise = r.conv(name+"sg.conv", half, 1, 3)
	return g
}

// normalizedConv takes a convolution and folds the batch normalization behind it into
// it.
func normalizedConv(r *reader, name, normal string, out, in, kernel int) layer {
	l := r.conv(name, out, in, kernel)
	if r.err != nil {
		return l
	}
	n := readNorm(r, normal, l.out)
	mean, variance := r.take(normal+".running_mean", l.out).Data, r.take(normal+".running_var", l.out).Data
	r.ignore(normal + ".num_batches_tracked")
	if r.err != nil {
		return l
	}
	factors := make([]float64, l.out)
	for i := range factors {
		factors[i] = float64(n.weight[i]) / math.Sqrt(float64(variance[i])+1e-5)
	}
	l = l.scaledOutputs(factors)
	for i := range l.bias {
		l.bias[i] += float32(float64(n.bias[i]) - factors[i]*float64(mean[i]))
	}
	return l
}

// positionTable computes the values by distance within windows, [distances, heads],
// by the model's own small network.
func positionTable(r *reader, name string, w window) (table []float32, heads int) {
	r.take(name+"rpe_biases", (2*w.height-1)*(2*w.width-1), 2)
	r.ignore(name + "relative_position_index")
	first := readLinear(r, name+"pos.pos_proj", 0, 2)
	if r.err != nil {
		return nil, 1
	}
	var norms []norm
	layers := []linear{first}
	for i := 1; i <= 3 && r.err == nil; i++ {
		part := fmt.Sprintf("%spos.pos%d.", name, i)
		norms = append(norms, readNorm(r, part+"0", first.out))
		layers = append(layers, readLinear(r, part+"2", 0, first.out))
		if i < 3 && r.err == nil && layers[i].out != first.out {
			r.fail(fault.Invalid, "The layer %s2 has %d outputs instead of %d.", part, layers[i].out, first.out)
		}
	}
	if r.err != nil {
		return nil, 1
	}
	for dy := 1 - w.height; dy < w.height; dy++ {
		for dx := 1 - w.width; dx < w.width; dx++ {
			v := first.apply([]float64{float64(dy), float64(dx)})
			for i, l := range layers[1:] {
				v = l.apply(norms[i].applyReLU(v))
			}
			for _, value := range v {
				table = append(table, float32(value))
			}
		}
	}
	return table, layers[3].out
}

// apply computes the layer in float64.
func (l linear) apply(in []float64) []float64 {
	out := make([]float64, l.out)
	for o := range out {
		if l.bias != nil {
			out[o] = float64(l.bias[o])
		}
		for i, v := range in {
			out[o] += v * float64(l.weight[o*l.in+i])
		}
	}
	return out
}

// applyReLU normalizes values and drops negative ones.
func (n norm) applyReLU(in []float64) []float64 {
	var mean, variance float64
	for _, v := range in {
		mean += v / float64(len(in))
	}
	for _, v := range in {
		variance += (v - mean) * (v - mean) / float64(len(in))
	}
	out := make([]float64, len(in))
	for i, v := range in {
		out[i] = max(0, (v-mean)/math.Sqrt(variance+1e-5)*float64(n.weight[i])+float64(n.bias[i]))
	}
	return out
}

func (d *datBlock) flops() float64 {
	sum := 2*float64(len(d.qkv.weight)+len(d.out.weight)+len(d.gate.first.weight)+len(d.gate.last.weight)) +
		d.depthwise.flops() + d.spaces[0].flops() + d.gate.depthwise.flops()
	for _, w := range d.windows {
		sum += 2 * float64(w.pixels()*d.out.in)
	}
	if d.windows == nil {
		sum += 4 * float64(d.out.in*d.out.in/d.heads)
	}
	return sum
}

func (d *datBlock) build(b *builder, x string) string {
	qkv := project(b, layerNorm(b, x, d.norms[0], 1e-5), d.qkv)
	channels := int64(d.out.in)
	values := b.transpose(split(b, qkv, 3, 2*channels, channels)[1], 0, 3, 1, 2)
	beside := gelu(b, b.conv(values, d.depthwise, convParams{stride: 1, pad: 1, depthwise: true}))
	var attended string
	if d.windows == nil {
		attended = d.attendChannels(b, qkv, values)
	} else {
		attended = d.attendWindows(b, qkv)
	}
	byChannel, bySpace := beside, attended
	if d.windows == nil {
		byChannel, bySpace = attended, beside
	}
	means := inFloat32(b, byChannel, func(x string) string { return b.op("GlobalAveragePool", []string{x}) })
	channelMap := interaction(b, means, d.channel)
	spatialMap := interaction(b, bySpace, d.spaces)
	if d.windows == nil {
		channelMap, spatialMap = spatialMap, channelMap
	}
	h := b.op("Add", []string{b.op("Mul", []string{attended, channelMap}), b.op("Mul", []string{beside, spatialMap})})
	h = b.op("Add", []string{x, project(b, b.transpose(h, 0, 2, 3, 1), d.out)})
	return b.op("Add", []string{h, d.gate.build(b, layerNorm(b, h, d.norms[1], 1e-5))})
}

// interaction adds two 1x1 convolutions with a GELU between them, and a sigmoid.
func interaction(b *builder, x string, layers [2]layer) string {
	return b.op("Sigmoid", []string{b.same(gelu(b, b.same(x, layers[0])), layers[1])})
}

func (g spatialGate) build(b *builder, x string) string {
	h := gelu(b, project(b, x, g.first))
	half := int64(g.first.out / 2)
	parts := split(b, h, 3, half, half)
	weight := b.transpose(layerNorm(b, parts[1], g.norm, 1e-5), 0, 3, 1, 2)
	weight = b.conv(weight, g.depthwise, convParams{stride: 1, pad: 1, depthwise: true})
	return project(b, b.op("Mul", []string{parts[0], b.transpose(weight, 0, 2, 3, 1)}), g.last)
}

// attendWindows returns the attention of both halves of the channels, [1, channels,
// height, width]. Images are filled up with zeros to whole windows.
func (d *datBlock) attendWindows(b *builder, qkv string) string {
	height, width := side(b, qkv, 1), side(b, qkv, 2)
	missing := func(length string) string {
		return missingOf(b, length, max(d.windows[0].height, d.windows[0].width))
	}
	zeros := b.ints(0, 0, 0, 0, 0)
	full := b.op("Pad", []string{qkv, b.concat(0, zeros, missing(height), missing(width), b.ints(0))})
	half := int64(d.out.in / 2)
	parts := split(b, full, 3, half, half, half, half, half, half) // q0 q1 k0 k1 v0 v1
	var halves []string
	for i, w := range d.windows {
		a := attention{qkv: linear{out: 3 * int(half)}, heads: d.heads / 2, bias: d.bias[i]}
		halves = append(halves, a.build(b, b.concat(3, parts[i], parts[2+i], parts[4+i]), w))
	}
	ends := b.concat(0, b.reshape(height, 1), b.reshape(width, 1))
	h := b.op("Slice", []string{b.concat(3, halves...), b.ints(0, 0), ends, b.ints(1, 2)})
	return b.transpose(h, 0, 3, 1, 2)
}

// attendChannels returns the attention between channels over all pixels, [1, channels,
// height, width]; values has that shape.
func (d *datBlock) attendChannels(b *builder, qkv, values string) string {
	heads, each := int64(d.heads), int64(d.out.in/d.heads)
	h := b.reshape(b.transpose(qkv, 0, 3, 1, 2), 1, 3*heads, each, -1)
	parts := split(b, h, 1, heads, heads, heads)
	h = attendChannels(b, parts, d.temperature)
	return b.op("Reshape", []string{h, b.op("Shape", []string{values})})
}

// attendChannels returns the attention between channels: queries, keys and values are
// [count, heads, channels, pixels], and queries and keys are normalized over the pixels.
func attendChannels(b *builder, qkv []string, temperature []float32) string {
	for i := range 2 {
		qkv[i] = inFloat32(b, qkv[i], func(x string) string {
			length := b.op("ReduceL2", []string{x}, onnx.Ints("axes", -1))
			return b.op("Div", []string{x, b.op("Max", []string{length, b.float(1e-12)})})
		})
	}
	products := b.op("MatMul", []string{qkv[0], b.transpose(qkv[1], 0, 1, 3, 2)})
	products = b.op("Mul", []string{products, b.floats(temperature, int64(len(temperature)), 1, 1)})
	return b.op("MatMul", []string{b.op("Softmax", []string{products}, onnx.Int("axis", -1)), qkv[2]})
}
