package models

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"upscaled/models/fault"
	"upscaled/models/network"
	"upscaled/models/network/networktest"
	"upscaled/models/weights"
)

// mean is the network of a part of one seed's tensors and the rest of another's.
func mean(t *testing.T, part float64, one, other uint64) *network.Network {
	t.Helper()
	var sum weights.Sum
	if err := errors.Join(sum.Add(tensors(one), part), sum.Add(tensors(other), 1-part)); err != nil {
		t.Fatal(err)
	}
	n, err := network.Recognize(sum.Tensors())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// imported stores models of seeds 9 and 10 under the names "one" and "other".
func imported(t *testing.T) *Store {
	t.Helper()
	s, _ := fixture(t, Options{Offline: true})
	for name, seed := range map[string]uint64{"one": 9, "other": 10} {
		if _, err := s.Import(t.Context(), write(t, name+".safetensors", safetensors(t, seed)), ImportOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// A mix is stored like an imported model and holds the weighted mean. Its text stands
// for it wherever a name does.
func TestMixIsAModel(t *testing.T) {
	t.Parallel()
	s := imported(t)
	e, err := s.Mix(t.Context(), "both", "one=0.25,Other=0.75")
	if err != nil || !e.Imported || e.Architecture != network.SRVGGNetCompact {
		t.Fatalf("%+v, %v", e, err)
	}
	for _, name := range []string{"both", "one=0.25,other=0.75", "ONE = 0.25, o_ther=.75"} {
		got, err := s.Load(t.Context(), name, nil)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(graph(t, got), graph(t, mean(t, 0.25, 9, 10))) {
			t.Errorf("%s is not the weighted mean", name)
		}
	}
	if got := s.CanonicalName("ONE = 0.25, o_ther=.75"); got != "one=0.25,other=0.75" {
		t.Errorf("the mix is called %q", got)
	}
	half := 0.5
	if _, err := s.Load(t.Context(), "one=0.5,other=0.5", &half); fault.KindOf(err) != fault.Unsupported {
		t.Errorf("a mix denoises: %v", err)
	}
}

func TestMixesThatAreNone(t *testing.T) {
	t.Parallel()
	s := imported(t)
	wide := write(t, "wide.safetensors", encoded(t, networktest.RandomCompact(1, 3, 12, 2)))
	if _, err := s.Import(t.Context(), wide, ImportOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, mix := range []string{
		"one=1", "one=0.5,other=0.4", "one=1.5,other=-0.5", "one=x,other=1", "one=NaN,other=1", "=0.5,one=0.5",
		"one=0.5,other", "one=0.5,wide=0.5", strings.Repeat("one=0,", 16) + "one=1",
	} {
		if _, err := s.Load(t.Context(), mix, nil); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", mix, err)
		}
	}
	for name, kind := range map[string]fault.Kind{"one": fault.Invalid, "../up": fault.Invalid} {
		if _, err := s.Mix(t.Context(), name, "one=0.5,other=0.5"); fault.KindOf(err) != kind {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := s.Mix(t.Context(), "none", "one"); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a single model: %v", err)
	}
	if _, err := s.Mix(t.Context(), "none", "one=0.5,nobody=0.5"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("an unknown model: %v", err)
	}
}

// The denoising variant counts in any format, by its tensors.
func TestTwinOfAnyFormat(t *testing.T) {
	t.Parallel()
	s, _ := fixture(t, Options{})
	for _, bad := range []string{
		write(t, "realesr-general-wdn-x4v3.safetensors", encoded(t, networktest.RandomCompact(1, 3, 12, 2))),
		write(t, "RealESR-general-wdn-x4v3.onnx", readyONNX(8)),
	} {
		if _, err := s.Import(t.Context(), bad, ImportOptions{}); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", bad, err)
		}
	}
	twin := write(t, "some.safetensors", safetensors(t, 7))
	e, err := s.Import(t.Context(), twin, ImportOptions{Name: "RealESR-general-wdn_x4v3"})
	if err != nil || e.Name != denoisingModel || !e.Imported || e.Licence != "MIT" {
		t.Fatalf("%+v, %v", e, err)
	}
	part := 0.75
	n, err := s.Load(t.Context(), generalModel, &part)
	if err != nil || !bytes.Equal(graph(t, n), graph(t, mean(t, 0.75, 1, 7))) {
		t.Errorf("the variant is not mixed: %v", err)
	}
}
