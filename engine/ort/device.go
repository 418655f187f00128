package ort

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"

	"upscaled/engine"
	"upscaled/models/fault"
	"upscaled/models/network"
)

func cores() int { return runtime.GOMAXPROCS(0) }

// Device implements engine.Runtime.
func (r *Runtime) Device() engine.Device {
	if r.device.kind == cpu {
		total, free := memory()
		return engine.Device{
			Kind: cpu, Name: cpuName(), Memory: total, Free: free, Precision: network.Float32, Parallel: 1,
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

// cpuName returns the CPU's name on Linux, else the architecture.
func cpuName() string {
	for line := range lines("/proc/cpuinfo") {
		if key, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

// memory returns the machine's and the available memory in bytes, within the
// control group's limit; 0 if unknown.
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

// number reads a file with one number; 0 if there is none ("max" included).
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
