package onnx_test

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"testing/quick"

	"upscaled/models/fault"
	"upscaled/models/onnx"
)

// shortcut is a model of one Add, small but with every part that is written.
func shortcut(input, output string) onnx.Model {
	return onnx.Model{
		Name: "shortcut",
		Nodes: []onnx.Node{{
			Op: "Add", Inputs: []string{input, "one"}, Outputs: []string{output},
			Attributes: []onnx.Attribute{onnx.Int("i", -1), onnx.Ints("is", 1, 2), onnx.Float("f", 0.5), onnx.String("s", "t")},
		}},
		Tensors: []onnx.Tensor{
			{Name: "one", Type: onnx.Float32, Floats: []float32{1}},
			{Name: "half", Type: onnx.Float16, Dims: []int64{2}, Floats: []float32{1, 2}},
			{Name: "shape", Type: onnx.Int64, Dims: []int64{1}, Ints: []int64{-1}},
		},
		Inputs:   []onnx.Value{{Name: input, Type: onnx.Float32, Dims: []onnx.Dim{{Size: 1}, {Size: 3}, {Name: "h"}, {Size: 7}}}},
		Outputs:  []onnx.Value{{Name: output, Type: onnx.Float16}},
		Metadata: map[string]string{"a": "b"},
	}
}

func TestWrittenIsRead(t *testing.T) {
	t.Parallel()
	f, err := onnx.Parse(onnx.Marshal(shortcut("x", "y")))
	if err != nil {
		t.Fatal(err)
	}
	if f.IR != onnx.IRVersion || f.Opset != onnx.Opset {
		t.Errorf("versions %d and %d", f.IR, f.Opset)
	}
	if len(f.Inputs) != 1 || len(f.Outputs) != 1 {
		t.Fatalf("%d inputs and %d outputs", len(f.Inputs), len(f.Outputs))
	}
	in := f.Inputs[0]
	if in.Name != "x" || in.Type != onnx.Float32 || len(in.Dims) != 4 ||
		in.Dims[1].Size != 3 || in.Dims[2] != (onnx.Dim{Name: "h"}) || in.Dims[3].Size != 7 {
		t.Errorf("input is %+v", in)
	}
	if out := f.Outputs[0]; out.Name != "y" || out.Type != onnx.Float16 {
		t.Errorf("output is %+v", out)
	}
}

// TestWrap wraps a file in inputs and outputs with the file's own names: the inner
// names must be replaced everywhere, and no others.
func TestWrap(t *testing.T) {
	t.Parallel()
	f, err := onnx.Parse(onnx.Marshal(shortcut("input", "output")))
	if err != nil {
		t.Fatal(err)
	}
	w := onnx.Wrapping{
		Before: []onnx.Node{{Op: "Before", Inputs: []string{"input"}, Outputs: []string{onnx.InnerInput}}},
		After:  []onnx.Node{{Op: "After", Inputs: []string{onnx.InnerOutput}, Outputs: []string{"output"}}},
		Input:  onnx.Value{Name: "input", Type: onnx.Uint8},
		Output: onnx.Value{Name: "output", Type: onnx.Uint8},
	}
	data, err := f.Wrap(w)
	if err != nil {
		t.Fatal(err)
	}
	wrapped, err := onnx.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	if len(wrapped.Inputs) != 1 || wrapped.Inputs[0].Type != onnx.Uint8 || len(wrapped.Outputs) != 1 || wrapped.Outputs[0].Type != onnx.Uint8 {
		t.Errorf("edges are %+v and %+v", wrapped.Inputs, wrapped.Outputs)
	}
	text := string(data)
	if b, m, a := strings.Index(text, "Before"), strings.Index(text, "Add"), strings.Index(text, "After"); b > m || m > a {
		t.Errorf("nodes stand at %d, %d and %d", b, m, a)
	}
	if strings.Count(text, onnx.InnerInput) < 2 || strings.Count(text, onnx.InnerOutput) < 2 {
		t.Error("the inner names are not used on both sides")
	}
	if _, err := wrapped.Wrap(w); fault.KindOf(err) != fault.Unsupported {
		t.Errorf("wrapping twice: %v", err)
	}
}

