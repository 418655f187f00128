package ort

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	onnx "github.com/yalue/onnxruntime_go"

	"upscaled/models/network"
)

// CUDA configures ONNX Runtime's CUDA provider for a model.
type CUDA struct {
	// Search is how cuDNN's algorithms are chosen: HEURISTIC by a model of the GPU,
	// EXHAUSTIVE by timing them when a session opens.
	Search string `json:"search"`
	// NHWC keeps activations channels-last, as tensor cores prefer.
	NHWC bool `json:"nhwc"`
	// LargeWorkspace does not limit the algorithms' memory.
	LargeWorkspace bool `json:"large_workspace"`
}

// DefaultCUDA is for GPUs and models that were not measured.
func DefaultCUDA() CUDA { return CUDA{Search: "HEURISTIC", NHWC: true, LargeWorkspace: true} }

// appendProvider adds the device's execution provider; net may be nil.
func (r *Runtime) appendProvider(options *onnx.SessionOptions, net *network.Network) error {
	switch r.device.kind {
	case cuda:
		return r.appendCUDA(options, net)
	case tensorrt:
		if err := r.appendTensorRT(options); err != nil {
			return err
		}
		return r.appendCUDA(options, net) // takes the nodes that TensorRT leaves
	case cpu:
		return nil
	}
	return options.AppendExecutionProvider(r.device.native, r.device.options(r))
}

func (r *Runtime) appendCUDA(options *onnx.SessionOptions, net *network.Network) error {
	provider, err := onnx.NewCUDAProviderOptions()
	if err != nil {
		return err
	}
	defer provider.Destroy()
	if err := provider.Update(r.cudaSettings(net)); err != nil {
		return err
	}
	return options.AppendExecutionProviderCUDA(provider)
}

// cudaSettings returns the provider's options (ONNX Runtime, "CUDA Execution
// Provider"). The arena grows by the requested size instead of doubling, within the
// free memory. TF32 is off: float32 is float32.
func (r *Runtime) cudaSettings(net *network.Network) map[string]string {
	c := DefaultCUDA()
	if net != nil && r.options.CUDA != nil {
		c = r.options.CUDA(net)
	}
	settings := map[string]string{
		"device_id":                    strconv.Itoa(r.device.number),
		"arena_extend_strategy":        "kSameAsRequested",
		"cudnn_conv_algo_search":       c.Search,
		"cudnn_conv_use_max_workspace": digit(c.LargeWorkspace),
		"prefer_nhwc":                  digit(c.NHWC),
		"use_tf32":                     "0",
	}
	if limit := r.memoryLimit(); limit > 0 {
		settings["gpu_mem_limit"] = strconv.FormatInt(limit, 10)
	}
	return settings
}

// memoryShare of the free memory is a session's limit, because cuDNN and the driver
// allocate beside its arena.
const memoryShare = 0.9

// memoryLimit returns a session's limit in bytes; 0 if unknown.
func (r *Runtime) memoryLimit() int64 {
	if r.options.MemoryLimit > 0 {
		return r.options.MemoryLimit
	}
	_, _, free := nvidia(r.device.number)
	return int64(memoryShare * float64(free))
}

func digit(on bool) string {
	if on {
		return "1"
	}
	return "0"
}

// appendTensorRT builds engines for the session's one shape, its only profile, and
// caches them and the timings.
func (r *Runtime) appendTensorRT(options *onnx.SessionOptions) error {
	provider, err := onnx.NewTensorRTProviderOptions()
	if err != nil {
		return err
	}
	defer provider.Destroy()
	settings, err := r.tensorRTSettings()
	if err != nil {
		return err
	}
	if err := provider.Update(settings); err != nil {
		return err
	}
	return options.AppendExecutionProviderTensorRT(provider)
}

// tensorRTSettings returns the provider's options (ONNX Runtime, "TensorRT
// Execution Provider").
func (r *Runtime) tensorRTSettings() (map[string]string, error) {
	settings := map[string]string{
		"device_id":       strconv.Itoa(r.device.number),
		"trt_fp16_enable": "1",
	}
	if r.options.Cache == "" {
		return settings, nil
	}
	folder := filepath.Join(r.options.Cache, "tensorrt")
	const private = 0o700
	if err := os.MkdirAll(folder, private); err != nil {
		return nil, fmt.Errorf("make the engine cache: %w", err)
	}
	settings["trt_engine_cache_enable"] = "1"
	settings["trt_engine_cache_path"] = folder
	settings["trt_timing_cache_enable"] = "1"
	settings["trt_timing_cache_path"] = folder
	return settings, nil
}
