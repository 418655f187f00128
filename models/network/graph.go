package network

import (
	"upscaled/models/fault"
	"upscaled/models/onnx"
)

// Network is a recognized model. It is immutable and safe for concurrent use;
// it shares the data of the tensors it was made from, which must not change.
type Network struct {
	id      func() string
	info    Info
	build   func(*builder) // nil for foreign and described models
	foreign *foreign
	// sequential is nil for models that are not a sequence of convolutions.
	sequential func(Options) *Sequential
}

// Describe returns a model of which only the Info is known: Graph and Sequential
// fail with fault.Unsupported. It is for tests whose runtime computes something
// of its own.
func Describe(id string, info Info) *Network {
	return &Network{id: func() string { return id }, info: info}
}

// ID is equal for equal weights: the SHA-256 of the tensors in hexadecimal,
// computed at the first call (67 MB take about 50 ms), or the ID set by WithID.
func (n *Network) ID() string { return n.id() }

// WithID returns the same model under another ID, which must be equal for equal
// weights, such as the SHA-256 of the file.
func (n *Network) WithID(id string) *Network {
	other := *n
	other.id = func() string { return id }
	return &other
}

// Info returns what planning needs to know.
func (n *Network) Info() Info { return n.info }

// Graph serializes an ONNX model for the options, with one input and one output
// named InputName and OutputName. Options that the model does not support are a
// fault.Unsupported or fault.Invalid error.
func (n *Network) Graph(o Options) ([]byte, error) {
	if err := n.check(o); err != nil {
		return nil, err
	}
	if n.foreign != nil {
		return n.foreign.graph(o, n.info)
	}
	if n.build == nil {
		return nil, fault.New(fault.Unsupported, "This model has no graph.")
	}
	b := &builder{options: o}
	n.build(b)
	if err := b.checkHalf(); err != nil {
		return nil, err
	}
	input, output := b.signature(n.info)
	return onnx.Marshal(onnx.Model{
		Name:     string(n.info.Architecture),
		Nodes:    b.nodes,
		Tensors:  b.tensors,
		Inputs:   []onnx.Value{input},
		Outputs:  []onnx.Value{output},
		Metadata: map[string]string{"description": n.info.Description},
	}), nil
}

// signature describes the graph's input and output.
func (b *builder) signature(f Info) (input, output onnx.Value) {
	input, output = b.imageValue(InputName, "height", "width"), b.imageValue(OutputName, "height_out", "width_out")
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

func (b *builder) imageValue(name, height, width string) onnx.Value {
	return onnx.Value{Name: name, Type: b.options.sampleType(), Dims: []onnx.Dim{
		{Size: 1}, {Name: height}, {Name: width}, {Size: int64(b.options.Channels)},
	}}
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
		return fault.New(fault.Unsupported, "This model's graph cannot leave a border unpadded.")
	}
	return nil
}
