package network

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"

	"upscaled/models/fault"
	"upscaled/models/weights"
)

// maxLayers bounds the number of layers or blocks of a file.
const maxLayers = 1000

// Recognize finds the architecture from tensor names and shapes alone: RRDBNet
// with any number of blocks and features at 4x, 2x and 1x, SRVGGNetCompact of
// any depth, width and scale, or the clean GFPGAN of any side and width. A
// tensor that is missing, has the wrong shape or is not finite is
// fault.Invalid; tensors of no known architecture are fault.Unsupported. The
// error names the tensor.
func Recognize(t weights.Tensors) (*Network, error) {
	t = weights.Normalize(t)
	if err := refuseKnown(t); err != nil {
		return nil, err
	}
	r := &reader{tensors: t, used: make(map[string]bool, len(t))}
	n := &Network{id: sync.OnceValue(func() string { return hash(t) })}
	switch {
	case r.has("conv_first.weight"):
		net := r.residual()
		if r.err == nil {
			n.info, n.build, n.sequential = net.info(), net.build, net.sequential
		}
	case r.has("body.0.weight"):
		net := r.compact()
		if r.err == nil {
			n.info, n.build, n.sequential = net.info(), net.build, net.sequential
		}
	case r.has("conv_body_first.weight"):
		net := r.gfpgan()
		if r.err == nil {
			n.info, n.build = net.info(), net.build
		}
	case r.has("conv_body_first.0.weight"):
		return nil, fault.New(fault.Unsupported,
			"This is a GFPGAN of version 1, which needs custom operators; use version 1.3 or 1.4.")
	default:
		return nil, fault.New(fault.Unsupported,
			"This file is of no known architecture: it has neither conv_first.weight (RRDBNet) nor body.0.weight (SRVGGNetCompact) nor conv_body_first.weight (GFPGAN); export the model to ONNX and import that.")
	}
	if r.err == nil {
		r.rest()
	}
	if r.err != nil {
		return nil, r.err
	}
	return n, nil
}

// hash identifies tensors by names, shapes and data, in the order of names.
func hash(t weights.Tensors) string {
	digest := sha256.New()
	buffer := make([]byte, 0, 1<<16)
	for _, name := range slices.Sorted(maps.Keys(t)) {
		fmt.Fprintf(digest, "%q %v\n", name, t[name].Shape)
		for part := range slices.Chunk(t[name].Data, cap(buffer)/4) {
			buffer = buffer[:0]
			for _, v := range part {
				buffer = binary.LittleEndian.AppendUint32(buffer, math.Float32bits(v))
			}
			digest.Write(buffer)
		}
	}
	return hex.EncodeToString(digest.Sum(nil))
}

// reader takes tensors by name and checks them. After the first error it returns
// zero values, so that callers check err once.
type reader struct {
	tensors weights.Tensors
	used    map[string]bool
	err     error
}

func (r *reader) has(name string) bool {
	_, ok := r.tensors[name]
	return ok
}

func (r *reader) fail(kind fault.Kind, format string, args ...any) {
	if r.err == nil {
		r.err = fault.New(kind, format, args...)
	}
}

// take returns a tensor of the given shape; 0 allows any size of that side.
func (r *reader) take(name string, shape ...int) weights.Tensor {
	t, ok := r.tensors[name]
	if r.err != nil {
		return weights.Tensor{}
	}
	if !ok {
		r.fail(fault.Invalid, "The tensor %s is missing; the file is damaged or of another architecture.", name)
		return weights.Tensor{}
	}
	r.used[name] = true
	size, fits := 1, len(t.Shape) == len(shape)
	for i, side := range t.Shape {
		size *= side
		fits = fits && side > 0 && (shape[i] == 0 || shape[i] == side)
	}
	if !fits || size != len(t.Data) {
		r.fail(fault.Invalid, "The tensor %s has the shape %v, but the architecture needs %s.", name, t.Shape, wanted(shape))
		return weights.Tensor{}
	}
	for _, v := range t.Data {
		if v-v != 0 { // true for infinities and NaN only
			r.fail(fault.Invalid, "The tensor %s holds numbers that are not finite; the file is damaged.", name)
			return weights.Tensor{}
		}
	}
	return t
}

