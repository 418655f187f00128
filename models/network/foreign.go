package network

import (
	"crypto/sha256"
	"encoding/hex"
	"sync"

	"upscaled/models/fault"
	"upscaled/models/onnx"
)

// readyBytes is the guess at a foreign network's memory for one input pixel:
// about that of RRDBNet, the largest in use.
const readyBytes = 12_000

// ready is a foreign ONNX file.
type ready struct {
	file *onnx.Foreign
	span span
}

// FromONNX takes a ready ONNX file of one NCHW input and output of 3 channels
// in 0..1, in float32 or float16, with free or fixed height and width. It
// keeps data. Graph puts the usual edges around it, in the precision that the
// file has, whatever Options ask for.
//
// The scale is read from the shapes where they tell it; else Info().Scale is
// 0 until WithScale gives it. The receptive radius is not known (0).
func FromONNX(data []byte) (*Network, error) {
	file, err := parsedONNX(data)
	if err != nil {
		return nil, err
	}
	if len(file.Inputs) != 1 || len(file.Outputs) != 1 {
		return nil, fault.New(fault.Unsupported,
			"The ONNX file has %d inputs and %d outputs; an upscaling network has one of each.", len(file.Inputs), len(file.Outputs))
	}
	in, out := file.Inputs[0], file.Outputs[0]
	for _, v := range []onnx.Value{in, out} {
		if err := checkReady(v); err != nil {
			return nil, err
		}
	}
	n := &Network{ready: &ready{file, fromZero}, info: readyFacts(in, out)}
	n.id = sync.OnceValue(func() string {
		sum := sha256.Sum256(data)
		return hex.EncodeToString(sum[:])
	})
	return n, nil
}

// parsedONNX reads a file of a kind that edges can be put around.
func parsedONNX(data []byte) (*onnx.Foreign, error) {
	file, err := onnx.Parse(data)
	if err != nil {
		return nil, err
	}
	if file.Opset < 9 || file.IR < 4 {
		return nil, fault.New(fault.Unsupported,
			"The ONNX file is of an old kind (operator set %d, format %d); export it with operator set 11 or later.", file.Opset, file.IR)
	}
	return file, nil
}

// checkReady refuses values that are no picture of [1, 3, height, width]. Only
// what the file tells can be checked; ONNX lets it leave out anything.
func checkReady(v onnx.Value) error {
	if v.Type != onnx.Float32 && v.Type != onnx.Float16 {
		return fault.New(fault.Unsupported,
			"The ONNX file's %s holds %s; only float and float16 are supported.", v.Name, v.Type)
	}
	if v.Dims == nil {
		return nil
	}
	if len(v.Dims) != 4 || v.Dims[0].Size > 1 || (v.Dims[1].Size != 0 && v.Dims[1].Size != 3) {
		return fault.New(fault.Unsupported,
			"The ONNX file's %s is no red, green and blue picture laid out as [1, 3, height, width].", v.Name)
	}
	return nil
}

func readyFacts(in, out onnx.Value) Info {
	info := Info{
		Architecture:  ONNXFile,
		Multiple:      1,
		BytesPerPixel: readyBytes,
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

// graph puts the edges around the file.
func (r *ready) graph(o Options, info Info) ([]byte, error) {
	b := &builder{options: o, prefix: onnx.Prefix}
	x := b.plainInput(r.file.Inputs[0].Type, r.span)
	b.rename(x, onnx.InnerInput)
	before := b.nodes
	b.nodes = nil
	b.plainOutput(onnx.InnerOutput, r.file.Outputs[0].Type, r.span)
	input, output := b.outside(info)
	return r.file.Wrap(onnx.Wrapping{
		Before: before, After: b.nodes, Tensors: b.tensors, Input: input, Output: output,
	})
}
