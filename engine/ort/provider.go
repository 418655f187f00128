package ort

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	onnx "github.com/yalue/onnxruntime_go"

	"upscaled/models/fault"
	"upscaled/models/network"
)

// Kinds of devices.
const (
	cpu      = "cpu"
	cuda     = "cuda"
	tensorrt = "tensorrt"
	webgpu   = "webgpu"
)

// deviceName is a device as people name it.
type deviceName struct {
	kind   string
	number int
}

// nvidia says that CUDA drives the device.
func (d deviceName) nvidia() bool { return d.kind == cuda || d.kind == tensorrt }

func parseDevice(text string) (deviceName, error) {
	kind, number, numbered := strings.Cut(text, ":")
	d := deviceName{kind: kind}
	wrong := fault.New(fault.Invalid, "There is no device %q; use cpu, cuda:N, tensorrt:N or webgpu.", text)
	switch kind {
	case cpu, webgpu:
		if numbered {
			return d, wrong
		}
	case cuda, tensorrt:
		if !numbered {
			return d, nil
		}
		n, err := strconv.Atoi(number)
		if err != nil || n < 0 {
			return d, wrong
		}
		d.number = n
	default:
		return d, wrong
	}
	return d, nil
}

// CUDA is how ONNX Runtime's CUDA provider runs a network.
type CUDA struct {
	// Search is how cuDNN's algorithms are chosen: HEURISTIC asks a model of
	// the card, EXHAUSTIVE times them all when a session opens.
	Search string `json:"search"`
	// NHWC keeps activations channels-last, as tensor cores want them.
	NHWC bool `json:"nhwc"`
	// LargeWorkspace lets algorithms take as much memory as they like.
	LargeWorkspace bool `json:"large_workspace"`
}

// DefaultCUDA is for cards and networks that were not measured.
func DefaultCUDA() CUDA { return CUDA{Search: "HEURISTIC", NHWC: true, LargeWorkspace: true} }

// appendProvider adds what drives the device; net may be nil.
func (r *Runtime) appendProvider(options *onnx.SessionOptions, net *network.Network) error {
	switch r.device.kind {
	case cuda:
		return r.appendCUDA(options, net)
	case tensorrt:
		if err := r.appendTensorRT(options); err != nil {
			return err
		}
		return r.appendCUDA(options, net) // takes the nodes that TensorRT leaves
	case webgpu:
		return options.AppendExecutionProvider("WebGPU", map[string]string{})
	}
	return nil
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

// cudaSettings are the provider's options (ONNX Runtime, "CUDA Execution
// Provider"). The arena grows by what is asked for, not by doubling, and never
// beyond what other programs left. TF32 is off, so that float32 means float32.
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

// memoryShare of the free memory is the most that a session's arena may take:
// cuDNN and the driver allocate beside it.
const memoryShare = 0.9

// memoryLimit is a session's bound in bytes; 0 where nothing is known.
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

// appendTensorRT builds engines for the session's one shape, which is its only
// profile, and keeps them and the timings for the next start.
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

// tensorRTSettings are the provider's options (ONNX Runtime, "TensorRT
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

// checkProvider loads the provider once, so that a missing GPU is told at
// start.
func (r *Runtime) checkProvider() error {
	options, err := r.sessionOptions(nil)
	if err == nil {
		return options.Destroy()
	}
	switch r.device.kind {
	case webgpu:
		return fault.Wrap(fault.ModelMissing, err,
			"WebGPU cannot be used: this build of ONNX Runtime lacks it, or the system shows no graphics card with a Vulkan, Metal or Direct3D 12 driver.")
	case tensorrt:
		return fault.Wrap(fault.ModelMissing, err,
			"TensorRT cannot be used: an NVIDIA driver, CUDA 13, cuDNN 9, TensorRT 10 and ONNX Runtime's CUDA libraries are needed; --device cuda does without TensorRT.")
	}
	return fault.Wrap(fault.ModelMissing, err,
		"The CUDA device cannot be used: an NVIDIA driver, CUDA 13, cuDNN 9 and ONNX Runtime's CUDA libraries are needed; `upscaled doctor` shows what is missing.")
}
