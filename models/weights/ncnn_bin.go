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
	// leakySlope and residualScale are RRDBNet's.
	leakySlope    = 0.2
	residualScale = 0.2
	// ncnn's types of activations.
	ncnnReLU    = 1
	ncnnLeaky   = 2
	ncnnSigmoid = 4
	// ncnnFromInput is the number of a Scale's values if another blob holds them.
	ncnnFromInput = -233
)

// readNCNNWeights reads the layers' weights, which fill the .bin file in the
// order of the layers.
func readNCNNWeights(layers []*ncnnLayer, bin []byte) error {
	r := &ncnnBin{rest: bin}
	for _, layer := range layers {
		var err error
		switch layer.kind {
		case "Convolution", "Deconvolution":
			err = r.convolution(layer)
		case "InnerProduct":
			err = r.product(layer)
		case "PReLU":
			err = r.slopes(layer)
		case "Scale":
			if layer.number(0, 0) != ncnnFromInput || layer.number(1, 0) != 0 {
				err = mismatch(layer.name, "has scales of its own")
			}
		case "ReLU", "Concat", "BinaryOp", "Eltwise", "Interp", "PixelShuffle", "Reorg", "Pooling", "Crop":
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
	out, size, kernel := l.integer(0, 0), l.integer(6, 0), l.integer(1, 0)
	if !l.square() || out < 1 || size < 1 || kernel < 1 || kernel > maxNCNNKernel || size%(out*kernel*kernel) != 0 {
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

// product reads the weights of a fully connected layer as a 1x1 convolution's.
func (r *ncnnBin) product(l *ncnnLayer) error {
	out, size := l.integer(0, 0), l.integer(2, 0)
	if len(l.in) != 1 || out < 1 || size < 1 || size%out != 0 || l.integer(1, 0) != 1 || l.integer(8, 0) != 0 {
		return mismatch(l.name, "is not a fully connected layer with a bias")
	}
	values, err := r.tagged(size)
	if err != nil {
		return err
	}
	l.weight = Tensor{Shape: []int{out, size / out, 1, 1}, Data: values}
	l.bias, err = r.floats(out)
	return err
}

// maxNCNNKernel bounds a kernel's side; the largest in use is 5.
const maxNCNNKernel = 16

// square reports whether a convolution is alike in both directions, without dilation
// and with a bias. Keys 11 to 16 are the vertical counterparts and the other sides;
// they default to the horizontal ones. Key 18 is a padding value, or what a transposed
// convolution adds, as keys 19 to 21.
func (l *ncnnLayer) square() bool {
	width, pad := l.integer(1, 0), l.integer(4, 0)
	dilation, stride := l.integer(2, 1), l.integer(3, 1)
	return len(l.in) == 1 && l.integer(11, width) == width &&
		dilation == 1 && l.integer(12, dilation) == 1 && l.integer(13, stride) == stride &&
		l.integer(14, pad) == pad && l.integer(15, pad) == pad && l.integer(16, pad) == pad &&
		l.integer(5, 0) == 1 && l.integer(8, 0) == 0 && l.number(18, 0) == 0 &&
		l.integer(19, 0) == 0 && l.integer(20, 0) == 0 && l.integer(21, 0) == 0
}

// is reports whether a convolution has a kernel, a stride and a padding.
func (l *ncnnLayer) is(kernel, stride, pad int) bool {
	return l.integer(1, 0) == kernel && l.integer(3, 1) == stride && l.integer(4, 0) == pad
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
