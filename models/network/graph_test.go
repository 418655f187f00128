package network_test

import (
	"bytes"
	"strings"
	"testing"

	"upscaled/models/fault"
	"upscaled/models/network"
	"upscaled/models/network/networktest"
	"upscaled/models/onnx"
	"upscaled/models/weights"
)

// usual are the options of an ordinary photo on the CPU.
var usual = network.Options{Precision: network.Float32, Sample: network.Uint8, Channels: 3, Borders: network.AllBorders}

func recognized(t *testing.T, tensors weights.Tensors) *network.Network {
	t.Helper()
	n, err := network.Recognize(tensors)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestGraphEdges reads graphs back and checks names, types and shapes.
func TestGraphEdges(t *testing.T) {
	t.Parallel()
	n := recognized(t, networktest.RandomCompact(1, 3, 4, 2))
	for sample, elem := range map[network.Sample]onnx.ElemType{
		network.Uint8: onnx.Uint8, network.Uint16: onnx.Uint16, network.Float: onnx.Float32,
	} {
		for _, channels := range []int{1, 3} {
			o := usual
			o.Sample, o.Channels = sample, channels
			graph, err := n.Graph(o)
			if err != nil {
				t.Fatal(err)
			}
			f, err := onnx.Parse(graph)
			if err != nil {
				t.Fatal(err)
			}
			if len(f.Inputs) != 1 || len(f.Outputs) != 1 || f.Inputs[0].Name != network.InputName || f.Outputs[0].Name != network.OutputName {
				t.Fatalf("edges are %+v and %+v", f.Inputs, f.Outputs)
			}
			for _, v := range []onnx.Value{f.Inputs[0], f.Outputs[0]} {
				if v.Type != elem || len(v.Dims) != 4 || v.Dims[0].Size != 1 || v.Dims[1].Size != 0 || v.Dims[3].Size != int64(channels) {
					t.Errorf("%s of %s has type %s and shape %+v", v.Name, sample, v.Type, v.Dims)
				}
			}
		}
	}
}

// TestGraphIsPure builds a graph twice: the same bytes, and tensors untouched.
func TestGraphIsPure(t *testing.T) {
	t.Parallel()
	for _, tensors := range []weights.Tensors{networktest.RandomCompact(1, 4, 16, 2), networktest.RandomRRDB(1, 2, 16, 8, 2, 2)} {
		n := recognized(t, tensors)
		first, err := n.Graph(usual)
		if err != nil {
			t.Fatal(err)
		}
		id := n.ID()
		gray := usual
		gray.Channels, gray.Precision = 1, network.Float16
		if _, err := n.Graph(gray); err != nil {
			t.Fatal(err)
		}
		again, err := n.Graph(usual)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first, again) {
			t.Error("the same options gave different graphs")
		}
		if after := recognized(t, tensors).ID(); after != id {
			t.Error("building a graph changed the tensors")
		}
	}
}

func TestRefusedOptions(t *testing.T) {
	t.Parallel()
	compact := recognized(t, networktest.RandomCompact(1, 3, 4, 2))
	rrdb := recognized(t, networktest.RandomRRDB(1, 1, 4, 2, 1, 2))
	huge := networktest.RandomCompact(1, 3, 4, 2)
	huge["body.2.weight"].Data[0] = 70000
	cases := map[string]struct {
		net    *network.Network
		change func(*network.Options)
		kind   fault.Kind
	}{
		"precision": {compact, func(o *network.Options) { o.Precision = "int8" }, fault.Invalid},
		"sample":    {compact, func(o *network.Options) { o.Sample = "" }, fault.Invalid},
		"channels":  {compact, func(o *network.Options) { o.Channels = 4 }, fault.Invalid},
		"borders":   {rrdb, func(o *network.Options) { o.Borders.Left = false }, fault.Unsupported},
		"float16":   {recognized(t, huge), func(o *network.Options) { o.Precision = network.Float16 }, fault.Unsupported},
	}
	for name, c := range cases {
		o := usual
		c.change(&o)
		if _, err := c.net.Graph(o); fault.KindOf(err) != c.kind {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// readyModel is a foreign file of one node with the given edges.
func readyModel(change func(*onnx.Model)) []byte {
	dims := func() []onnx.Dim { return []onnx.Dim{{Size: 1}, {Size: 3}, {Name: "h"}, {Name: "w"}} }
	m := onnx.Model{
		Name:    "ready",
		Nodes:   []onnx.Node{{Op: "Identity", Inputs: []string{"x"}, Outputs: []string{"y"}}},
		Inputs:  []onnx.Value{{Name: "x", Type: onnx.Float32, Dims: dims()}},
		Outputs: []onnx.Value{{Name: "y", Type: onnx.Float32, Dims: dims()}},
	}
	change(&m)
	return onnx.Marshal(m)
}

func TestReadyFacts(t *testing.T) {
	t.Parallel()
	n, err := network.FromONNX(readyModel(func(m *onnx.Model) {
		m.Inputs[0].Dims[2].Size, m.Inputs[0].Dims[3].Size = 64, 48
		m.Outputs[0].Dims[2].Size, m.Outputs[0].Dims[3].Size = 256, 192
	}), network.Convention{})
	if err != nil {
		t.Fatal(err)
	}
	if f := n.Info(); f.Scale != 4 || f.FixedHeight != 64 || f.FixedWidth != 48 || f.Radius != 0 || f.Architecture != network.ONNXFile {
		t.Errorf("info are %+v", f)
	}
	free, err := network.FromONNX(readyModel(func(*onnx.Model) {}), network.Convention{})
	if err != nil {
		t.Fatal(err)
	}
	if free.Info().Scale != 0 {
		t.Error("a scale that is not known is not 0")
	}
	if free.ID() == n.ID() {
		t.Error("different files have the same ID")
	}
}

func TestRefusedReadyFiles(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		change func(*onnx.Model)
		says   string
	}{
		"two inputs": {func(m *onnx.Model) { m.Inputs = append(m.Inputs, onnx.Value{Name: "z", Type: onnx.Float32}) }, "2 inputs"},
		"no output":  {func(m *onnx.Model) { m.Outputs = nil }, "0 outputs"},
		"integers":   {func(m *onnx.Model) { m.Inputs[0].Type = onnx.Int32 }, "x holds int32"},
		"gray":       {func(m *onnx.Model) { m.Outputs[0].Dims[1].Size = 1 }, "takes 3 and returns 1 channels"},
		"flat":       {func(m *onnx.Model) { m.Inputs[0].Dims = m.Inputs[0].Dims[:3] }, "x is not one image"},
		"huge":       {func(m *onnx.Model) { m.Inputs[0].Dims[3].Size = 1 << 40 }, "pixels only"},
	}
	for name, c := range cases {
		_, err := network.FromONNX(readyModel(c.change), network.Convention{})
		if fault.KindOf(err) != fault.Unsupported || !strings.Contains(fault.Sentence(err), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzFromONNX reads any bytes as a file: accepted ones must have a graph.
func FuzzFromONNX(f *testing.F) {
	f.Add(readyModel(func(*onnx.Model) {}))
	f.Add(readyModel(func(m *onnx.Model) { m.Inputs[0].Dims[2].Size = 1 << 62 }))
	f.Add(readyModel(func(m *onnx.Model) { m.Nodes = nil })[:40])
	f.Fuzz(func(t *testing.T, data []byte) {
		n, err := network.FromONNX(data, network.Convention{})
		if err != nil {
			return
		}
		if _, err := n.Graph(usual); err != nil && fault.KindOf(err) == fault.Internal {
			t.Fatal(err)
		}
	})
}
