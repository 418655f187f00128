package models

import (
	"bytes"
	"testing"

	"upscaled/models/fault"
	"upscaled/models/network"
	"upscaled/models/weights"
)

// A mix is stored like an imported model and holds the weighted mean.
func TestMixIsAModel(t *testing.T) {
	t.Parallel()
	s, _ := fixture(t, Options{Offline: true})
	for name, seed := range map[string]uint64{"one": 9, "other": 10} {
		if _, err := s.Import(t.Context(), write(t, name+".safetensors", safetensors(t, seed)), ImportOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	e, err := s.Mix(t.Context(), "both", []Share{{"one", 0.25}, {"Other", 0.75}})
	if err != nil || !e.Imported || e.Architecture != network.SRVGGNetCompact {
		t.Fatalf("%+v, %v", e, err)
	}
	got, err := s.Load(t.Context(), "both", nil)
	if err != nil {
		t.Fatal(err)
	}
	mixed, err := weights.Mix([]weights.Tensors{tensors(9), tensors(10)}, []float64{0.25, 0.75})
	if err != nil {
		t.Fatal(err)
	}
	want, err := network.Recognize(mixed)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(graph(t, got), graph(t, want)) {
		t.Error("the mix is not the weighted mean")
	}
	for name, shares := range map[string][]Share{
		"both":  {{"one", 0.5}, {"other", 0.5}},
		"alone": {{"one", 1}},
		"sum":   {{"one", 0.5}, {"other", 0.4}},
		"../up": {{"one", 0.5}, {"other", 0.5}},
	} {
		if _, err := s.Mix(t.Context(), name, shares); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := s.Mix(t.Context(), "none", []Share{{"one", 0.5}, {"nobody", 0.5}}); fault.KindOf(err) != fault.NotFound {
		t.Errorf("an unknown model: %v", err)
	}
}
