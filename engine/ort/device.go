package ort

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"

	onnx "github.com/yalue/onnxruntime_go"

	"upscaled/engine"
	"upscaled/engine/fault"
	"upscaled/models/network"
)

func cores() int { return runtime.GOMAXPROCS(0) }

// Device implements engine.Runtime.
func (r *Runtime) Device() engine.Device {
	if r.cuda >= 0 {
		return engine.Device{
			Kind: "cuda", Name: fmt.Sprintf("CUDA device %d", r.cuda),
			Precision: network.Float16, StaticShapes: true,
		}
	}
	total, free := memory()
	return engine.Device{
		Kind: "cpu", Name: processor(), Memory: total, Free: free, Precision: network.Float32,
	}
}

// processor is the CPU's name as Linux tells it, else the architecture.
func processor() string {
	for line := range lines("/proc/cpuinfo") {
		if key, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

// memory is the machine's and the available memory in bytes, bounded by the
// control group's limit; 0 where the system does not tell.
func memory() (total, free int64) {
	for line := range lines("/proc/meminfo") {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		kilobytes, _ := strconv.ParseInt(fields[1], 10, 64)
		switch fields[0] {
		case "MemTotal:":
			total = kilobytes << 10
		case "MemAvailable:":
			free = kilobytes << 10
		}
	}
	limit, used := number("/sys/fs/cgroup/memory.max"), number("/sys/fs/cgroup/memory.current")
	if limit > 0 && limit < total {
		total, free = limit, min(free, limit-used)
	}
	return total, max(free, 0)
}

// number reads a file with one number; 0 when there is none ("max" included).
func number(path string) int64 {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	n, _ := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return n
}

func lines(path string) func(func(string) bool) {
	return func(yield func(string) bool) {
		file, err := os.Open(path)
		if err != nil {
			return
		}
		defer file.Close()
		for scanner := bufio.NewScanner(file); scanner.Scan(); {
			if !yield(scanner.Text()) {
				return
			}
		}
	}
}

// appendCUDA adds the CUDA provider to a session that wants it. Convolution
// algorithms come from cuDNN's heuristic, since the exhaustive search costs
// seconds for each new shape; TF32 is off, so that float32 means float32.
func (r *Runtime) appendCUDA(options *onnx.SessionOptions) error {
	if r.cuda < 0 {
		return nil
	}
	provider, err := onnx.NewCUDAProviderOptions()
	if err != nil {
		return err
	}
	defer provider.Destroy()
	if err := provider.Update(map[string]string{
		"device_id":              strconv.Itoa(r.cuda),
		"arena_extend_strategy":  "kSameAsRequested",
		"cudnn_conv_algo_search": "HEURISTIC",
		"use_tf32":               "0",
	}); err != nil {
		return err
	}
	return options.AppendExecutionProviderCUDA(provider)
}

// checkCUDA loads the provider once, so that a missing GPU is told at start.
func (r *Runtime) checkCUDA() error {
	options, err := r.sessionOptions()
	if err != nil {
		return fault.Wrap(fault.ModelMissing, err,
			"The CUDA device cannot be used: an NVIDIA driver, CUDA 13, cuDNN 9 and ONNX Runtime's CUDA libraries are needed; `upscaled doctor` shows what is missing.")
	}
	return options.Destroy()
}

// translate gives a native error its kind. It is the one place that reads the
// library's texts.
func translate(err error, operation string) error {
	if err == nil {
		return nil
	}
	wrapped := fmt.Errorf("%s: %w", operation, err)
	text := strings.ToLower(err.Error())
	for _, sign := range []string{"out of memory", "failed to allocate", "bad_alloc", "cudnn_status_alloc_failed", "available memory of"} {
		if strings.Contains(text, sign) {
			return fault.Wrap(fault.DeviceMemory, wrapped, "The device has not enough free memory; use a smaller --tile.")
		}
	}
	return fault.Wrap(fault.Internal, wrapped, "ONNX Runtime reported an error.")
}
