package upscaler

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

// ONNX Runtime stays alone if oneDNN is absent, not wanted, or no gain on this CPU.
func TestCPUWithoutOneDNN(t *testing.T) {
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
	} {
		native := &enginetest.Runtime{}
		u := &Upscaler{options: Options{CPUEngine: c.engine, Threads: 1, Precision: c.precision}, runtimes: []engine.Runtime{native}}
		if err := u.chooseCPU(c.probe); (err != nil) != (c.reason == "") {
			t.Errorf("%s: %v", name, err)
		}
		if !slices.Equal(u.runtimes, []engine.Runtime{native}) {
			t.Errorf("%s: %v", name, u.runtimes)
		}
		if _, reason, _ := u.options.oneDNN(c.probe); !strings.Contains(reason, c.reason) {
			t.Errorf("%s: %q", name, reason)
		}
	}
}

// With AVX-512 oneDNN is used, in float32 too.
func TestCPUGainsByOneDNN(t *testing.T) {
	t.Parallel()
	for _, bfloat16 := range []bool{true, false} {
		for _, precision := range []network.Precision{"", network.Float32} {
			o := Options{CPUEngine: "auto", Precision: precision}
			found, reason, err := o.oneDNN(func(string) (onednn.Library, error) {
				return onednn.Library{Version: "2.6.3", Instructions: "AVX-512", AVX512: true, BFloat16: bfloat16}, nil
			})
			if err != nil || found == nil || !strings.Contains(reason, "AVX-512") {
				t.Errorf("bfloat16 %v, precision %q: %v, %q, %v", bfloat16, precision, found, reason, err)
			}
		}
	}
}
