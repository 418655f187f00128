package main

import (
	"slices"
	"strings"
	"testing"

	"upscaled/engine"
	"upscaled/engine/enginetest"
	"upscaled/engine/onednn"
	"upscaled/models/fault"
	"upscaled/models/network"
)

// Where oneDNN is absent, the processor gains nothing by it or the user does
// not want it, the runtimes are those that there would be without it.
func TestProcessorWithoutOneDNN(t *testing.T) {
	t.Parallel()
	absent := func(string) (onednn.Library, error) {
		return onednn.Library{}, fault.New(fault.ModelMissing, "oneDNN is not installed; install libdnnl2.")
	}
	old := func(string) (onednn.Library, error) {
		return onednn.Library{Version: "2.6.3", Reason: "This processor has no AVX-512."}, nil
	}
	here := func(string) (onednn.Library, error) {
		return onednn.Library{Version: "2.6.3", AVX512: true, BFloat16: true}, nil
	}
	for name, c := range map[string]struct {
		engine    string
		probe     prober
		precision network.Precision
		reason    string
	}{
		"absent":       {"auto", absent, "", "oneDNN is not installed"},
		"no gain":      {"auto", old, "", "no AVX-512"},
		"float32":      {"auto", old, network.Float32, "no AVX-512"},
		"float16":      {"auto", here, network.Float16, "no float16"},
		"not wanted":   {"onnxruntime", here, "", "--cpu-engine"},
		"wanted, gone": {"onednn", absent, "", ""},
		"bfloat16":     {"auto", absent, network.BFloat16, ""},
		"mistaken":     {"fastest", here, "", ""},
	} {
		a := &app{settings: settings{cpuEngine: c.engine}}
		native := &enginetest.Runtime{}
		chosen := compute{runtimes: []engine.Runtime{native}}
		err := a.chooseFrom(&chosen, 1, c.precision, c.probe)
		if !slices.Equal(chosen.runtimes, []engine.Runtime{native}) {
			t.Errorf("%s: %v", name, chosen.runtimes)
		}
		if (err != nil) != (c.reason == "") || !strings.Contains(chosen.processor, c.reason) {
			t.Errorf("%s: %q, %v", name, chosen.processor, err)
		}
	}
}

// With AVX-512 oneDNN is used, in bfloat16 or, where the processor lacks that or
// the user wants it exact, in float32.
func TestProcessorGains(t *testing.T) {
	t.Parallel()
	for _, bfloat16 := range []bool{true, false} {
		for _, precision := range []network.Precision{"", network.Float32} {
			a := &app{settings: settings{cpuEngine: "auto"}}
			found, reason, err := a.pickLibrary(precision, func(string) (onednn.Library, error) {
				return onednn.Library{Version: "2.6.3", Instructions: "AVX-512", AVX512: true, BFloat16: bfloat16}, nil
			})
			if err != nil || found == nil || !strings.Contains(reason, "AVX-512") {
				t.Errorf("bfloat16 %v, precision %q: %v, %q, %v", bfloat16, precision, found, reason, err)
			}
		}
	}
}