func wanted(shape []int) string {
	text := "["
	for i, side := range shape {
		if i > 0 {
			text += " "
		}
		if side == 0 {
			text += "any"
		} else {
			text += fmt.Sprint(side)
		}
	}
	return text + "]"
}

// conv takes a convolution; out or in may be 0 for any.
func (r *reader) conv(name string, out, in, kernel int) layer {
	weight := r.take(name+".weight", out, in, kernel, kernel)
	if r.err != nil {
		return layer{}
	}
	return layerOf(weight, r.take(name+".bias", weight.Shape[0]))
}

// rest rejects tensors that nothing took: a model that is almost known would
// otherwise silently compute the wrong result.
func (r *reader) rest() {
	for _, name := range slices.Sorted(maps.Keys(r.tensors)) {
		if !r.used[name] {
			r.fail(fault.Unsupported, "The tensor %s belongs to no known architecture.", name)
			return
		}
	}
}

func (r *reader) compact() *compact {
	n := &compact{}
	in := 3
	for i := 0; i < 2*maxLayers; i += 2 {
		name := fmt.Sprintf("body.%d", i)
		l := r.conv(name, 0, in, 3)
		if r.err != nil {
			return nil
		}
		n.layers = append(n.layers, l)
		in = l.out
		slopes := fmt.Sprintf("body.%d.weight", i+1)
		if !r.has(slopes) {
			break
		}
		n.slopes = append(n.slopes, r.slopes(slopes, l.out))
	}
	for scale := 1; scale <= 16 && r.err == nil; scale++ {
		if 3*scale*scale == in {
			n.scale = scale
			return n
		}
	}
	r.fail(fault.Unsupported,
		"The last layer, body.%d, has %d output channels, which match no scale of an RGB image.",
		2*len(n.layers)-2, in)
	return nil
}

// slopes takes a PReLU's slopes; a single one serves all channels.
func (r *reader) slopes(name string, channels int) []float32 {
	if t := r.tensors[name]; len(t.Data) == 1 && channels > 1 {
		return slices.Repeat(r.take(name, 1).Data, channels)
	}
	return r.take(name, channels).Data
}

func (r *reader) residual() *residual {
	n := &residual{first: r.conv("conv_first", 0, 0, 3)}
	if r.err != nil {
		return nil
	}
	switch n.first.in {
	case 3:
		n.fold = 1
	case 12:
		n.fold = 2
	case 48:
		n.fold = 4
	default:
		r.fail(fault.Unsupported,
			"The first layer, conv_first, has %d input channels; only RGB images (3, or 12 and 48 after a pixel-unshuffle) are supported.", n.first.in)
		return nil
	}
	features := n.first.out
	for i := 0; i < maxLayers && r.has(fmt.Sprintf("body.%d.rdb1.conv1.weight", i)) && r.err == nil; i++ {
		n.blocks = append(n.blocks, r.block(i, features))
	}
	n.body = r.conv("conv_body", features, features, 3)
	for i := 1; i <= 4 && r.has(fmt.Sprintf("conv_up%d.weight", i)); i++ {
		n.ups = append(n.ups, r.conv(fmt.Sprintf("conv_up%d", i), features, features, 3))
	}
	n.high = r.conv("conv_hr", features, features, 3)
	n.last = r.conv("conv_last", 3, features, 3)
	if r.err == nil && 1<<len(n.ups) < n.fold {
		r.fail(fault.Unsupported,
			"This model makes images smaller: it unshuffles %dx%d pixels and upsamples %d times.", n.fold, n.fold, len(n.ups))
	}
	return n
}

func (r *reader) block(i, features int) (block [denseBlocks][denseLayers]layer) {
	// The growth of each layer may differ.
	for k := range block {
		in := features
		for j := range block[k] {
			out := 0
			if j == denseLayers-1 {
				out = features
			}
			l := r.conv(fmt.Sprintf("body.%d.rdb%d.conv%d", i, k+1, j+1), out, in, 3)
			block[k][j] = l
			in += l.out
		}
	}
	return block
}
