package upscaler

import (
	"context"
	"errors"
	"strings"
	"testing"

	"upscaled/engine/ort"
	"upscaled/models"
	"upscaled/models/fault"
	"upscaled/models/network"
)

func TestChooseCPU(t *testing.T) {
	t.Parallel()
	store, err := models.Open(models.Options{Home: t.TempDir(), Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		options Options
		own     bool
		fails   string
	}{
		"default":              {Options{}, true, ""},
		"float32":              {Options{Precision: network.Float32}, true, ""},
		"float16":              {Options{Precision: network.Float16, CPUKernels: "portable"}, false, ""},
		"not wanted":           {Options{CPUEngine: "onnxruntime"}, false, ""},
		"no bfloat16 there":    {Options{CPUEngine: "onnxruntime", Precision: network.BFloat16}, false, "ONNX Runtime does not have"},
		"forced kernels":       {Options{CPUKernels: "portable"}, true, ""},
		"unknown kernels":      {Options{CPUKernels: "mmx"}, false, `no "mmx" kernels`},
		"kernels and bfloat16": {Options{CPUKernels: "portable", Precision: network.BFloat16}, false, "bfloat16"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.options.Store, c.options.Threads = store, 1
			opened := errors.New("ONNX Runtime was asked for")
			u := &Upscaler{options: c.options, native: newNative(func(context.Context) (*ort.Runtime, error) { return nil, opened }, nil)}
			err := u.chooseCPU(t.Context())
			if own := !errors.Is(err, opened) && err == nil; own != c.own {
				t.Errorf("our own engine: %v", own)
			}
			if errors.Is(err, opened) {
				err = nil
			}
			t.Cleanup(func() { _ = u.Close() })
			if c.fails == "" && err != nil || c.fails != "" && (err == nil || !strings.Contains(err.Error(), c.fails)) {
				t.Errorf("%v, want %q", err, c.fails)
			}
			var option *OptionError
			if err != nil && fault.KindOf(err) != fault.Unsupported && !errors.As(err, &option) {
				t.Errorf("%v is neither unsupported nor an option's", err)
			}
		})
	}
}
