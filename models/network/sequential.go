package network

import "upscaled/models/fault"

// Sequential is a network as 3x3 convolutions in the order they run, for runtimes
// that compute without ONNX. It is the published network with constants and
// the edges folded into weights; every convolution pads its input with one
// zero on all sides. Its tensors are shared with the network where nothing was
// folded in, and must not be changed.
type Sequential struct {
	// PixelUnshuffle is how many picture pixels a side become channels of one position
	// of the first stack, ordered (colour, y, x) as torch's pixel_unshuffle.
	PixelUnshuffle int
	// Channels is 3, or 1 for gray. Stack 0 has Colors*Fold*Fold channels that
	// hold samples as they are, 0..255 or 0..65535 (or 0..1 for Float).
	Channels int
	// Tensors hold the values between convolutions.
	Tensors []Tensor
	// Convolutions run in this order. The last one gives the picture: samples
	// in the same unit, plus a half where they are integers so that truncating
	// rounds them, not yet clamped, its channels ordered (y, x, colour) within
	// a block of Block x Block pixels.
	Convolutions []Convolution
	PixelShuffle int
	// AddsInput says that each pixel's own samples are added to its block.
	AddsInput bool
}

// Tensor is a tensor whose channels several convolutions may have made.
type Tensor struct {
	Channels int
	// Kept is how many of the first channels later sums add; those deserve
	// more precision than what convolutions read.
	Kept int
	// Scale is the side of the stack for one position of stack 0.
	Scale int
}

// Convolution is a layer with what follows it, in this order: the sum with
// Added and a leaky slope.
type Convolution struct {
	// From and In: it reads the first In channels of a stack, Upsample times
	// larger by their nearest position (1 or 2).
	From, In, Upsample int
	// Weight is [Out, In, 3, 3] in row-major order, Bias [Out].
	Out          int
	Weight, Bias []float32
	Residuals    []Residual
	// PReLU multiply negative values, one a channel; nil for no activation.
	PReLU []float32
	// To and At: the result becomes the channels At.. of a stack; To is -1 for
	// the picture.
	To, At int
}

// Residual is the first channels of a stack, at the same positions, times Factor.
type Residual struct {
	Tensor int
	Factor float32
}

// Sequential tells the network's convolutions for the options' samples and
// channels; the precision is the caller's to choose. Networks that are more than those are fault.Unsupported.
func (n *Network) Sequential(o Options) (*Sequential, error) {
	if n.program == nil {
		return nil, fault.New(fault.Unsupported, "Only RRDBNet and SRVGGNetCompact are chains of convolutions.")
	}
	plain := o
	plain.Precision = Float32
	if err := n.check(plain); err != nil {
		return nil, err
	}
	return n.program(o), nil
}

// stack adds a stack and gives its number.
func (p *Sequential) stack(channels, kept, zoom int) int {
	p.Tensors = append(p.Tensors, Tensor{channels, kept, zoom})
	return len(p.Tensors) - 1
}

// conv adds a convolution of a layer; the caller sets what is special.
func (p *Sequential) conv(l layer, from, to int) *Convolution {
	p.Convolutions = append(p.Convolutions, Convolution{
		From: from, In: l.in, Upsample: 1, Out: l.out, Weight: l.weight, Bias: l.bias, To: to,
	})
	return &p.Convolutions[len(p.Convolutions)-1]
}

// grayFolded sums the weights of the colours of a layer behind an unshuffle.
func (l layer) grayFolded(area int) layer {
	taps := l.kernel * l.kernel
	sums := make([]float32, l.out*area*taps)
	for i := range sums {
		tap, position, o := i%taps, i/taps%area, i/taps/area
		var sum float64
		for c := range l.in / area {
			sum += float64(l.weight[(o*l.in+c*area+position)*taps+tap])
		}
		sums[i] = float32(sum)
	}
	l.weight, l.in = sums, area
	return l
}

// opening starts a program with the layer that sees the picture.
func opening(o Options, l layer, fold int) (*Sequential, layer) {
	p := &Sequential{PixelUnshuffle: fold, Channels: o.Channels, PixelShuffle: 1}
	if o.Channels == 1 {
		l = l.grayFolded(fold * fold)
	}
	p.stack(l.in, 0, 1)
	l.weight = multiplied(l.weight, 1/o.unit())
	return p, l
}

// closing adapts the layer that makes the picture.
func closing(o Options, l layer, area int) layer {
	order := make([]int, area)
	for i := range order {
		order[i] = i
	}
	b := builder{options: o}
	b.options.Precision = Float32
	return b.last(l, order, area)
}

func (n *compact) program(o Options) *Sequential {
	p, first := opening(o, n.layers[0], 1)
	p.PixelShuffle, p.AddsInput = n.scale, true
	from, last := 0, len(n.layers)-1
	for i, l := range n.layers {
		if i == 0 {
			l = first
		}
		if i == last {
			p.conv(closing(o, l, n.scale*n.scale), from, -1)
			break
		}
		to := p.stack(l.out, 0, 1)
		p.conv(l, from, to).PReLU = n.slopes[i]
		from = to
	}
	return p
}

func (n *residual) program(o Options) *Sequential {
	p, first := opening(o, n.first, n.fold)
	features := n.first.out
	trunk := p.stack(features+n.grown(0, 0), features, 1)
	p.conv(first, 0, trunk)
	from := trunk
	for i := range n.blocks {
		from = n.block(p, i, from)
	}
	zoom := 1
	to := p.stack(features, 0, zoom)
	p.conv(n.body, from, to).Residuals = []Residual{{trunk, 1}}
	for _, up := range n.ups {
		from, zoom = to, 2*zoom
		to = p.stack(up.out, 0, zoom)
		c := p.conv(up, from, to)
		c.Upsample, c.PReLU = 2, leaks(up.out)
	}
	from, to = to, p.stack(n.high.out, 0, zoom)
	p.conv(n.high, from, to).PReLU = leaks(n.high.out)
	p.conv(closing(o, n.last, 1), to, -1)
	return p
}

// grown is how many channels a dense block adds to its input; 0 behind the
// last block.
func (n *residual) grown(i, k int) int {
	if i >= len(n.blocks) {
		return 0
	}
	sum := 0
	for _, l := range n.blocks[i][k][:denseLayers-1] {
		sum += l.out
	}
	return sum
}

// block adds a residual block that reads a stack and gives the next one's
// number. Shares are folded into each fifth layer.
func (n *residual) block(p *Sequential, i, from int) int {
	outer, features := from, n.first.out
	for k, layers := range n.blocks[i] {
		at := features
		for _, l := range layers[:denseLayers-1] {
			c := p.conv(l, from, from)
			c.At, c.PReLU = at, leaks(l.out)
			at += l.out
		}
		next, kept := 0, features
		share, added := float64(rrdbShare), []Residual{{from, 1}}
		if k < denseBlocks-1 {
			next = n.grown(i, k+1)
		} else {
			next, share = n.grown(i+1, 0), rrdbShare*rrdbShare
			added = []Residual{{from, rrdbShare}, {outer, 1}}
			if i == len(n.blocks)-1 {
				kept = 0
			}
		}
		to := p.stack(features+next, kept, 1)
		p.conv(layers[denseLayers-1].scaled(share), from, to).Residuals = added
		from = to
	}
	return from
}

func leaks(channels int) []float32 {
	slopes := make([]float32, channels)
	for i := range slopes {
		slopes[i] = rrdbSlope
	}
	return slopes
}
