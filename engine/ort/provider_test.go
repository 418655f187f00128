package ort

import (
	"errors"
	"strings"
	"testing"

	"upscaled/models/fault"
	"upscaled/models/network"
)

func TestParseDevice(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]deviceName{
		"cpu": {cpu, 0}, "cuda": {cuda, 0}, "cuda:3": {cuda, 3}, "tensorrt:1": {tensorrt, 1}, "webgpu": {webgpu, 0},
	} {
		if got, err := parseDevice(text); err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "gpu", "cpu:1", "webgpu:0", "cuda:", "cuda:-1", "cuda:x", "cuda:1:2", "CUDA"} {
		if got, err := parseDevice(text); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

// What a CUDA session asks for: what was measured for the model, within the
// memory limit, and float32 that is float32.
func TestCUDASettings(t *testing.T) {
	t.Parallel()
	r := &Runtime{
		device: deviceName{cuda, 2},
		options: Options{MemoryLimit: 123 << 20, CUDA: func(*network.Network) CUDA {
			return CUDA{Search: "EXHAUSTIVE", LargeWorkspace: true}
		}},
	}
	got := r.cudaSettings(new(network.Network))
	for key, want := range map[string]string{
		"device_id": "2", "cudnn_conv_algo_search": "EXHAUSTIVE", "prefer_nhwc": "0", "cudnn_conv_use_max_workspace": "1",
		"use_tf32": "0", "arena_extend_strategy": "kSameAsRequested", "gpu_mem_limit": "128974848",
	} {
		if got[key] != want {
			t.Errorf("%s is %q, not %q", key, got[key], want)
		}
	}
	if search := r.cudaSettings(nil)["cudnn_conv_algo_search"]; search != "HEURISTIC" {
		t.Errorf("unmeasured networks search by %s", search)
	}
}

func TestTensorRTKeepsItsEngines(t *testing.T) {
	t.Parallel()
	r := &Runtime{device: deviceName{tensorrt, 0}, options: Options{Cache: t.TempDir()}}
	got, err := r.tensorRTSettings()
	if err != nil || got["trt_engine_cache_enable"] != "1" || got["trt_timing_cache_enable"] != "1" ||
		!strings.HasPrefix(got["trt_engine_cache_path"], r.options.Cache) {
		t.Errorf("%v, %v", got, err)
	}
}

// Native errors get the kind that decides what happens next.
func TestTranslate(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]fault.Kind{
		"BFCArena: Available memory of 12 is smaller than requested bytes of 99":                            fault.DeviceMemory,
		"CUDA failure 2: out of memory ; GPU=0":                                                             fault.DeviceMemory,
		"CUDNN failure 4000: CUDNN_STATUS_ALLOC_FAILED":                                                     fault.DeviceMemory,
		"CUDA failure 719: unspecified launch failure ; GPU=0 ; hostname=x ; file=cuda_call.cc":             fault.DeviceLost,
		"CUDA failure 700: an illegal memory access was encountered":                                        fault.DeviceLost,
		"CUDA failure 100: no CUDA-capable device is detected":                                              fault.DeviceLost,
		"CUDA failure 214: uncorrectable ECC error encountered":                                             fault.DeviceLost,
		"Non-zero status code returned while running Conv node. Name:'c1' Status Message: invalid argument": fault.Internal,
	} {
		err := translate(errors.New(text), "run the model")
		if fault.KindOf(err) != want {
			t.Errorf("%q is %s, not %s", text, fault.KindOf(err), want)
		}
	}
}
