package network

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sync"

	"upscaled/models/fault"
	"upscaled/models/onnx"
)

// foreignBytes guesses the memory of an unknown model per input pixel: about
// that of RRDBNet, the largest in use.
const foreignBytes = 12_000

// foreign is an ONNX file from elsewhere.
type foreign struct {
	file *onnx.Foreign
	as   Convention
}

// FromONNX accepts an ONNX file with one image of float32, float16 or uint8 in and one out.
// It keeps data. Graph wraps it in the conversion of samples that c asks for and
// keeps the file's precision, whatever Options ask for. Zero fields of c are read
// from the file's shapes as far as they state them; Info().Scale is 0 if nothing
// states it.
func FromONNX(data []byte, c Convention) (*Network, error) {
	file, err := parsedONNX(data)
	if err != nil {
		return nil, err
	}
	if len(file.Inputs) != 1 || len(file.Outputs) != 1 {
		return nil, fault.New(fault.Unsupported,
			"The ONNX file has %d inputs and %d outputs; an upscaling model has one of each.", len(file.Inputs), len(file.Outputs))
	}
	for _, v := range []onnx.Value{file.Inputs[0], file.Outputs[0]} {
		if err := checkImageValue(v); err != nil {
			return nil, err
		}
	}
	c = c.completed(file.Inputs[0], file.Outputs[0])
	if err := c.check(file); err != nil {
		return nil, err
	}
	id := sync.OnceValue(func() string {
		digest := sha256.New()
		digest.Write(data)
		fmt.Fprintf(digest, "%+v", c)
		return hex.EncodeToString(digest.Sum(nil))
	})
	return &Network{id: id, foreign: &foreign{file, c}, info: c.info()}, nil
}

// Convention returns how an ONNX file's images are laid out, the zero value for
// other models.
func (n *Network) Convention() Convention {
	if n.foreign == nil {
		return Convention{}
	}
	return n.foreign.as
}

// Metadata returns the texts by which an ONNX file describes itself.
func (n *Network) Metadata() map[string]string {
	if n.foreign == nil {
		return nil
	}
	return n.foreign.file.Metadata
}

// oldestOpset is the first set of operators in which the conversions can be written.
const oldestOpset = 9

// parsedONNX reads a file that is recent enough to be wrapped.
func parsedONNX(data []byte) (*onnx.Foreign, error) {
	file, err := onnx.Parse(data)
	if err != nil {
		return nil, err
	}
	if file.Opset < oldestOpset || file.IR < 4 {
		return nil, fault.New(fault.Unsupported,
			"The ONNX file is too old (operator set %d, format %d); export it with operator set 11 or later.", file.Opset, file.IR)
	}
	return file, nil
}

// checkImageValue rejects values that are no batch of one image. ONNX allows a file
// to leave out any of this; only what it states is checked.
func checkImageValue(v onnx.Value) error {
	if v.Type != onnx.Float32 && v.Type != onnx.Float16 && v.Type != onnx.Uint8 {
		return fault.New(fault.Unsupported,
			"The ONNX file's %s holds %s; only float, float16 and uint8 are supported.", v.Name, v.Type)
	}
	if v.Dims != nil && (len(v.Dims) != 4 || v.Dims[0].Size > 1) {
		return fault.New(fault.Unsupported,
			"The ONNX file's %s is not one image laid out as [1, channels, height, width] or [1, height, width, channels].", v.Name)
	}
	return nil
}

// graph wraps the file in the conversion of samples.
func (f *foreign) graph(o Options, info Info) ([]byte, error) {
	b := &builder{options: o, graph: graph{prefix: onnx.Prefix, opset: f.file.Opset}}
	x, color := b.imageInput(f.file.Inputs[0].Type, f.as)
	b.rename(x, onnx.InnerInput)
	before := b.nodes
	b.nodes = nil
	b.imageOutput(onnx.InnerOutput, f.file.Outputs[0].Type, f.as, color)
	input, output := b.signature(info)
	return f.file.Wrap(onnx.Wrapping{
		Before: before, After: b.nodes, Tensors: b.tensors, Input: input, Output: output,
	})
}

// Float32File returns an ONNX file that computes the same with a float32 input and
// output; it is file itself if those are.
func Float32File(file []byte) ([]byte, error) {
	parsed, err := parsedONNX(file)
	if err != nil {
		return nil, err
	}
	if len(parsed.Inputs) != 1 || len(parsed.Outputs) != 1 {
		return nil, fault.New(fault.Unsupported, "The ONNX file does not have exactly one input and one output.")
	}
	in, out := parsed.Inputs[0], parsed.Outputs[0]
	if in.Type == onnx.Float32 && out.Type == onnx.Float32 {
		return file, nil
	}
	b := &builder{graph: graph{prefix: onnx.Prefix}}
	b.rename(b.cast(InputName, in.Type), onnx.InnerInput)
	before := b.nodes
	b.nodes = nil
	b.rename(b.cast(onnx.InnerOutput, onnx.Float32), OutputName)
	in.Name, in.Type, out.Name, out.Type = InputName, onnx.Float32, OutputName, onnx.Float32
	return parsed.Wrap(onnx.Wrapping{Before: before, After: b.nodes, Input: in, Output: out})
}
