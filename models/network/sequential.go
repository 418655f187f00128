package network

import "upscaled/models/fault"

// Sequential is a model as a sequence of 3x3 convolutions, for runtimes that
// compute without ONNX. Constants and the conversion of samples are folded into
// the weights; every convolution pads its input with one zero on all sides.
// Weights are shared with the Network and must not be changed.
type Sequential struct {
	// PixelUnshuffle is the side of the square of pixels that becomes channels
	// of one position of tensor 0, ordered (color, y, x) as by torch's
	// pixel_unshuffle.
	PixelUnshuffle int
	// Channels is 3 for RGB, 1 for gray. Tensor 0 has
	// Channels*PixelUnshuffle*PixelUnshuffle channels of unscaled samples:
	// 0..255, 0..65535, or 0..1 for Float.
	Channels int
	// Ones reports whether a channel of ones precedes them: its weights are constants
	// that stop at the image's borders, unlike a bias.
	Ones bool
	// Tensors hold the values between convolutions.
	Tensors []Tensor
	// Convolutions run in this order. The last one computes the image: samples
	// in the input's unit, not clamped, integers with 0.5 added so that
	// truncation rounds them. Its channels are ordered (y, x, color) within a
	// block of PixelShuffle x PixelShuffle pixels.
	Convolutions []Convolution
	PixelShuffle int
	// AddsInput reports whether each input pixel is added to its output block.
	AddsInput bool
}

// Tensor holds values between convolutions; several may write its channels.
type Tensor struct {
	Channels int
	// Kept is the number of leading channels that later residual sums read;
	// they need more precision than convolution inputs. It may exceed Channels, which
	// convolutions read.
	Kept int
	// Scale is the tensor's side relative to tensor 0.
	Scale int
}

// Convolution is a layer followed by its residual sum, its gate and its PReLU.
type Convolution struct {
	// It reads the first In channels of tensor From, upsampled by Upsample (1
	// or 2, nearest neighbor).
	From, In, Upsample int
	// Weight is [Out, In, 3, 3] in row-major order, Bias [Out].
	Out          int
	Weight, Bias []float32
	Residuals    []Residual
	// If Gated, the sum is multiplied by sigmoid(v) + GateBias, with v the layer's
	// output: SiLU if there are no residuals and no bias.
	Gated    bool
	GateBias float32
	// PReLU holds the slope for negative values per channel; nil for none.
	PReLU []float32
	// The result is written to the channels from At on of tensor To; To is -1
	// for the image.
	To, At int
}

// Residual adds the first channels of a tensor, at the same positions, times
// Factor.
type Residual struct {
	Tensor int
	Factor float32
}

// Sequential returns the model's convolutions for the options' samples and
// channels; the precision is left to the caller. Models that are not a sequence
// of convolutions are fault.Unsupported.
func (n *Network) Sequential(o Options) (*Sequential, error) {
	unsupported := fault.New(fault.Unsupported, "Only RRDBNet, SRVGGNetCompact and SPAN of RGB images are sequences of convolutions.")
	if n.sequential == nil {
		return nil, unsupported
	}
	checked := o
	checked.Precision = Float32
	if err := n.check(checked); err != nil {
		return nil, err
	}
	if p := n.sequential(o); p != nil {
		return p, nil
	}
	return nil, unsupported
}

// tensor adds a tensor and returns its index.
func (p *Sequential) tensor(channels, kept, scale int) int {
	p.Tensors = append(p.Tensors, Tensor{channels, kept, scale})
	return len(p.Tensors) - 1
}

// conv adds a convolution; the caller sets the fields that are not the default.
func (p *Sequential) conv(l layer, from, to int) *Convolution {
	p.Convolutions = append(p.Convolutions, Convolution{
		From: from, In: l.in, Upsample: 1, Out: l.out, Weight: l.weight, Bias: l.bias, To: to,
	})
	return &p.Convolutions[len(p.Convolutions)-1]
}

