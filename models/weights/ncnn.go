package weights

import (
	"slices"

	"upscaled/models/fault"
)

// ReadNCNN reads a model that was converted to ncnn: the text of its .param file
// and the bytes of its .bin file. ncnn keeps layers but not PyTorch's names, so
// the layers are followed from blob to blob and must form exactly an RRDBNet, an
// SRVGGNetCompact or a model of Real-CUGAN or waifu2x; the tensors get that
// architecture's PyTorch names.
//
// A damaged file is fault.Invalid; other architectures and quantized (int8)
// weights are fault.Unsupported.
func ReadNCNN(param, bin []byte) (Tensors, error) {
	net, err := parseNCNNParam(param)
	if err != nil {
		return nil, err
	}
	if err := readNCNNWeights(net.layers, bin); err != nil {
		return nil, err
	}
	m := &ncnnMatcher{net: net, used: map[*ncnnLayer]bool{}, tensors: Tensors{}}
	if err := m.match(); err != nil {
		return nil, err
	}
	return m.tensors, checkFinite(m.tensors)
}

// ncnnMatcher follows a model's layers and collects its tensors.
type ncnnMatcher struct {
	net     *ncnnNetwork
	used    map[*ncnnLayer]bool
	tensors Tensors
	// output is the blob in which the model ends.
	output string
}

// match picks the architecture by the layers present, follows it and then
// insists that no layer is left over.
func (m *ncnnMatcher) match() error {
	follow := m.compact
	switch {
	case m.has("Crop"):
		follow = m.upcunet
	case m.has("Deconvolution"):
		follow = m.upconv
	case m.has("Concat"):
		follow = m.rrdb
	}
	if err := follow(); err != nil {
		return err
	}
	m.reduction()
	if left := m.net.consumers[m.output]; len(left) > 0 {
		return mismatch(left[0].name, "comes after the model's end")
	}
	for _, layer := range m.net.layers {
		if !m.used[layer] {
			return mismatch(layer.name, "is not part of it")
		}
	}
	return nil
}

func (m *ncnnMatcher) has(kind string) bool {
	return slices.ContainsFunc(m.net.layers, func(l *ncnnLayer) bool { return l.kind == kind })
}

func mismatch(layer, why string) error {
	return fault.New(fault.Unsupported, "The ncnn model is no RRDBNet, SRVGGNetCompact, Real-CUGAN or waifu2x (layer %.100q %s); import its .pth or .onnx file instead.", layer, why)
}

// find returns the only unused layer of a kind that reads exactly these blobs in
// this order and that accept (nil for any) accepts; nil if there is none or more
// than one.
func (m *ncnnMatcher) find(kind string, accept func(*ncnnLayer) bool, inputs ...string) *ncnnLayer {
	var found *ncnnLayer
	for _, layer := range m.net.consumers[inputs[0]] {
		if layer.kind != kind || !layer.takes(inputs) || (accept != nil && !accept(layer)) || m.used[layer] {
			continue
		}
		if found != nil {
			return nil
		}
		found = layer
	}
	if found != nil {
		m.used[found] = true
	}
	return found
}

// convolution follows a convolution and stores it; channels is its number of
// input channels. leaky requires a LeakyReLU of slope 0.2 after it, fused or as
// a separate layer; otherwise there must be none.
func (m *ncnnMatcher) convolution(name, input string, channels int, leaky bool) (*ncnnLayer, string, error) {
	layer := m.find("Convolution", nil, input)
	if layer == nil {
		return nil, "", mismatch(input, "should feed one convolution, "+name)
	}
	if !layer.is(3, 1, 1) {
		return nil, "", mismatch(layer.name, "is not a plain 3x3 convolution with a bias")
	}
	if layer.inChannels != channels {
		return nil, "", mismatch(layer.name, "has an unexpected number of input channels")
	}
	output := layer.out[0]
	slope, fused := layer.activation()
	switch {
	case leaky && !fused:
		relu := m.find("ReLU", func(l *ncnnLayer) bool { return near(l.number(0, 0), leakySlope) }, output)
		if relu == nil {
			return nil, "", mismatch(layer.name, "lacks its activation")
		}
		output = relu.out[0]
	case leaky != fused, fused && !near(slope, leakySlope):
		return nil, "", mismatch(layer.name, "has another activation")
	}
	m.tensors[name+".weight"] = layer.weight
	m.tensors[name+".bias"] = layer.bias
	return layer, output, nil
}

// reduction follows a bicubic reduction of the result, in which realesr-animevideov3's
// files for scales 2 and 3 end. It is left out: the model then has its own scale, and
// results of any other size are made from that.
func (m *ncnnMatcher) reduction() {
	smaller := func(l *ncnnLayer) bool {
		return l.integer(0, 0) == 3 && l.number(1, 1) < 1 && l.number(1, 1) == l.number(2, 1)
	}
	if layer := m.find("Interp", smaller, m.output); layer != nil {
		m.output = layer.out[0]
	}
}

// add follows the sum of two blobs in either order.
func (m *ncnnMatcher) add(a, b string) (string, bool) {
	plainAdd := func(l *ncnnLayer) bool { return l.integer(0, 0) == 0 && l.number(1, 0) == 0 }
	plainSum := func(l *ncnnLayer) bool { return l.integer(0, 0) == 1 && len(l.arrays[1]) == 0 }
	for _, inputs := range [][]string{{a, b}, {b, a}} {
		if layer := m.find("BinaryOp", plainAdd, inputs...); layer != nil {
			return layer.out[0], true
		}
		if layer := m.find("Eltwise", plainSum, inputs...); layer != nil {
			return layer.out[0], true
		}
	}
	return "", false
}

// nearest follows nearest-neighbor upsampling by a whole factor.
func (m *ncnnMatcher) nearest(input string, factor int) (string, bool) {
	layer := m.find("Interp", func(l *ncnnLayer) bool {
		return l.integer(0, 0) == 1 && near(l.number(1, 1), float64(factor)) && near(l.number(2, 1), float64(factor))
	}, input)
	if layer == nil {
		return "", false
	}
	return layer.out[0], true
}

// near compares numbers that were printed as decimal float32.
func near(a, b float64) bool { return a-b < 1e-6 && b-a < 1e-6 }
