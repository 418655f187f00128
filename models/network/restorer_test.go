package network_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"upscaled/models/fault"
	"upscaled/models/network"
	"upscaled/models/onnx"
)

// restorerModel is laid out as CodeFormer's file: a further input, and a
// further output.
func restorerModel(change func(*onnx.Model)) []byte {
	return readyModel(func(m *onnx.Model) {
		for i := 2; i < 4; i++ {
			m.Inputs[0].Dims[i], m.Outputs[0].Dims[i] = onnx.Dim{Size: 64}, onnx.Dim{Size: 64}
		}
		m.Inputs = append(m.Inputs, onnx.Value{Name: "weight", Type: onnx.Float64, Dims: []onnx.Dim{{Size: 1}}})
		m.Outputs = append(m.Outputs, onnx.Value{Name: "logits", Type: onnx.Float32})
		change(m)
	})
}

func unchanged(*onnx.Model) {}

func weighted(v float64) network.RestorerDescriptor {
	return network.RestorerDescriptor{Extra: map[string]float64{"weight": v}}
}

func TestRestorerFacts(t *testing.T) {
	t.Parallel()
	n, err := network.FromRestorerONNX(restorerModel(unchanged), weighted(0.5))
	if err != nil {
		t.Fatal(err)
	}
	if f := n.Info(); f.Architecture != network.ONNXFile || f.Scale != 1 || f.FixedWidth != 64 || f.FixedHeight != 64 {
		t.Errorf("info are %+v", f)
	}
	graph, err := n.Graph(usual)
	if err != nil {
		t.Fatal(err)
	}
	file, err := onnx.Parse(graph)
	if err != nil {
		t.Fatal(err)
	}
	if len(file.Inputs) != 1 || len(file.Outputs) != 1 || file.Inputs[0].Type != onnx.Uint8 || file.Outputs[0].Dims[1].Size != 64 {
		t.Errorf("edges are %+v and %+v", file.Inputs, file.Outputs)
	}
	free, err := network.FromRestorerONNX(readyModel(unchanged), network.RestorerDescriptor{Size: 128})
	if err != nil || free.Info().FixedWidth != 128 {
		t.Errorf("a file of free shape with a given size: %v", err)
	}
}

// Exports of CodeFormer name and shape its weight differently, and may list it first.
func TestRestorerWeights(t *testing.T) {
	t.Parallel()
	for _, weight := range []onnx.Value{
		{Name: "w", Type: onnx.Float64}, {Name: "weight", Type: onnx.Float32}, {Name: "fidelity", Type: onnx.Float32, Dims: []onnx.Dim{{Size: 1}}},
		{Name: "Fidelity_Weight", Type: onnx.Float64, Dims: []onnx.Dim{{Name: "n"}, {Size: 1}}},
	} {
		for _, side := range []int64{256, 512, 1024} {
			file := restorerModel(func(m *onnx.Model) {
				for i := 2; i < 4; i++ {
					m.Inputs[0].Dims[i], m.Outputs[0].Dims[i] = onnx.Dim{Size: side}, onnx.Dim{Size: side}
				}
				m.Inputs[1] = weight
				slices.Reverse(m.Inputs)
			})
			n, err := network.FromRestorerONNX(file, network.RestorerDescriptor{})
			if err != nil || n.Info().FixedWidth != int(side) {
				t.Errorf("%+v, %d pixels: %v", weight, side, err)
			}
		}
	}
}

// TestRestorerID: whatever changes the answer changes the ID.
func TestRestorerID(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	ranged := weighted(0.5)
	ranged.Range = network.RangeFromZero
	named := weighted(0.5)
	named.Range, named.Input, named.Output, named.Size = network.RangeAroundZero, "x", "y", 64
	for _, d := range []network.RestorerDescriptor{weighted(0.5), weighted(0.7), ranged, named} {
		n, err := network.FromRestorerONNX(restorerModel(unchanged), d)
		if err != nil {
			t.Fatal(err)
		}
		seen[n.ID()] = true
	}
	if len(seen) != 3 { // the last one says what the first leaves to defaults
		t.Errorf("%d IDs of 3 restorers", len(seen))
	}
}