// newSequential returns a sequence without convolutions and the first layer,
// adapted to the input.
func newSequential(o Options, l layer, unshuffle int) (*Sequential, layer) {
	p := &Sequential{PixelUnshuffle: unshuffle, Channels: o.Channels, PixelShuffle: 1}
	if o.Channels == 1 {
		l = l.gray(unshuffle * unshuffle)
	}
	p.tensor(l.in, 0, 1)
	l.weight = multiplied(l.weight, 1/o.unit())
	return p, l
}

// outputLayer adapts the last layer to the output; area is the number of pixels
// that it computes per position.
func outputLayer(o Options, l layer, area int) layer {
	o.Precision = Float32
	b := builder{options: o}
	return b.foldOutput(l, area)
}

// sequential returns nil for models of other images than RGB.
func (n *compact) sequential(o Options) *Sequential {
	if n.as.In != 3 {
		return nil
	}
	p, first := newSequential(o, n.layers[0], 1)
	p.PixelShuffle, p.AddsInput = n.scale, true
	from, last := 0, len(n.layers)-1
	for i, l := range n.layers {
		if i == 0 {
			l = first
		}
		if i == last {
			p.conv(outputLayer(o, l, n.scale*n.scale), from, -1)
			break
		}
		to := p.tensor(l.out, 0, 1)
		p.conv(l, from, to).PReLU = n.slopes[i]
		from = to
	}
	return p
}

// sequential returns nil for variants that are no such sequence.
func (n *residual) sequential(o Options) *Sequential {
	if n.as.In != 3 || n.plus != nil {
		return nil
	}
	p, first := newSequential(o, n.first, n.fold)
	features := n.first.out
	trunk := p.tensor(features+n.growth(0, 0), features, 1)
	p.conv(first, 0, trunk)
	from := trunk
	for i := range n.blocks {
		from = n.block(p, i, from)
	}
	scale := 1
	to := p.tensor(features, 0, scale)
	p.conv(n.body, from, to).Residuals = []Residual{{trunk, 1}}
	for _, up := range n.ups {
		from, scale = to, 2*scale
		to = p.tensor(up.out, 0, scale)
		c := p.conv(up, from, to)
		c.Upsample, c.PReLU = 2, leakySlopes(up.out)
	}
	from, to = to, p.tensor(n.high.out, 0, scale)
	p.conv(n.high, from, to).PReLU = leakySlopes(n.high.out)
	p.conv(outputLayer(o, n.last, 1), to, -1)
	return p
}

// growth is the number of channels that a dense block adds to its input; 0
// behind the last block.
func (n *residual) growth(i, k int) int {
	if i >= len(n.blocks) {
		return 0
	}
	sum := 0
	for _, l := range n.blocks[i][k][:denseLayers-1] {
		sum += l.out
	}
	return sum
}

// block adds a residual block that reads tensor from and returns the index of
// its output. rrdbShare is folded into each fifth layer.
func (n *residual) block(p *Sequential, i, from int) int {
	outer, features := from, n.first.out
	for k, layers := range n.blocks[i] {
		at := features
		for _, l := range layers[:denseLayers-1] {
			c := p.conv(l, from, from)
			c.At, c.PReLU = at, leakySlopes(l.out)
			at += l.out
		}
		next, kept := 0, features
		share, added := float64(rrdbShare), []Residual{{from, 1}}
		if k < denseBlocks-1 {
			next = n.growth(i, k+1)
		} else {
			next, share = n.growth(i+1, 0), rrdbShare*rrdbShare
			added = []Residual{{from, rrdbShare}, {outer, 1}}
			if i == len(n.blocks)-1 {
				kept = 0
			}
		}
		to := p.tensor(features+next, kept, 1)
		p.conv(layers[denseLayers-1].scaled(share), from, to).Residuals = added
		from = to
	}
	return from
}

func leakySlopes(channels int) []float32 {
	slopes := make([]float32, channels)
	for i := range slopes {
		slopes[i] = rrdbSlope
	}
	return slopes
}
