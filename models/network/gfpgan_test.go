package network_test

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"

	"upscaled/models/fault"
	"upscaled/models/network"
	"upscaled/models/network/networktest"
	"upscaled/models/onnx"
	"upscaled/models/weights"
)

// tinyFace has a different width at every size.
func tinyFace() networktest.Face {
	return networktest.Face{Side: 16, Latent: 5, Width: func(side int) int { return 24 / side * 2 }}
}

func TestRecognizeFace(t *testing.T) {
	t.Parallel()
	f := recognized(t, networktest.RandomGFPGAN(1, tinyFace())).Info()
	if f.Architecture != network.GFPGAN || f.Scale != 1 || f.Multiple != 1 || f.FixedWidth != 16 || f.FixedHeight != 16 || f.Trims {
		t.Errorf("info is %+v", f)
	}
	if !strings.Contains(f.Description, "16x16") || f.BytesPerPixel <= 0 {
		t.Errorf("info is incomplete: %+v", f)
	}
	whole := tinyFace()
	whole.Whole = true
	if recognized(t, networktest.RandomGFPGAN(1, whole)).Info().FlopsPerPixel <= f.FlopsPerPixel {
		t.Error("transforming all features costs no more than transforming half of them")
	}
}

// TestFaceFlops compares the count with one by hand: at side 8 with 4 features
// everywhere in the generator and 2 in the U-Net; a multiply-add counts as two.
func TestFaceFlops(t *testing.T) {
	t.Parallel()
	n := recognized(t, networktest.RandomGFPGAN(1, networktest.Face{Side: 8, Latent: 3, Width: func(int) int { return 4 }}))
	down := 64*2*2*9 + 16*2*2*9 + 16*2*2
	up := 16*2*2*9 + 64*2*2*9 + 64*2*2
	steering := 2 * (64*2*2*9 + 64*2*2*9)
	drawing := 16*(4*4*9+3*4) + 64*(2*4*4*9+3*4)
	want := 2 * float64(64*3*2+down+16*2*2*9+4*3*32+up+steering+drawing) / 64
	if got := n.Info().FlopsPerPixel; got != want {
		t.Errorf("%v operations a pixel, want %v", got, want)
	}
}

// TestFaceTensors changes one tensor after another: each must change the
// reference's output, except those used by training only.
func TestFaceTensors(t *testing.T) {
	t.Parallel()
	f := tinyFace()
	tensors := networktest.RandomGFPGAN(2, f)
	in := networktest.New(3, f.Side, f.Side)
	for i := range in.Data {
		in.Data[i] = float64(i*7%16) / 16
	}
	before := networktest.GFPGAN(tensors, in).Data
	for name, tensor := range tensors {
		changed := maps.Clone(tensors)
		data := slices.Clone(tensor.Data)
		for i := range data {
			data[i] += 0.05 * float32(1+i%3)
		}
		changed[name] = weights.Tensor{Shape: tensor.Shape, Data: data}
		same := slices.Equal(before, networktest.GFPGAN(changed, in).Data)
		idle := strings.HasPrefix(name, "toRGB.") || strings.Contains(name, "style_mlp")
		if same != idle {
			t.Errorf("changing %s leaves the output the same: %t, want %t", name, same, idle)
		}
	}
	in.Data[100] += 0.1
	if slices.Equal(before, networktest.GFPGAN(tensors, in).Data) {
		t.Error("changing the image leaves the output the same")
	}
}

