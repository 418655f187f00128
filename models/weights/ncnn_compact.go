package weights

import (
	"fmt"
	"slices"
)

// compact follows SRVGGNetCompact (BasicSR, srvgg_arch.py): convolutions
// (body.2k) with a PReLU each (body.2k+1), a last convolution, a pixel-shuffle,
// and the sum with the upsampled input.
func (m *ncnnMatcher) compact() error {
	input := m.net.input
	channels, colors := 0, 0
	if first := m.net.consumers[input]; len(first) > 0 {
		for _, layer := range first {
			channels = max(channels, layer.inChannels)
		}
		colors = channels
	}
	at, index := input, 0
	for ; ; index += 2 {
		conv, output, err := m.convolution(fmt.Sprintf("body.%d", index), at, channels, false)
		if err != nil {
			return err
		}
		channels = conv.weight.Shape[0]
		at = output
		prelu := m.find("PReLU", nil, at)
		if prelu == nil {
			break
		}
		slopes, err := perChannel(prelu, channels)
		if err != nil {
			return err
		}
		m.tensors[fmt.Sprintf("body.%d.weight", index+1)] = slopes
		at = prelu.out[0]
	}
	return m.compactTail(input, at, channels, colors)
}

// compactTail follows the layers after the last convolution. At scale 1
// converters omit both the shuffle and the upsampling.
func (m *ncnnMatcher) compactTail(input, at string, channels, colors int) error {
	factor := 1
	// ncnn's mode 0 orders channels as PyTorch's pixel_shuffle.
	shuffle := m.find("PixelShuffle", func(l *ncnnLayer) bool { return l.integer(1, 0) == 0 }, at)
	if shuffle != nil {
		factor = shuffle.integer(0, 1)
		at = shuffle.out[0]
	}
	if factor < 1 || factor > 16 || channels != colors*factor*factor {
		return mismatch(at, "does not have the channels that its scale needs")
	}
	base := input
	if upsampled, ok := m.nearest(input, factor); ok {
		base = upsampled
	} else if factor != 1 {
		return mismatch(input, "is not upsampled to be added at the end")
	}
	output, ok := m.add(at, base)
	if !ok {
		return mismatch(at, "is not added to the upsampled input")
	}
	m.output = output
	return nil
}

// perChannel returns a PReLU's slopes, one per channel; ncnn may store a single
// shared one.
func perChannel(layer *ncnnLayer, channels int) (Tensor, error) {
	slopes := layer.weight
	if len(slopes.Data) == 1 && channels > 1 {
		slopes = Tensor{Shape: []int{channels}, Data: slices.Repeat(slopes.Data, channels)}
	}
	if len(slopes.Data) != channels {
		return Tensor{}, mismatch(layer.name, "does not have one slope per channel")
	}
	return slopes, nil
}
