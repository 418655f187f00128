package network_test

import (
	"maps"
	"math"
	"strings"
	"testing"

	"upscaled/models/fault"
	"upscaled/models/network"
	"upscaled/models/network/networktest"
	"upscaled/models/weights"
)

func TestRecognize(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name                    string
		tensors                 weights.Tensors
		architecture            network.Architecture
		scale, radius, multiple int
		trims                   bool
	}{
		{"general-x4v3", networktest.RandomCompact(1, 34, 8, 4), network.SRVGGNetCompact, 4, 34, 1, true},
		{"animevideov3", networktest.RandomCompact(2, 18, 8, 4), network.SRVGGNetCompact, 4, 18, 1, true},
		{"compact 2x", networktest.RandomCompact(3, 3, 4, 2), network.SRVGGNetCompact, 2, 3, 1, true},
		{"compact 1x", networktest.RandomCompact(3, 3, 4, 1), network.SRVGGNetCompact, 1, 3, 1, true},
		{"x4plus", networktest.RandomRRDB(4, 23, 4, 2, 1, 2), network.RRDBNet, 4, 349, 1, false},
		{"anime-6B", networktest.RandomRRDB(5, 6, 4, 2, 1, 2), network.RRDBNet, 4, 94, 1, false},
		{"x2plus", networktest.RandomRRDB(6, 23, 4, 2, 2, 2), network.RRDBNet, 2, 698, 2, false},
		{"x1", networktest.RandomRRDB(7, 1, 4, 2, 4, 2), network.RRDBNet, 1, 76, 4, false},
		{"SPAN", networktest.RandomSPAN(9, 8, 2, true), network.SPAN, 2, 21, 1, false},
		{"RealPLKSR", networktest.RandomRealPLKSR(10, networktest.PLKSRVariant{Features: 8, Blocks: 2, Kernel: 5, Part: 2, Scale: 3}), network.RealPLKSR, 3, 0, 1, false},
		{"SwinIR", networktest.RandomSwinIR(11, networktest.SwinVariant{Features: 8, Heads: 2, Window: 8, Groups: 1, Blocks: 2, Scale: 4, End: "nearest"}), network.SwinIR, 4, 0, 8, false},
		{"SwinIR unshuffled", networktest.RandomSwinIR(12, networktest.SwinVariant{Features: 8, Heads: 2, Window: 8, Groups: 1, Blocks: 2, Scale: 4, Unshuffle: 2, End: "shuffle"}), network.SwinIR, 2, 0, 16, false},
		{"gray", networktest.RandomESRGAN(13, 1, 2, false), network.RRDBNet, 2, 68, 2, false},
		{"ESRGAN+", networktest.RandomESRGAN(14, 3, 1, true), network.RRDBNet, 4, 34, 1, false},
		{"SPSR", networktest.RandomSPSR(14, 20, 4, 2), network.SPSR, 4, 324, 1, false},
		{"SPSR 2x", networktest.RandomSPSR(14, 23, 4, 1), network.SPSR, 2, 358, 1, false},
		{"SRFormer", networktest.RandomSwinIR(13, networktest.SwinVariant{Features: 8, Heads: 2, Window: 8, Groups: 1, Blocks: 2, Scale: 4, End: "nearest", SRFormer: true}), network.SRFormer, 4, 0, 8, false},
		{"MoSR", networktest.RandomMoSR(14, networktest.MoSRVariant{Features: 8, Blocks: 2, Kernel: 7, Hidden: 12, Part: 8, Scale: 4, End: "gps"}), network.MoSR, 4, 14, 1, false},
		{"MoSRv2", networktest.RandomMoSR(15, networktest.MoSRVariant{Features: 8, Blocks: 2, Kernel: 11, Hidden: 12, Scale: 4, End: "ps", Second: true, Unshuffle: 2}), network.MoSR, 2, 0, 2, false},
		{"Real-CUGAN", networktest.RandomUpcunet(16, networktest.UpcunetVariant{Scale: 3, Width: 8, Pro: true}), network.UpCunet, 3, 0, 1, false},
		{"Real-CUGAN fast", networktest.RandomUpcunet(17, networktest.UpcunetVariant{Scale: 2, Width: 8, Fast: true}), network.UpCunet, 2, 0, 1, false},
		{"upconv_7", networktest.RandomUpconv(18, 1, 2), network.UpConv, 2, 7, 1, true},
		{"8x", networktest.RandomRRDB(8, 1, 4, 2, 1, 3), network.RRDBNet, 8, 19, 1, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			n, err := network.Recognize(c.tensors)
			if err != nil {
				t.Fatal(err)
			}
			f := n.Info()
			if f.Architecture != c.architecture || f.Scale != c.scale || f.Radius != c.radius ||
				f.Multiple != c.multiple || f.Trims != c.trims {
				t.Errorf("info are %+v, want %s %dx, radius %d, multiple %d, trims %t",
					f, c.architecture, c.scale, c.radius, c.multiple, c.trims)
			}
			if f.FlopsPerPixel <= 0 || f.BytesPerPixel <= 0 || f.Description == "" {
				t.Errorf("info are incomplete: %+v", f)
			}
		})
	}
}