func TestRefusedFaces(t *testing.T) {
	t.Parallel()
	zeros := func(shape ...int) weights.Tensor {
		size := 1
		for _, side := range shape {
			size *= side
		}
		return weights.Tensor{Shape: shape, Data: make([]float32, size)}
	}
	cases := map[string]struct {
		change func(weights.Tensors)
		kind   fault.Kind
		says   string
	}{
		"no generator":  {func(t weights.Tensors) { delete(t, "stylegan_decoder.constant_input.weight") }, fault.Invalid, "constant_input.weight is missing"},
		"no noise":      {func(t weights.Tensors) { delete(t, "stylegan_decoder.noises.noise2") }, fault.Invalid, "noise2 is missing"},
		"small noise":   {func(t weights.Tensors) { t["stylegan_decoder.noises.noise4"] = zeros(1, 1, 8, 8) }, fault.Invalid, "noise4 has the shape"},
		"one latent":    {func(t weights.Tensors) { t["final_linear.weight"] = zeros(5, 6*16) }, fault.Invalid, "final_linear.weight"},
		"no level":      {func(t weights.Tensors) { delete(t, "conv_body_down.0.conv1.weight") }, fault.Invalid, "conv_body_down.0.conv1.weight is missing"},
		"fewer levels":  {func(t weights.Tensors) { delete(t, "conv_body_down.1.conv1.weight") }, fault.Invalid, "final_conv.weight"},
		"skip bias":     {func(t weights.Tensors) { t["conv_body_up.0.skip.bias"] = zeros(6) }, fault.Unsupported, "conv_body_up.0.skip.bias"},
		"unequal steer": {func(t weights.Tensors) { t["condition_shift.1.2.weight"] = zeros(2, 1, 3, 3) }, fault.Invalid, "condition_shift.1.2.weight"},
		"odd steer": {func(t weights.Tensors) {
			for _, kind := range []string{"scale", "shift"} {
				t["condition_"+kind+".0.2.weight"], t["condition_"+kind+".0.2.bias"] = zeros(5, 3, 3, 3), zeros(5)
			}
		}, fault.Unsupported, "modulates 5 of 6 features"},
		"first kind": {func(t weights.Tensors) {
			t["conv_body_first.0.weight"] = t["conv_body_first.weight"]
			delete(t, "conv_body_first.weight")
		}, fault.Unsupported, "version 1.3 or 1.4"},
	}
	for name, c := range cases {
		tensors := networktest.RandomGFPGAN(3, tinyFace())
		c.change(tensors)
		_, err := network.Recognize(tensors)
		if fault.KindOf(err) != c.kind || !strings.Contains(fault.Sentence(err), c.says) {
			t.Errorf("%s: error %q of kind %q, want %q of kind %q", name, err, fault.KindOf(err), c.says, c.kind)
		}
	}
}

// TestFaceGraph checks that the shape is fixed and that building graphs leaves
// the tensors alone.
func TestFaceGraph(t *testing.T) {
	t.Parallel()
	tensors := networktest.RandomGFPGAN(4, tinyFace())
	n := recognized(t, tensors)
	id := n.ID()
	var graphs [][]byte
	for _, precision := range []network.Precision{network.Float32, network.Float16, network.Float32} {
		o := usual
		o.Precision = precision
		graph, err := n.Graph(o)
		if err != nil {
			t.Fatal(err)
		}
		file, err := onnx.Parse(graph)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range []onnx.Value{file.Inputs[0], file.Outputs[0]} {
			if v.Type != onnx.Uint8 || len(v.Dims) != 4 || v.Dims[1].Size != 16 || v.Dims[2].Size != 16 || v.Dims[3].Size != 3 {
				t.Errorf("%s is %+v", v.Name, v)
			}
		}
		graphs = append(graphs, graph)
	}
	if !bytes.Equal(graphs[0], graphs[2]) {
		t.Error("the same options gave different graphs")
	}
	if len(graphs[1]) >= len(graphs[0]) {
		t.Error("float16 weights take no less room")
	}
	if recognized(t, tensors).ID() != id {
		t.Error("building a graph changed the tensors")
	}
	open := usual
	open.Borders.Left = false
	if _, err := n.Graph(open); fault.KindOf(err) != fault.Unsupported {
		t.Errorf("a face without a border: %v", err)
	}
}
