package ort

import (
	"slices"
	"strconv"
	"strings"

	"upscaled/models/fault"
)

// Kinds of devices that the code distinguishes; providers lists all.
const (
	cpu      = "cpu"
	cuda     = "cuda"
	tensorrt = "tensorrt"
	webgpu   = "webgpu"
)

// provider is a kind of device and how ONNX Runtime drives it.
type provider struct {
	// kind is its name for users, native ONNX Runtime's; "" has options of its own.
	kind, native string
	// numbered providers drive several devices, such as cuda:1.
	numbered bool
	// options returns the provider's options.
	options func(r *Runtime) map[string]string
	// opaque providers compute a run as a whole, which cannot be stopped, and one at a
	// time: their sessions share state without locks.
	opaque bool
	// named providers are only in libraries that the user names.
	named bool
	// missing is said if the device cannot be used.
	missing string
}

// providers lists the kinds of devices. All but the CPU have static shapes, and
// compute in float16 if the device can.
var providers = []provider{
	{kind: cpu},
	{kind: cuda, numbered: true,
		missing: "The CUDA device cannot be used: an NVIDIA driver, CUDA 13, cuDNN 9 and ONNX Runtime's CUDA libraries are needed; `upscaled doctor` shows what is missing."},
	{kind: tensorrt, numbered: true,
		missing: "TensorRT cannot be used: an NVIDIA driver, CUDA 13, cuDNN 9, TensorRT 10 and ONNX Runtime's CUDA libraries are needed; --device cuda does without TensorRT."},
	{kind: webgpu, native: "WebGPU", options: webGPUOptions, opaque: true,
		missing: "WebGPU cannot be used: this build of ONNX Runtime lacks it, or the system shows no graphics card with a Vulkan, Metal or Direct3D 12 driver."},
	{kind: "directml", native: "DML", numbered: true, options: directMLOptions, opaque: true,
		missing: "DirectML cannot be used: it is part of ONNX Runtime for Windows and needs a graphics card with a Direct3D 12 driver."},
	{kind: "coreml", native: "CoreML", options: coreMLOptions, opaque: true,
		missing: "CoreML cannot be used: it is part of ONNX Runtime for macOS 12 or later."},
	{kind: "openvino", native: "OpenVINO", numbered: true, options: openVINOOptions, opaque: true, named: true,
		missing: "OpenVINO cannot be used: it needs an Intel GPU with its compute driver, and a build of ONNX Runtime with OpenVINO, named by --onnxruntime."},
	{kind: "migraphx", native: "MIGraphX", numbered: true, options: migraphxOptions, opaque: true, named: true,
		missing: "MIGraphX cannot be used: it needs an AMD GPU with ROCm, and a build of ONNX Runtime with MIGraphX, named by --onnxruntime."},
}

// webGPUOptions checks every kernel. Without the check, ONNX Runtime ignores
// failed allocations, and the results are undefined.
func webGPUOptions(*Runtime) map[string]string {
	return map[string]string{"validationMode": "full"}
}

func directMLOptions(r *Runtime) map[string]string {
	return map[string]string{"device_id": strconv.Itoa(r.device.number)}
}

func coreMLOptions(*Runtime) map[string]string {
	return map[string]string{"ModelFormat": "MLProgram", "MLComputeUnits": "ALL", "RequireStaticInputShapes": "1"}
}

// openVINOOptions computes on a GPU in the graph's own precision.
func openVINOOptions(r *Runtime) map[string]string {
	return map[string]string{"device_type": "GPU." + strconv.Itoa(r.device.number), "precision": "ACCURATE"}
}

func migraphxOptions(r *Runtime) map[string]string {
	return map[string]string{"device_id": strconv.Itoa(r.device.number)}
}

// deviceName is a device as users name it.
type deviceName struct {
	*provider
	number int
}

// nvidia reports whether CUDA drives the device.
func (d deviceName) nvidia() bool { return d.kind == cuda || d.kind == tensorrt }

// Devices lists the names of devices for users.
func Devices() string {
	var names []string
	for _, p := range providers {
		if p.numbered {
			p.kind += ":N"
		}
		names = append(names, p.kind)
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// GPUs returns the kinds of devices that the default ONNX Runtime library may drive
// beside the CPU, or one that the user names. NVIDIA's have a library of their own.
func GPUs(named bool) []string {
	var kinds []string
	for _, p := range providers {
		if p.native != "" && (named || !p.named) {
			kinds = append(kinds, p.kind)
		}
	}
	return kinds
}

// IsDevice reports whether text names a device, which may be missing here.
func IsDevice(text string) bool {
	_, err := parseDevice(text)
	return err == nil
}

func parseDevice(text string) (deviceName, error) {
	kind, number, hasNumber := strings.Cut(text, ":")
	wrong := fault.New(fault.Invalid, "There is no device %q; use %s.", text, Devices())
	at := slices.IndexFunc(providers, func(p provider) bool { return p.kind == kind })
	if at < 0 || hasNumber && !providers[at].numbered {
		return deviceName{}, wrong
	}
	d := deviceName{provider: &providers[at]}
	if !hasNumber {
		return d, nil
	}
	var err error
	if d.number, err = strconv.Atoi(number); err != nil || strconv.Itoa(d.number) != number || d.number < 0 || d.number > maxNumber {
		return deviceName{}, wrong
	}
	return d, nil
}

// maxNumber bounds the numbers of devices.
const maxNumber = 999
