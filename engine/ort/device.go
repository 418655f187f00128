package ort

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"upscaled/engine"
	"upscaled/engine/host"
	"upscaled/models/fault"
)

func cores() int { return runtime.GOMAXPROCS(0) }

// Device implements engine.Runtime.
func (r *Runtime) Device() engine.Device {
	if r.device.kind == cpu {
		total, free := host.Memory()
		return engine.Device{
			Kind: cpu, Name: host.CPU(), Memory: total, Free: free, Precision: r.precision, Parallel: 1,
		}
	}
	d := engine.Device{
		Kind: r.device.kind, Name: r.card.Name, Memory: r.card.Memory, Precision: r.precision, StaticShapes: true,
		Parallel: cmp.Or(r.options.Parallel, gpuParallel),
	}
	if r.device.opaque {
		d.Parallel = 1
	}
	if r.device.numbered {
		d.ID = strconv.Itoa(r.device.number)
	}
	if r.device.nvidia() {
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
	has := func(sign string) bool { return strings.Contains(text, sign) }
	switch {
	case slices.ContainsFunc(lostSigns, has): // first, since buffers of a lost device are invalid
		return fault.Wrap(fault.DeviceLost, wrapped, "The GPU stopped working; see the system's log for its driver's report.")
	case slices.ContainsFunc(memorySigns, has):
		return fault.Wrap(fault.DeviceMemory, wrapped, "The device has not enough free memory; use a smaller --tile.")
	}
	return fault.Wrap(fault.Internal, wrapped, "ONNX Runtime reported an error.")
}

// memorySigns are parts of errors for lack of memory. WebGPU makes an invalid buffer
// then, which later calls refuse.
var memorySigns = []string{
	"out of memory", "failed to allocate", "bad_alloc", "cudnn_status_alloc_failed", "available memory of", "outofmemory",
	"[invalid buffer",
}

// lostSigns are parts of CUDA's, WebGPU's and Direct3D's errors after which a process can no
// longer use the device (CUDA Runtime API, cudaError: "the process must be
// terminated and relaunched").
var lostSigns = []string{
	"unspecified launch failure", "illegal memory access", "device-side assert", "cuda failure 719", "cuda failure 700",
	"uncorrectable ecc", "no cuda-capable device", "device is unavailable", "gpu is lost", "unknown error",
	"hardware stack error", "misaligned address", "device lost", "device was lost", "driver shutting down",
	"is lost", "external instance reference no longer exists", "887a0005", "887a0006", "device_removed",
}
