package ort_test

import (
	"math"
	"testing"

	"upscaled/models/network"
	"upscaled/models/onnx"
)

// restorer is a ready file laid out as CodeFormer's: it answers x * weight and
// has a second output of the opposite sign.
func restorer(elem, extra onnx.ElemType, extraDims []onnx.Dim) []byte {
	picture := func(name string) onnx.Value {
		return onnx.Value{Name: name, Type: elem, Dims: []onnx.Dim{{Size: 1}, {Size: 3}, {Size: 8}, {Size: 8}}}
	}
	return onnx.Marshal(onnx.Model{
		Name: "restorer",
		Nodes: []onnx.Node{
			{Op: "Cast", Inputs: []string{"weight"}, Outputs: []string{"w"}, Attributes: []onnx.Attribute{onnx.Int("to", int64(elem))}},
			{Op: "Mul", Inputs: []string{"input", "w"}, Outputs: []string{"output"}},
			{Op: "Neg", Inputs: []string{"output"}, Outputs: []string{"negative"}},
		},
		Inputs:  []onnx.Value{picture("input"), {Name: "weight", Type: extra, Dims: extraDims}},
		Outputs: []onnx.Value{picture("output"), picture("negative")},
	})
}

// TestRestorers puts our edges around ready restorers and checks every sample.
func TestRestorers(t *testing.T) {
	t.Parallel()
	one, free := []onnx.Dim{{Size: 1}}, []onnx.Dim{{Name: "n"}}
	for name, c := range map[string]struct {
		elem, extra onnx.ElemType
		dims        []onnx.Dim
		weight      float64
		low         float64 // what the file takes for black
		output      string
	}{
		"double":           {onnx.Float32, onnx.Float64, one, 0.5, -1, ""},
		"scalar":           {onnx.Float32, onnx.Float64, nil, 0.25, -1, "output"},
		"float, 0..1":      {onnx.Float32, onnx.Float32, free, 0.5, 0, ""},
		"whole numbers":    {onnx.Float32, onnx.Int64, one, 1, -1, ""},
		"32 bits":          {onnx.Float32, onnx.Int32, one, 1, -1, "negative"},
		"half precision":   {onnx.Float16, onnx.Float16, one, 0.5, -1, ""},
		"the other answer": {onnx.Float32, onnx.Float64, one, 0.5, -1, "negative"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := network.RestorerDescriptor{Output: c.output, Extra: map[string]float64{"weight": c.weight}}
			if c.low == 0 {
				d.Range = network.RangeFromZero
			}
			n, err := network.FromRestorerONNX(restorer(c.elem, c.extra, c.dims), d)
			if err != nil {
				t.Fatal(err)
			}
			o := network.Options{Precision: network.Float32, Sample: network.Uint8, Channels: 3, Borders: network.AllBorders}
			samples := sampled(8, 8, 3)
			got, _, _ := run(t, open(t, n, o), samples, 8, 8)
			for i, v := range got {
				inner := (float64(samples[i])/255*(1-c.low) + c.low) * c.weight
				if c.output == "negative" {
					inner = -inner
				}
				want := max(0, min(255, (inner-c.low)/(1-c.low)*255))
				if math.Abs(float64(v)-want) > 0.6 {
					t.Fatalf("sample %d is %d, want %.2f", i, v, want)
				}
			}
		})
	}
}