func TestRefusedFiles(t *testing.T) {
	t.Parallel()
	whole := onnx.Marshal(shortcut("x", "y"))
	cases := map[string]struct {
		data []byte
		kind fault.Kind
	}{
		"empty":      {nil, fault.Invalid},
		"text":       {[]byte("this is no model, is it?"), fault.Invalid},
		"truncated":  {whole[:len(whole)-9], fault.Invalid},
		"two graphs": {append(bytes.Clone(whole), whole...), fault.Invalid},
	}
	for name, c := range cases {
		if _, err := onnx.Parse(c.data); fault.KindOf(err) != c.kind {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestHalf compares the written half-precision numbers with the definition.
func TestHalf(t *testing.T) {
	t.Parallel()
	written := func(v float32) float64 {
		data := onnx.Marshal(onnx.Model{Tensors: []onnx.Tensor{{Name: "t", Type: onnx.Float16, Floats: []float32{v}}}})
		at := bytes.Index(data, []byte{0x4a, 2}) // raw_data of two bytes
		bits := uint16(data[at+2]) | uint16(data[at+3])<<8
		exponent, fraction := int(bits>>10&31), float64(bits&1023)
		value := math.Ldexp(1024+fraction, exponent-25)
		switch exponent {
		case 0:
			value = math.Ldexp(fraction, -24)
		case 31:
			value = math.Inf(1)
		}
		return math.Copysign(value, float64(int(bits>>15))*-2+1)
	}
	for v, want := range map[float32]float64{
		0: 0, 1: 1, -2: -2, 65504: 65504, 65519: 65504, 65520: math.Inf(1),
		2049: 2048, 2051: 2052, 6e-8: math.Ldexp(1, -24), 2e-8: 0, 6.1e-5: math.Ldexp(1023, -24),
	} {
		if got := written(v); got != want {
			t.Errorf("%v became %v, want %v", v, got, want)
		}
	}
	near := func(v float32) bool {
		v = float32(math.Mod(float64(v), 60000))
		step := math.Max(math.Ldexp(1, -24), math.Abs(float64(v))*math.Ldexp(1, -10))
		return math.Abs(written(v)-float64(v)) <= step/2
	}
	if err := quick.Check(near, &quick.Config{MaxCount: 5000}); err != nil {
		t.Error(err)
	}
}

// FuzzParse reads and wraps any bytes: neither may panic, and a wrapped file must
// be readable.
func FuzzParse(f *testing.F) {
	f.Add(onnx.Marshal(shortcut("input", "output")))
	f.Add(onnx.Marshal(shortcut("x", "y"))[:100])
	f.Add([]byte{0x3a, 4, 0x2a, 2, 0x70, 1})
	f.Add([]byte{0x3a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f})
	f.Add([]byte{0x3a, 8, 0x0a, 6, 0x2a, 4, 0x32, 2, 0x0a, 0}) // a graph in a node of a graph
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := onnx.Parse(data)
		if err != nil {
			if k := fault.KindOf(err); k != fault.Invalid && k != fault.Unsupported {
				t.Fatalf("kind %s", k)
			}
			return
		}
		out, err := file.Wrap(onnx.Wrapping{Input: onnx.Value{Name: "input"}, Output: onnx.Value{Name: "output"}})
		if err != nil {
			return
		}
		if _, err := onnx.Parse(out); err != nil {
			t.Fatalf("wrapped to what is not readable: %v", err)
		}
	})
}

// BenchmarkMarshal writes a network of 67 MB, as x4plus has; the goal is
// under 100 ms.
func BenchmarkMarshal(b *testing.B) {
	weights := make([]float32, 67<<20/4)
	for b.Loop() {
		onnx.Marshal(onnx.Model{Tensors: []onnx.Tensor{{Name: "w", Type: onnx.Float32, Dims: []int64{int64(len(weights))}, Floats: weights}}})
	}
}