// TestFlops holds the count against one worked out by hand for the published
// sizes: 9 taps, two operations each.
func TestFlops(t *testing.T) {
	t.Parallel()
	n, err := network.Recognize(networktest.RandomCompact(1, 34, 64, 4))
	if err != nil {
		t.Fatal(err)
	}
	if want := 18.0 * (3*64 + 32*64*64 + 64*48); n.Info().FlopsPerPixel != want {
		t.Errorf("%v operations a pixel, want %v", n.Info().FlopsPerPixel, want)
	}
}

func TestRefusedTensors(t *testing.T) {
	t.Parallel()
	compact := func(change func(weights.Tensors)) weights.Tensors {
		tensors := maps.Clone(networktest.RandomCompact(1, 3, 4, 2))
		change(tensors)
		return tensors
	}
	rrdb := func(change func(weights.Tensors)) weights.Tensors {
		tensors := maps.Clone(networktest.RandomRRDB(1, 1, 4, 2, 1, 2))
		change(tensors)
		return tensors
	}
	zeros := func(shape ...int) weights.Tensor {
		size := 1
		for _, side := range shape {
			size *= side
		}
		return weights.Tensor{Shape: shape, Data: make([]float32, size)}
	}
	cases := []struct {
		name    string
		tensors weights.Tensors
		kind    fault.Kind
		says    string
	}{
		{"empty", weights.Tensors{}, fault.Unsupported, "no known architecture"},
		{"missing bias", compact(func(t weights.Tensors) { delete(t, "body.2.bias") }), fault.Invalid, "body.2.bias is missing"},
		{"missing dense layer", rrdb(func(t weights.Tensors) { delete(t, "body.0.rdb2.conv3.weight") }), fault.Invalid, "body.0.rdb2.conv3.weight is missing"},
		{"extra", rrdb(func(t weights.Tensors) { t["attention.weight"] = zeros(1) }), fault.Unsupported, "attention.weight"},
		{"gap in layers", compact(func(t weights.Tensors) { delete(t, "body.1.weight") }), fault.Unsupported, "body.3"},
		{"5x5", compact(func(t weights.Tensors) { t["body.0.weight"] = zeros(4, 3, 5, 5) }), fault.Invalid, "body.0.weight has the shape [4 3 5 5]"},
		{"flat", compact(func(t weights.Tensors) { t["body.0.weight"] = zeros(108) }), fault.Invalid, "body.0.weight"},
		{"more sides", compact(func(t weights.Tensors) { t["body.0.bias"] = zeros(4, 1, 1) }), fault.Invalid, "body.0.bias"},
		{"no output", compact(func(t weights.Tensors) { t["body.4.weight"] = zeros(0, 4, 3, 3) }), fault.Invalid, "body.4.weight"},
		{"shape lies", compact(func(t weights.Tensors) {
			t["body.0.bias"] = weights.Tensor{Shape: []int{4}, Data: make([]float32, 3)}
		}), fault.Invalid, "body.0.bias"},
		{"odd outputs", compact(func(t weights.Tensors) {
			t["body.4.weight"], t["body.4.bias"] = zeros(13, 4, 3, 3), zeros(13)
		}), fault.Unsupported, "13 output channels"},
		{"gray", rrdb(func(t weights.Tensors) { t["conv_first.weight"] = zeros(4, 1, 3, 3) }), fault.Unsupported, "takes 1 channels and returns 3"},
		{"not finite", rrdb(func(t weights.Tensors) {
			t["conv_hr.bias"] = weights.Tensor{Shape: []int{4}, Data: []float32{0, 0, float32(math.NaN()), 0}}
		}), fault.Invalid, "conv_hr.bias holds numbers that are not finite"},
		{"smaller", networktest.RandomRRDB(1, 1, 4, 2, 4, 1), fault.Unsupported, "smaller"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := network.Recognize(c.tensors)
			if fault.KindOf(err) != c.kind || !strings.Contains(fault.Sentence(err), c.says) {
				t.Errorf("error %q of kind %q, want %q of kind %q", err, fault.KindOf(err), c.says, c.kind)
			}
		})
	}
}

func TestID(t *testing.T) {
	t.Parallel()
	id := func(tensors weights.Tensors) string {
		n, err := network.Recognize(tensors)
		if err != nil {
			t.Fatal(err)
		}
		return n.ID()
	}
	tensors := networktest.RandomCompact(1, 3, 4, 2)
	first := id(tensors)
	if first != id(networktest.RandomCompact(1, 3, 4, 2)) {
		t.Error("equal tensors have different IDs")
	}
	tensors["body.4.bias"].Data[11] += 1e-3
	if first == id(tensors) {
		t.Error("different tensors have the same ID")
	}
	n, err := network.Recognize(tensors)
	if err != nil {
		t.Fatal(err)
	}
	if got := n.WithID("given").ID(); got != "given" {
		t.Errorf("the given ID became %q", got)
	}
}
