package network_test

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"upscaled/models/network"
	"upscaled/models/network/networktest"
	"upscaled/models/weights"
)

// A small GFPGAN and its output, made by the original code (scripts/gfpgan-fixture): the
// file is recognized, and the reference that graphs are compared with computes the same.
func TestOriginalGFPGAN(t *testing.T) {
	t.Parallel()
	tensors, err := weights.ReadFile("testdata/gfpgan.pth")
	if err != nil {
		t.Fatal(err)
	}
	info := recognized(t, tensors).Info()
	if info.Architecture != network.GFPGAN || info.FixedWidth != 16 {
		t.Fatalf("%+v", info)
	}
	data, err := os.ReadFile("testdata/gfpgan.json")
	if err != nil {
		t.Fatal(err)
	}
	var original struct{ Input, Output []float64 }
	if err := json.Unmarshal(data, &original); err != nil {
		t.Fatal(err)
	}
	in := networktest.New(3, 16, 16)
	for i, v := range original.Input {
		in.Data[i] = (v + 1) / 2
	}
	var least, most float64
	for i, v := range networktest.GFPGAN(tensors, in).Data {
		want := original.Output[i]
		if got := 2*v - 1; math.Abs(got-want) > 1e-4 {
			t.Fatalf("value %d is %g, the original's is %g", i, got, want)
		}
		least, most = min(least, want), max(most, want)
	}
	if most-least < 1 {
		t.Errorf("the output has values from %g to %g only", least, most)
	}
}
