package network_test

import (
	"math"
	"testing"

	"upscaled/models/network"
	"upscaled/models/network/networktest"
	"upscaled/models/weights"
)

// TestRadius perturbs one pixel after another along a row and looks how far
// away the reference's output changes: no farther than Facts say, and for
// some pixel just as far.
func TestRadius(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name    string
		tensors weights.Tensors
		run     func(weights.Tensors, networktest.Image) networktest.Image
	}{
		{"compact", networktest.RandomCompact(1, 4, 3, 3), networktest.Compact},
		{"rrdb 4x", networktest.RandomRRDB(2, 0, 3, 2, 1, 2), networktest.RRDB},
		{"rrdb 2x", networktest.RandomRRDB(3, 0, 3, 2, 2, 2), networktest.RRDB},
		{"rrdb 1x", networktest.RandomRRDB(4, 0, 3, 2, 4, 2), networktest.RRDB},
		{"rrdb 2x without fold", networktest.RandomRRDB(5, 0, 3, 2, 1, 1), networktest.RRDB},
		{"MoSR", networktest.RandomMoSR(7, networktest.MoSRVariant{Features: 4, Blocks: 1, Kernel: 5, Hidden: 4, Part: 4, Scale: 2, End: "ps"}), networktest.MoSR},
		{"upconv", networktest.RandomUpconv(8, 1, 2), networktest.Upconv},
		{"SPAN", networktest.RandomSPAN(10, 4, 2, true), networktest.SPAN},
		{"vgg", networktest.RandomUpconv(9, 1, 1), networktest.Upconv},
		{"rrdb 4x with a block", networktest.RandomRRDB(6, 1, 2, 1, 1, 2), networktest.RRDB},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			n, err := network.Recognize(c.tensors)
			if err != nil {
				t.Fatal(err)
			}
			f := n.Info()
			// Whole strides of the fold, with room for the radius on both sides.
			middle := (f.Radius/f.Multiple + 1) * f.Multiple
			farthest := 0
			for shift := range f.Multiple {
				farthest = max(farthest, reach(c.tensors, c.run, f, middle+shift, 2*middle+f.Multiple))
			}
			if farthest != f.Radius {
				t.Errorf("one pixel changes the output %d pixels away, Facts say %d", farthest, f.Radius)
			}
		})
	}
}

// reach is how many input pixels away from x a change at x shows, in an image
// of few rows.
func reach(tensors weights.Tensors, run func(weights.Tensors, networktest.Image) networktest.Image, f network.Info, x, width int) int {
	in := networktest.New(3, 4, width)
	for i := range in.Data {
		in.Data[i] = 0.5 + 0.4*math.Sin(float64(i))
	}
	before := run(tensors, in)
	in.Set(1, 2, x, in.At(1, 2, x)+0.3)
	after := run(tensors, in)
	farthest := 0
	for i, v := range before.Data {
		if math.Float64bits(v) != math.Float64bits(after.Data[i]) {
			pixel := i % before.Width / f.Scale
			farthest = max(farthest, pixel-x, x-pixel)
		}
	}
	return farthest
}
