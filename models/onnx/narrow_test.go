package onnx_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"

	"upscaled/models/fault"
	"upscaled/models/onnx"
)

// manifold is a file of three inputs and two outputs.
func manifold() []byte {
	m := shortcut("x", "y")
	m.Inputs = append(m.Inputs, onnx.Value{Name: "weight", Type: onnx.Float64}, onnx.Value{Name: "steps", Type: onnx.Int32})
	m.Outputs = append(m.Outputs, onnx.Value{Name: "z", Type: onnx.Float32})
	return onnx.Marshal(m)
}

func TestNarrow(t *testing.T) {
	t.Parallel()
	f, err := onnx.Parse(manifold())
	if err != nil {
		t.Fatal(err)
	}
	narrow, err := f.Narrow("x", "z", []onnx.Tensor{
		{Name: "weight", Type: onnx.Float64, Doubles: []float64{0.7}},
		{Name: "steps", Type: onnx.Int32, Dims: []int64{1}, Ints: []int64{-3}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Inputs) != 3 || len(f.Outputs) != 2 {
		t.Error("the file itself changed")
	}
	data, err := narrow.Wrap(onnx.Wrapping{Input: onnx.Value{Name: "input"}, Output: onnx.Value{Name: "output"}})
	if err != nil {
		t.Fatal(err)
	}
	wrapped, err := onnx.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	if len(wrapped.Inputs) != 1 || len(wrapped.Outputs) != 1 || wrapped.Inputs[0].Name != "input" {
		t.Errorf("edges are %+v and %+v", wrapped.Inputs, wrapped.Outputs)
	}
	steps := int32(-3)
	for _, raw := range [][]byte{
		binary.LittleEndian.AppendUint64(nil, math.Float64bits(0.7)),
		binary.LittleEndian.AppendUint32(nil, uint32(steps)),
	} {
		if !bytes.Contains(data, raw) {
			t.Errorf("the constant % x is not in the file", raw)
		}
	}
}

func TestRefusedNarrowing(t *testing.T) {
	t.Parallel()
	f, err := onnx.Parse(manifold())
	if err != nil {
		t.Fatal(err)
	}
	weight := onnx.Tensor{Name: "weight", Type: onnx.Float64, Doubles: []float64{1}}
	steps := onnx.Tensor{Name: "steps", Type: onnx.Int32, Ints: []int64{1}}
	for name, c := range map[string]struct {
		input, output string
		constants     []onnx.Tensor
		kind          fault.Kind
	}{
		"input":       {"a", "y", []onnx.Tensor{weight, steps}, fault.Invalid},
		"output":      {"x", "a", []onnx.Tensor{weight, steps}, fault.Invalid},
		"left open":   {"x", "y", []onnx.Tensor{weight}, fault.Unsupported},
		"no input":    {"x", "y", []onnx.Tensor{weight, steps, {Name: "one"}}, fault.Invalid},
		"the picture": {"x", "y", []onnx.Tensor{weight, steps, {Name: "x"}}, fault.Invalid},
	} {
		if _, err := f.Narrow(c.input, c.output, c.constants); fault.KindOf(err) != c.kind {
			t.Errorf("%s: %v", name, err)
		}
	}
}
