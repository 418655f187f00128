package ort

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"

	"upscaled/engine"
	"upscaled/engine/host"
	"upscaled/models/fault"
	"upscaled/models/network"
)

func cores() int { return runtime.GOMAXPROCS(0) }

// Device implements engine.Runtime.
func (r *Runtime) Device() engine.Device {
	if r.device.kind == cpu {
		total, free := host.Memory()
		return engine.Device{
			Kind: cpu, Name: host.CPU(), Memory: total, Free: free, Precision: network.Float32, Parallel: 1,
		}
	}
	d := engine.Device{
		Kind: r.device.kind, Name: "WebGPU adapter", Precision: network.Float16, StaticShapes: true,
		Parallel: r.options.Parallel,
	}
	if d.Parallel == 0 {
		d.Parallel = gpuParallel
	}
	if r.device.kind != webgpu {
		d.ID = strconv.Itoa(r.device.number)
		d.Name, d.Memory, d.Free = nvidia(r.device.number)
	}
	return d
}

// gpuParallel is the number of tiles at once on a GPU that was not measured: while
// one is computed, another is copied.
const gpuParallel = 2

// translate returns a native error with its kind. It is the only place that reads
// the library's messages.
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
	for _, sign := range lostSigns {
		if strings.Contains(text, sign) {
			return fault.Wrap(fault.DeviceLost, wrapped, "The GPU stopped working; see the system's log for its driver's report.")
		}
	}
	return fault.Wrap(fault.Internal, wrapped, "ONNX Runtime reported an error.")
}

// lostSigns are parts of CUDA's and WebGPU's errors after which a process can no
// longer use the device (CUDA Runtime API, cudaError: "the process must be
// terminated and relaunched").
var lostSigns = []string{
	"unspecified launch failure", "illegal memory access", "device-side assert", "cuda failure 719", "cuda failure 700",
	"uncorrectable ecc", "no cuda-capable device", "device is unavailable", "gpu is lost", "unknown error",
	"hardware stack error", "misaligned address", "device lost", "device was lost", "driver shutting down",
}
