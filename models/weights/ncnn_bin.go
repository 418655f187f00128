package weights

import (
	"encoding/binary"
	"fmt"

	"upscaled/models/fault"
)

// Tags before a convolution's weights (ncnn, src/modelbin.cpp); 0 means float32.
// Any other tag means int8 values or a table of 256.
const (
	ncnnHalf   = 0x01306B47
	ncnnScaled = 0x0002C056 // plain float32 too
)

const (
	kernel = 3 // every convolution of both architectures is 3x3
	// leakySlope and residualScale are RRDBNet's.
	leakySlope    = 0.2
	residualScale = 0.2
	// ncnnLeaky is ncnn's activation type for LeakyReLU.
	ncnnLeaky = 2
)

// readNCNNWeights reads the layers' weights, which fill the .bin file in the
// order of the layers.
func readNCNNWeights(layers []*ncnnLayer, bin []byte) error {
	r := &ncnnBin{rest: bin}
	for _, layer := range layers {
		var err error
		switch layer.kind {
		case "Convolution":
			err = r.convolution(layer)
		case "PReLU":
			err = r.slopes(layer)
		case "ReLU", "Concat", "BinaryOp", "Eltwise", "Interp", "PixelShuffle", "Reorg":
		default:
			err = mismatch(layer.name, fmt.Sprintf("is a %.40s", layer.kind))
		}
		if err != nil {
			return err
		}
	}
	if len(r.rest) != 0 {
		return damaged(nil, fmt.Sprintf("the .bin file has %d bytes more than the .param file describes", len(r.rest)))
	}
	return nil
}

// ncnnBin reads a .bin file; rest has not been read yet.
type ncnnBin struct{ rest []byte }

// take returns the next n bytes; a multiple of 4 keeps the rest aligned.
func (r *ncnnBin) take(n int) ([]byte, error) {
	if n < 0 || n > len(r.rest) {
		return nil, damaged(nil, "the .bin file is shorter than the .param file describes")
	}
	raw := r.rest[:n]
	r.rest = r.rest[n:]
	return raw, nil
}

// floats reads count untagged float32 values as a tensor of one side.
func (r *ncnnBin) floats(count int) (Tensor, error) {
	raw, err := r.take(4 * count)
	if err != nil {
		return Tensor{}, err
	}
	values := make([]float32, count)
	float32Element.decode(values, raw, binary.LittleEndian)
	return Tensor{Shape: []int{count}, Data: values}, nil
}

// tagged reads count values in the precision that the tag before them states.
func (r *ncnnBin) tagged(count int) ([]float32, error) {
	tag, err := r.take(4)
	if err != nil {
		return nil, err
	}
	kind := float32Element
	switch binary.LittleEndian.Uint32(tag) {
	case 0, ncnnScaled:
	case ncnnHalf:
		kind = float16Element
	default:
		return nil, fault.New(fault.Unsupported, "The ncnn weights are quantized (int8), which loses too much; get the float16 or float32 file.")
	}
	stored := count * int(kind.size())
	raw, err := r.take((stored + 3) &^ 3)
	if err != nil {
		return nil, err
	}
	values := make([]float32, count)
	kind.decode(values, raw, binary.LittleEndian)
	return values, nil
}

// convolution reads weights [out, in, kernel, kernel] and a bias.
func (r *ncnnBin) convolution(l *ncnnLayer) error {
	out, size := l.integer(0, 0), l.integer(6, 0)
	if !l.plainConvolution() || out < 1 || size < 1 || size%(out*kernel*kernel) != 0 {
		return mismatch(l.name, "is not a plain 3x3 convolution with a bias")
	}
	l.inChannels = size / (out * kernel * kernel)
	values, err := r.tagged(size)
	if err != nil {
		return err
	}
	l.weight = Tensor{Shape: []int{out, l.inChannels, kernel, kernel}, Data: values}
	l.bias, err = r.floats(out)
	return err
}

// plainConvolution reports whether the layer is 3x3 with stride and dilation 1,
// one pixel of zero padding and a bias. Keys 11 to 16 are the vertical
// counterparts and the other sides; they default to the horizontal ones.
func (l *ncnnLayer) plainConvolution() bool {
	width, pad := l.integer(1, 0), l.integer(4, 0)
	dilation, stride := l.integer(2, 1), l.integer(3, 1)
	return len(l.in) == 1 && width == kernel && l.integer(11, width) == kernel &&
		dilation == 1 && l.integer(12, dilation) == 1 &&
		stride == 1 && l.integer(13, stride) == 1 &&
		pad == 1 && l.integer(14, pad) == 1 && l.integer(15, pad) == 1 && l.integer(16, pad) == 1 &&
		l.integer(5, 0) == 1 && l.integer(8, 0) == 0 && l.number(18, 0) == 0 && l.integer(19, 0) == 0
}

// activation returns the slope of a fused LeakyReLU; any other fused activation
// is returned as a slope that matches nothing.
func (l *ncnnLayer) activation() (slope float64, fused bool) {
	switch l.integer(9, 0) {
	case 0:
		return 0, false
	case ncnnLeaky:
		if len(l.arrays[10]) == 1 {
			return l.arrays[10][0], true
		}
	}
	return -1, true
}

func (r *ncnnBin) slopes(l *ncnnLayer) error {
	count := l.integer(0, 0)
	if count < 1 || len(l.in) != 1 {
		return mismatch(l.name, "has no slopes")
	}
	var err error
	l.weight, err = r.floats(count)
	return err
}
