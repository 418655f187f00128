package network

import (
	"upscaled/models/fault"
	"upscaled/models/onnx"
	"upscaled/models/weights"
)

// gatedBlock is MoSR's: half of the channels weight the other half, of which a part goes
// through depthwise convolutions first.
type gatedBlock struct {
	norm norm
	// rms is set if norm divides by the root of the mean square.
	rms          bool
	gates, mixed layer
	// depthwise convolutions, of the last channels: one, or of 3x3, one row and one
	// column.
	depthwise []weights.Tensor
	biases    [][]float32
	// gamma weights the block's result; nil in version 1, which subtracts 0.5.
	gamma []float32
}

func readGatedBlock(r *reader, name string, features int) gatedBlock {
	block := gatedBlock{gates: r.conv(name+"fc1", 0, features, 3)}
	hidden := block.gates.out / 2
	block.mixed = r.conv(name+"fc2", features, hidden, 3)
	if block.rms = r.has(name + "norm.scale"); block.rms {
		block.norm = norm{r.take(name+"norm.scale", features, 1, 1).Data, r.take(name+"norm.offset", features, 1, 1).Data}
	} else {
		block.norm = readNorm(r, name+"norm", features)
	}
	if gamma, ok := r.optional(name+"gamma", 1, features, 1, 1); ok {
		block.gamma = gamma.Data
	}
	sum := 0
	for _, part := range []string{"conv", "conv.dwconv_hw", "conv.dwconv_w", "conv.dwconv_h"} {
		if !r.has(name + part + ".weight") {
			continue
		}
		t := r.take(name+part+".weight", 0, 1, 0, 0)
		if r.err != nil {
			return block
		}
		block.depthwise, sum = append(block.depthwise, t), sum+t.Shape[0]
		block.biases = append(block.biases, r.take(name+part+".bias", t.Shape[0]).Data)
		if t.Shape[2]%2 == 0 || t.Shape[3]%2 == 0 {
			sum = hidden + 1
		}
	}
	if r.err == nil && (block.gates.out%2 != 0 || sum == 0 || sum > hidden) {
		r.fail(fault.Invalid, "The block %s has %d channels, which fit no gates of %d.", name, sum, block.gates.out)
	}
	return block
}

func (block gatedBlock) build(b *builder, x, half string) string {
	h := b.transpose(x, 0, 2, 3, 1)
	if block.rms {
		h = rmsNorm(b, h, block.norm)
	} else {
		h = layerNorm(b, h, block.norm, 1e-6)
	}
	h = b.same(b.transpose(h, 0, 3, 1, 2), block.gates)
	hidden := int64(block.mixed.in)
	sizes, rest := []int64{hidden}, hidden
	for _, t := range block.depthwise {
		rest -= int64(t.Shape[0])
	}
	if rest > 0 {
		sizes = append(sizes, rest)
	}
	for _, t := range block.depthwise {
		sizes = append(sizes, int64(t.Shape[0]))
	}
	parts := split(b, h, 1, sizes...)
	own := parts[len(parts)-len(block.depthwise):]
	for i, t := range block.depthwise {
		channels, high, wide := int64(t.Shape[0]), int64(t.Shape[2]), int64(t.Shape[3])
		own[i] = b.op("Conv", []string{own[i], b.floats(t.Data, channels, 1, high, wide), b.floats(block.biases[i], channels)},
			onnx.Ints("kernel_shape", high, wide), onnx.Ints("pads", high/2, wide/2, high/2, wide/2), onnx.Int("group", channels))
	}
	h = parts[1]
	if len(parts) > 2 {
		h = b.concat(1, parts[1:]...)
	}
	h = mish(b, b.same(b.op("Mul", []string{mish(b, parts[0]), h}), block.mixed))
	if block.gamma != nil {
		return b.op("Add", []string{b.op("Mul", []string{h, b.floats(block.gamma, int64(len(block.gamma)), 1, 1)}), x})
	}
	return b.op("Add", []string{h, b.op("Sub", []string{x, half})})
}
