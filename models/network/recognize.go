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
	// derived counts the values that were computed from the tensors.
	derived int
}

// derive counts values that are about to be computed from the tensors and reports
// whether they are in proportion to those of the file: the largest published models
// have as many again, but a small file may ask for windows of any size.
func (r *reader) derive(values int) bool {
	const base, factor = 8 << 20, 3
	most := base
	for _, t := range r.tensors {
		most += factor * len(t.Data)
	}
	//guard:derived-values TestHostileSizes
	if r.derived += values; r.derived > most {
		r.fail(fault.Invalid, "The model's layers or windows would need far more memory than its weights; the file is damaged.")
	}
	return r.err == nil
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

// shuffle returns the scale of a pixel-shuffle from that number of channels to image
// channels.
func (r *reader) shuffle(name string, channels, image int) int {
	for scale := 1; scale <= 16; scale++ {
		if image*scale*scale == channels {
			return scale
		}
	}
	r.fail(fault.Unsupported, "The last layer, %s, has %d output channels, which match no scale of an image of %d.", name, channels, image)
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

// transposed takes a transposed convolution, whose weight is [in, out, kernel,
// kernel]; out may be 0 for any.
func (r *reader) transposed(name string, out, in, kernel int) layer {
	weight := r.take(name+".weight", in, out, kernel, kernel)
	if r.err != nil {
		return layer{}
	}
	bias := r.take(name+".bias", weight.Shape[1])
	return layer{out: weight.Shape[1], in: in, kernel: kernel, weight: weight.Data, bias: bias.Data}
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
	// A ReLU has no tensors; it is a PReLU of slope 0.
	relu := !r.has("body.1.weight") && r.has("body.2.weight")
	in := 0 // any channels of the image
	for i := 0; i < 2*maxLayers; i += 2 {
		name := fmt.Sprintf("body.%d", i)
		l := r.conv(name, 0, in, 3)
		if r.err != nil {
			return nil
		}
		n.layers = append(n.layers, l)
		in = l.out
		slopes := fmt.Sprintf("body.%d.weight", i+1)
		if relu && r.has(fmt.Sprintf("body.%d.weight", i+2)) {
			n.slopes = append(n.slopes, make([]float32, in))
			continue
		}
		if relu || !r.has(slopes) {
			break
		}
		n.slopes = append(n.slopes, readSlopes(r, slopes, l.out))
	}
	channels := n.layers[0].in
	if channels != 1 && channels != 4 {
		channels = 3
	}
	n.scale = r.shuffle(fmt.Sprintf("body.%d", 2*len(n.layers)-2), in, channels)
	if n.layers[0].in != channels {
		r.fail(fault.Unsupported, "The model takes %d channels; only gray (1), RGB (3) and RGBA (4) images are supported.", n.layers[0].in)
	}
	n.as = Convention{In: channels, Out: channels, White: 1, Scale: n.scale}
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
	n.last = r.conv("conv_last", 0, n.first.out, 3)
	if r.err != nil {
		return nil
	}
	channels := n.last.out
	n.as = Convention{In: channels, Out: channels, White: 1}
	for fold := 1; fold <= 4 && (channels == 1 || channels == 3 || channels == 4); fold *= 2 {
		if n.first.in == channels*fold*fold {
			n.fold = fold
		}
	}
	if n.fold == 0 {
		r.fail(fault.Unsupported,
			"The model takes %d channels and returns %d; only gray (1), RGB (3) and RGBA (4) images are supported, also after a pixel-unshuffle by 2 or 4.", n.first.in, channels)
		return nil
	}
	readTrunk(r, n)
	n.as.Scale = (1 << len(n.ups)) / n.fold
	if r.err == nil && 1<<len(n.ups) < n.fold {
		r.fail(fault.Unsupported,
			"This model makes images smaller: it unshuffles %dx%d pixels and upsamples %d times.", n.fold, n.fold, len(n.ups))
	}
	return n
}

// readTrunk takes all layers but the first and the last.
func readTrunk(r *reader, n *residual) {
	features := n.first.out
	for i := 0; i < maxLayers && r.has(fmt.Sprintf("body.%d.rdb1.conv1.weight", i)) && r.err == nil; i++ {
		n.blocks = append(n.blocks, readDenseBlock(r, fmt.Sprintf("body.%d.rdb%%d.conv%%d", i), features))
		if name := fmt.Sprintf("body.%d.rdb", i); r.has(name + "1.conv1x1.weight") {
			n.plus = append(n.plus, readPlus(r, name, n.blocks[i]))
		}
	}
	n.body = r.conv("conv_body", features, features, 3)
	for i := 1; i <= 4 && r.has(fmt.Sprintf("conv_up%d.weight", i)); i++ {
		n.ups = append(n.ups, r.conv(fmt.Sprintf("conv_up%d", i), features, features, 3))
	}
	n.high = r.conv("conv_hr", features, features, 3)
}

// readPlus takes the second paths of ESRGAN+, which have no bias.
func readPlus(r *reader, name string, block [denseBlocks][denseLayers]layer) (plus [denseBlocks]layer) {
	for k := range plus {
		plus[k] = readBare(r, fmt.Sprintf("%s%d.conv1x1", name, k+1), block[k][1].out, block[k][0].in, 1)
		if r.err == nil && block[k][3].out != block[k][1].out {
			r.fail(fault.Invalid, "The tensor %s%d.conv4.weight does not have the channels of conv2, to which it is added.", name, k+1)
		}
	}
	return plus
}

// readDenseBlock takes layers whose names have the numbers of dense block and layer.
func readDenseBlock(r *reader, name string, features int) (block [denseBlocks][denseLayers]layer) {
	// The growth of each layer may differ.
	for k := range block {
		in := features
		for j := range block[k] {
			out := 0
			if j == denseLayers-1 {
				out = features
			}
			l := r.conv(fmt.Sprintf(name, k+1, j+1), out, in, 3)
			block[k][j] = l
			in += l.out
		}
	}
	return block
}
