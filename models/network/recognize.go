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

// Recognize finds the architecture from tensor names and shapes alone and reads the
// model's variant from them. A tensor that is missing, has the wrong shape or is not
// finite is fault.Invalid; tensors of no known architecture are fault.Unsupported.
// The error names the tensor.
func Recognize(t weights.Tensors) (*Network, error) {
	t = weights.Normalize(t)
	r := &reader{tensors: t, used: make(map[string]bool, len(t))}
	a, err := r.architectureOf()
	if err != nil {
		return nil, err
	}
	m := a.read(r)
	if r.err == nil {
		r.rest()
	}
	if r.err != nil {
		return nil, r.err
	}
	n := &Network{id: sync.OnceValue(func() string { return hash(t) }), info: m.info(), build: m.build}
	if s, ok := m.(sequencer); ok {
		n.sequential = s.sequential
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

// optional takes a tensor if it is there.
func (r *reader) optional(name string, shape ...int) (weights.Tensor, bool) {
	if !r.has(name) {
		return weights.Tensor{}, false
	}
	return r.take(name, shape...), r.err == nil
}

// ignore marks a tensor that the others determine.
func (r *reader) ignore(name string) { r.used[name] = true }

// count returns the number of consecutive names from 0 on, such as "layers.%d.weight".
func (r *reader) count(format string) int {
	n := 0
	for n < maxLayers && r.has(fmt.Sprintf(format, n)) {
		n++
	}
	return n
}

// shuffle returns the scale of a pixel-shuffle from that number of channels to RGB.
func (r *reader) shuffle(name string, channels int) int {
	for scale := 1; scale <= 16; scale++ {
		if 3*scale*scale == channels {
			return scale
		}
	}
	r.fail(fault.Unsupported, "The last layer, %s, has %d output channels, which match no scale of an RGB image.", name, channels)
	return 0
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

func readCompact(r *reader) *compact {
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
		n.slopes = append(n.slopes, readSlopes(r, slopes, l.out))
	}
	n.scale = r.shuffle(fmt.Sprintf("body.%d", 2*len(n.layers)-2), in)
	return n
}

// readSlopes takes a PReLU's slopes; a single one serves all channels.
func readSlopes(r *reader, name string, channels int) []float32 {
	if t := r.tensors[name]; len(t.Data) == 1 && channels > 1 {
		return slices.Repeat(r.take(name, 1).Data, channels)
	}
	return r.take(name, channels).Data
}

func readResidual(r *reader) *residual {
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
		n.blocks = append(n.blocks, readDenseBlock(r, i, features))
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

func readDenseBlock(r *reader, i, features int) (block [denseBlocks][denseLayers]layer) {
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
