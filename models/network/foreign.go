package network

import (
	"crypto/sha256"
	"encoding/hex"
	"sync"

	"upscaled/models/fault"
	"upscaled/models/onnx"
)

// foreignBytes guesses the memory of an unknown model per input pixel: about
// that of RRDBNet, the largest in use.
const foreignBytes = 12_000

// foreign is an ONNX file from elsewhere.
type foreign struct {
	file  *onnx.Foreign
	black black
}

// FromONNX accepts an ONNX file with one NCHW input and output of 3 channels in
// 0..1, float32 or float16, of free or fixed height and width. It keeps data.
// Graph wraps it in the usual conversion of samples and keeps the file's
// precision, whatever Options ask for.
//
// The scale is read from the shapes if they state it; otherwise Info().Scale is
// 0 until WithScale sets it. The receptive radius is unknown (0).
func FromONNX(data []byte) (*Network, error) {
	file, err := parsedONNX(data)
	if err != nil {
		return nil, err
	}
	if len(file.Inputs) != 1 || len(file.Outputs) != 1 {
		return nil, fault.New(fault.Unsupported,
			"The ONNX file has %d inputs and %d outputs; an upscaling model has one of each.", len(file.Inputs), len(file.Outputs))
	}
	in, out := file.Inputs[0], file.Outputs[0]
	for _, v := range []onnx.Value{in, out} {
		if err := checkImageValue(v); err != nil {
			return nil, err
		}
	}
	n := &Network{foreign: &foreign{file, zeroToOne}, info: foreignInfo(in, out)}
	n.id = sync.OnceValue(func() string {
		sum := sha256.Sum256(data)
		return hex.EncodeToString(sum[:])
	})
	return n, nil
}

// parsedONNX reads a file that is recent enough to be wrapped.
func parsedONNX(data []byte) (*onnx.Foreign, error) {
	file, err := onnx.Parse(data)
	if err != nil {
		return nil, err
	}
	if file.Opset < 9 || file.IR < 4 {
		return nil, fault.New(fault.Unsupported,
			"The ONNX file is too old (operator set %d, format %d); export it with operator set 11 or later.", file.Opset, file.IR)
	}
	return file, nil
}

// checkImageValue rejects values that are not an image of [1, 3, height, width].
// ONNX allows a file to leave out any of this; only what it states is checked.
func checkImageValue(v onnx.Value) error {
	if v.Type != onnx.Float32 && v.Type != onnx.Float16 {
		return fault.New(fault.Unsupported,
			"The ONNX file's %s holds %s; only float and float16 are supported.", v.Name, v.Type)
	}
	if v.Dims == nil {
		return nil
	}
	if len(v.Dims) != 4 || v.Dims[0].Size > 1 || (v.Dims[1].Size != 0 && v.Dims[1].Size != 3) {
		return fault.New(fault.Unsupported,
			"The ONNX file's %s is not an RGB image laid out as [1, 3, height, width].", v.Name)
	}
	return nil
}

func foreignInfo(in, out onnx.Value) Info {
	info := Info{
		Architecture:  ONNXFile,
		Multiple:      1,
		BytesPerPixel: foreignBytes,
		Description:   "ONNX file",
	}
	if in.Dims == nil {
		return info
	}
	height, width := in.Dims[2].Size, in.Dims[3].Size
	info.FixedHeight, info.FixedWidth = int(height), int(width)
	if out.Dims == nil || height == 0 || width == 0 {
		return info
	}
	tall, wide := out.Dims[2].Size, out.Dims[3].Size
	if tall > 0 && tall%height == 0 && wide%width == 0 && tall/height == wide/width {
		info.Scale = int(tall / height)
	}
	return info
}

// graph wraps the file in the conversion of samples.
func (f *foreign) graph(o Options, info Info) ([]byte, error) {
	b := &builder{options: o, graph: graph{prefix: onnx.Prefix}}
	x := b.rgbInput(f.file.Inputs[0].Type, f.black)
	b.rename(x, onnx.InnerInput)
	before := b.nodes
	b.nodes = nil
	b.rgbOutput(onnx.InnerOutput, f.file.Outputs[0].Type, f.black)
	input, output := b.signature(info)
	return f.file.Wrap(onnx.Wrapping{
		Before: before, After: b.nodes, Tensors: b.tensors, Input: input, Output: output,
	})
}