func TestRefusedRestorers(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		change     func(*onnx.Model)
		descriptor network.RestorerDescriptor
		kind       fault.Kind
		says       string
	}{
		"no value":       {func(m *onnx.Model) { m.Inputs[1].Name = "other" }, network.RestorerDescriptor{}, fault.Unsupported, "other, that no value is set for"},
		"unknown value":  {unchanged, network.RestorerDescriptor{Extra: map[string]float64{"weight": 1, "w": 1}}, fault.Invalid, `no extra input "w"`},
		"value of x":     {unchanged, network.RestorerDescriptor{Input: "x", Extra: map[string]float64{"weight": 1, "x": 1}}, fault.Invalid, `no extra input "x"`},
		"unknown input":  {unchanged, network.RestorerDescriptor{Input: "in", Extra: map[string]float64{"weight": 1}}, fault.Invalid, `no input "in"`},
		"unknown output": {unchanged, network.RestorerDescriptor{Output: "out", Extra: map[string]float64{"weight": 1}}, fault.Invalid, `no output "out"`},
		"range":          {unchanged, network.RestorerDescriptor{Range: "0..255"}, fault.Invalid, "0..255"},
		"size":           {unchanged, network.RestorerDescriptor{Size: 128, Extra: map[string]float64{"weight": 1}}, fault.Unsupported, "side of 64"},
		"no size":        {func(m *onnx.Model) { m.Inputs[0].Dims, m.Outputs[0].Dims = nil, nil }, weighted(1), fault.Invalid, "does not state the size"},
		"negative size":  {func(m *onnx.Model) { m.Inputs[0].Dims, m.Outputs[0].Dims = nil, nil }, network.RestorerDescriptor{Size: -1, Extra: map[string]float64{"weight": 1}}, fault.Invalid, "does not state the size"},
		"oblong":         {func(m *onnx.Model) { m.Inputs[0].Dims[3].Size = 32 }, weighted(1), fault.Unsupported, "a square input and output of one size"},
		"larger":         {func(m *onnx.Model) { m.Outputs[0].Dims[2].Size = 128 }, weighted(1), fault.Unsupported, "side of 128"},
		"gray":           {func(m *onnx.Model) { m.Inputs[0].Dims[1].Size = 1 }, weighted(1), fault.Unsupported, "not an RGB image"},
		"not finite":     {unchanged, weighted(math.NaN()), fault.Invalid, "cannot be NaN"},
		"half a whole":   {func(m *onnx.Model) { m.Inputs[1].Type = onnx.Int64 }, weighted(0.5), fault.Invalid, "cannot be 0.5"},
		"odd type":       {func(m *onnx.Model) { m.Inputs[1].Type = 9 }, weighted(1), fault.Invalid, "type 9"},
		"huge extra":     {func(m *onnx.Model) { m.Inputs[1].Dims = []onnx.Dim{{Size: 1 << 40}} }, weighted(1), fault.Unsupported, "too large"},
		"no outputs":     {func(m *onnx.Model) { m.Outputs = nil }, weighted(1), fault.Invalid, "its outputs are none"},
	}
	if _, err := network.FromRestorerONNX(restorerModel(unchanged), network.RestorerDescriptor{}); err != nil {
		t.Errorf("a weight has a default: %v", err)
	}
	for name, c := range cases {
		_, err := network.FromRestorerONNX(restorerModel(c.change), c.descriptor)
		if fault.KindOf(err) != c.kind || !strings.Contains(fault.Sentence(err), c.says) {
			t.Errorf("%s: %v of kind %s", name, err, fault.KindOf(err))
		}
	}
}

// FuzzFromRestorerONNX reads any bytes as a file: accepted ones must have a
// graph.
func FuzzFromRestorerONNX(f *testing.F) {
	f.Add(restorerModel(unchanged), "weight", 0.5, 64)
	f.Add(restorerModel(unchanged), "x", 1.0, 0)
	f.Add(restorerModel(func(m *onnx.Model) { m.Inputs[1].Type = onnx.Int32 }), "weight", 3.0, 0)
	f.Fuzz(func(t *testing.T, data []byte, name string, value float64, size int) {
		n, err := network.FromRestorerONNX(data, network.RestorerDescriptor{Size: size, Extra: map[string]float64{name: value}})
		if err != nil {
			if k := fault.KindOf(err); k != fault.Invalid && k != fault.Unsupported {
				t.Fatalf("kind %s: %v", k, err)
			}
			return
		}
		if _, err := n.Graph(usual); err != nil && fault.KindOf(err) == fault.Internal {
			t.Fatal(err)
		}
	})
}
