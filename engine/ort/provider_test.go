package ort

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"upscaled/models/fault"
	"upscaled/models/network"
)

// named returns a device that parseDevice knows.
func named(t *testing.T, text string) deviceName {
	t.Helper()
	d, err := parseDevice(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestParseDevice(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		"cpu": 0, "cuda": 0, "cuda:3": 3, "tensorrt:1": 1, "webgpu": 0, "directml:2": 2, "coreml": 0, "openvino:1": 1, "migraphx": 0,
	} {
		kind, _, _ := strings.Cut(text, ":")
		if got := named(t, text); got.kind != kind || got.number != want {
			t.Errorf("%s is %s number %d", text, got.kind, got.number)
		}
	}
	for _, text := range []string{
		"", "gpu", "cpu:1", "webgpu:0", "coreml:0", "cuda:", "cuda:-1", "cuda:x", "cuda:1:2", "cuda:01", "cuda:+1", "cuda:1000", "CUDA",
	} {
		if _, err := parseDevice(text); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// Providers get the number of the device, and none computes on a CPU in its place.
func TestProviderOptions(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]map[string]string{
		"webgpu":     {"validationMode": "full"},
		"directml:1": {"device_id": "1"},
		"coreml":     {"ModelFormat": "MLProgram", "MLComputeUnits": "ALL", "RequireStaticInputShapes": "1"},
		"openvino:2": {"device_type": "GPU.2", "precision": "ACCURATE"},
		"migraphx:3": {"device_id": "3"},
	} {
		r := &Runtime{device: named(t, text)}
		if got := r.device.options(r); !maps.Equal(got, want) {
			t.Errorf("%s: %v", text, got)
		}
	}
}

// What a CUDA session asks for: what was measured for the model, within the
// memory limit, and float32 that is float32.
func TestCUDASettings(t *testing.T) {
	t.Parallel()
	r := &Runtime{
		device: named(t, "cuda:2"),
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
	r := &Runtime{device: named(t, "tensorrt"), options: Options{Cache: t.TempDir()}}
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
		"WebGPU validation failed. [Invalid Buffer (unlabeled)] is invalid due to a previous error.":        fault.DeviceMemory,
		"Failed to download data from buffer. wgpu::MapAsyncStatus value: 3, message: [Device] is lost.":    fault.DeviceLost,
		"[Invalid Buffer (unlabeled)] is invalid: [Device] is lost":                                         fault.DeviceLost,
		"DmlExecutionProvider: 887A0005 The GPU device instance has been suspended.":                        fault.DeviceLost,
		"CUDA failure 214: uncorrectable ECC error encountered":                                             fault.DeviceLost,
		"Non-zero status code returned while running Conv node. Name:'c1' Status Message: invalid argument": fault.Internal,
	} {
		err := translate(errors.New(text), "run the model")
		if fault.KindOf(err) != want {
			t.Errorf("%q is %s, not %s", text, fault.KindOf(err), want)
		}
	}
}
