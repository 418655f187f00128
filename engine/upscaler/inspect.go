package upscaler

import (
	"context"
	"errors"

	"upscaled/engine"
	"upscaled/engine/cpu"
	"upscaled/engine/ort"
)

// Installation describes the parts that Open would use on this machine without a
// download.
type Installation struct {
	// LibraryKind is the kind of ONNX Runtime library that the device needs, "cpu"
	// or "cuda"; Library is its path, "" if it is not installed.
	LibraryKind, Library string
	// Version is ONNX Runtime's, "" unless the library could be opened; DeviceError says
	// why not. Device is nil if the device needs ONNX Runtime and cannot be opened.
	Version     string
	Device      *engine.Device
	DeviceError error
	// Providers are the kinds of devices that the installed libraries drive here, and
	// Unusable those that they could drive, with the reason.
	Providers []string
	Unusable  map[string]error
	// Cards are the machine's graphics cards, the fastest first.
	Cards []Card
	// CPU names the engine of the CPU, "" on other devices.
	CPU string
	// Kernels are those that may run Model on the CPU, with their times.
	Model   string
	Kernels []CPUKernel
	// CPUError reports that the options ask for one that cannot be used.
	CPUError error
}

// CPUKernel is a kernel of the CPU engine with its time for a model.
type CPUKernel = cpu.Candidate

// Inspect finds the parts that Open would use. It downloads nothing. An error means
// invalid options.
func Inspect(ctx context.Context, o Options) (Installation, error) {
	o, err := o.complete()
	if err != nil {
		return Installation{}, err
	}
	cards := o.cards()
	if o.Device == "auto" {
		o.Device = o.choice(cards)
		if hasGPU() && o.Store.InstalledLibrary("cuda") != "" {
			o.Device = "cuda:0"
		}
		if o.Device == "" { // Open measures
			o.Device = "cpu"
		}
	}
	names, err := parseDevices(o.Device)
	if err != nil {
		return Installation{}, err
	}
	found := Installation{LibraryKind: libraryKind(names[0]), Cards: cards}
	if names[0] == "cpu" {
		found.examineCPU(ctx, o)
	}
	if found.Library = o.Store.InstalledLibrary(found.LibraryKind); found.Library == "" {
		return found, nil
	}
	runtime, err := ort.Open(ort.Options{Library: found.Library, Device: names[0], Threads: o.Threads})
	if err != nil {
		found.DeviceError = err
		return found, nil
	}
	defer func() { _ = runtime.Close() }()
	if found.Device == nil {
		found.Device = new(runtime.Device())
	}
	found.Version, found.Providers, found.Unusable = runtime.Version(), []string{"cpu"}, map[string]error{}
	for _, kind := range ort.GPUs(o.Store.NamedLibrary() != "") {
		if len(cards) == 0 && kind == "webgpu" {
			continue // its search for a card writes to stderr
		}
		other, err := ort.Open(ort.Options{Library: found.Library, Device: kind})
		switch {
		case err == nil:
			found.Providers = append(found.Providers, kind)
			_ = other.Close()
		case !errors.Is(err, ort.ErrNotBuilt):
			found.Unusable[kind] = err
		}
	}
	if o.Store.InstalledLibrary("cuda") != "" && o.Store.NamedLibrary() == "" {
		found.Providers = append(found.Providers, "cuda")
	}
	return found, nil
}
