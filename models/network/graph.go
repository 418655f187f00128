package network

import (
	"upscaled/models/fault"
	"upscaled/models/onnx"
)

// Network is a recognised network. It is immutable and may be used from
// several goroutines at once; it shares the data of the tensors it was made
// from, which must not change any more.
type Network struct {
	id    func() string
	info  Info
	build func(*builder) // nil for ready and described networks
	ready *ready
	// program is nil for networks that are no chains of convolutions.
	program func(Options) *Sequential
}

// Describe returns a network of which only the facts are known: it has no
// weights, and Graph and Sequential fail with fault.Unsupported. It is for tests
// whose runtime computes something of its own.
func Describe(id string, info Info) *Network {
	return &Network{id: func() string { return id }, info: info}
}

// ID is equal for equal weights: the SHA-256 of the tensors in hexadecimal,
// computed at the first call (67 MB take about 50 ms), or what WithID gave.
func (n *Network) ID() string { return n.id() }

// WithID gives the same network under an ID the caller knows to be equal for
// equal weights, such as the SHA-256 of its file.
func (n *Network) WithID(id string) *Network {
	other := *n
	other.id = func() string { return id }
	return &other
}

// Facts tells what planning needs to know.
func (n *Network) Info() Info { return n.info }

// WithScale gives the same network with a scale that was found by running it;
// it is for ONNX files whose output shape does not tell (Info().Scale is 0).
func (n *Network) WithScale(scale int) *Network {
	other := *n
	other.info.Scale = scale
	return &other
}

// Graph serialises an ONNX model for the options: one input and one output
// named InputName and OutputName. Options that cannot be had are a
// fault.Unsupported or fault.Invalid error.
func (n *Network) Graph(o Options) ([]byte, error) {
	if err := n.check(o); err != nil {
		return nil, err
	}
	if n.ready != nil {
		return n.ready.graph(o, n.info)
	}
	if n.build == nil {
		return nil, fault.New(fault.Unsupported, "This network has no graph.")
	}
	b := &builder{options: o}
	n.build(b)
	if err := b.checkHalf(); err != nil {
		return nil, err
	}
	input, output := b.outside(n.info)
	return onnx.Marshal(onnx.Model{
		Name:     string(n.info.Architecture),
		Nodes:    b.nodes,
		Tensors:  b.tensors,
		Inputs:   []onnx.Value{input},
		Outputs:  []onnx.Value{output},
		Metadata: map[string]string{"description": n.info.Description},
	}), nil
}

// outside describes the graph's input and output.
func (b *builder) outside(f Info) (input, output onnx.Value) {
	input, output = b.edge(InputName, "height", "width"), b.edge(OutputName, "height_out", "width_out")
	o := b.options.Borders
	for i, axis := range []struct {
		side        int
		first, last bool
	}{
		{max(f.FixedHeight, b.options.Height), o.Top, o.Bottom},
		{max(f.FixedWidth, b.options.Width), o.Left, o.Right},
	} {
		if axis.side == 0 {
			continue
		}
		input.Dims[1+i] = onnx.Dim{Size: int64(axis.side)}
		kept := axis.side
		for _, border := range []bool{axis.first, axis.last} {
			if !border {
				kept -= f.Radius
			}
		}
		output.Dims[1+i] = onnx.Dim{Size: int64(kept * f.Scale)}
	}
	return input, output
}

func (b *builder) edge(name, height, width string) onnx.Value {
	return onnx.Value{Name: name, Type: b.options.sampleType(), Dims: []onnx.Dim{
		{Size: 1}, {Name: height}, {Name: width}, {Size: int64(b.options.Channels)},
	}}
}

// checkHalf refuses weights that half precision cannot hold.
func (b *builder) checkHalf() error {
	for _, t := range b.tensors {
		if t.Type != onnx.Float16 {
			continue
		}
		for _, v := range t.Floats {
			if v > onnx.MaxHalf || v < -onnx.MaxHalf {
				return fault.New(fault.Unsupported,
					"This network has weights too large for float16; use float32.")
			}
		}
	}
	return nil
}

func (n *Network) check(o Options) error {
	invalid := func(what string, v any) error {
		return fault.New(fault.Invalid, "A graph has no %s %v.", what, v)
	}
	switch {
	case o.Precision != Float32 && o.Precision != Float16:
		return invalid("precision", o.Precision)
	case o.Sample != Uint8 && o.Sample != Uint16 && o.Sample != Float:
		return invalid("sample type", o.Sample)
	case o.Channels != 1 && o.Channels != 3:
		return invalid("channel count", o.Channels)
	case (o.Width == 0) != (o.Height == 0) || o.Width < 0 || o.Height < 0 || o.Width%max(n.info.Multiple, 1) != 0 || o.Height%max(n.info.Multiple, 1) != 0:
		return invalid("size", [2]int{o.Width, o.Height})
	case n.info.FixedWidth > 0 && o.Width > 0 && (o.Width != n.info.FixedWidth || o.Height != n.info.FixedHeight):
		return invalid("size", [2]int{o.Width, o.Height})
	case o.Borders != AllBorders && !n.info.Trims:
		return fault.New(fault.Unsupported, "This network's graph cannot leave a border unpadded.")
	}
	return nil
}
