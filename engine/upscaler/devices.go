package upscaler

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"upscaled/engine"
	"upscaled/engine/ort"
	"upscaled/models/fault"
)

// DeviceNames returns values of Options.Device that this machine may have.
func DeviceNames() []string {
	names := []string{"auto", "cpu", "webgpu"}
	cards, _ := filepath.Glob(filepath.Join(deviceFolder, "nvidia[0-9]*"))
	for _, card := range cards {
		names = append(names, "cuda:"+strings.TrimPrefix(filepath.Base(card), "nvidia"))
	}
	return names
}

// parseDevices returns one name per device: "cuda:0,1" is two.
func parseDevices(text string) ([]string, error) {
	names := []string{text}
	if kind, numbers, numbered := strings.Cut(text, ":"); numbered {
		names = nil
		for number := range strings.SplitSeq(numbers, ",") {
			names = append(names, kind+":"+number)
		}
	}
	for i, name := range names {
		if !ort.IsDevice(name) {
			return nil, invalid("device", "is %q; use auto, %s (several: cuda:0,1)", text, ort.Devices())
		}
		if slices.Contains(names[:i], name) {
			return nil, invalid("device", "is %q; it names a GPU twice", text)
		}
	}
	return names, nil
}

// libraryKind returns the kind of ONNX Runtime library that drives a device. The
// one for CPUs includes WebGPU.
func libraryKind(device string) string {
	switch kind, _, _ := strings.Cut(device, ":"); kind {
	case "cuda", "tensorrt":
		return "cuda"
	}
	return "cpu"
}

// openDevices opens the devices that the options name. Unless the user asked for
// it, a GPU that cannot be used is a note, and the CPU takes its place.
func (u *Upscaler) openDevices(ctx context.Context) error {
	if u.options.Device != "auto" {
		return u.openNamed(ctx, u.options.Device)
	}
	best, err := u.options.automatic(ctx)
	if err == nil && best != "cpu" {
		err = u.openNamed(ctx, best)
	}
	if err == nil && best == "cpu" {
		return u.openNamed(ctx, "cpu")
	}
	if err == nil || ctx.Err() != nil {
		return err
	}
	u.options.Note("The GPU cannot be used, so the CPU computes. " + fault.Sentence(err))
	return u.openNamed(ctx, "cpu")
}

// deviceFolder is where Linux lists devices.
const deviceFolder = "/dev"

// hasGPU reports whether Linux lists an NVIDIA GPU. A container may have the
// second card only.
func hasGPU() bool { return lists(deviceFolder, "nvidia[0-9]*") }

func lists(folder, pattern string) bool {
	found, err := filepath.Glob(filepath.Join(folder, pattern))
	return err == nil && len(found) > 0
}

// checkGPU refuses a download of 260 MB that no device here could use. "dxg" is
// how Windows presents its cards to Linux.
func checkGPU(folder string) error {
	if lists(folder, "nvidia[0-9]*") || lists(folder, "dxg") {
		return nil
	}
	return fault.New(fault.ModelMissing, "There is no NVIDIA GPU here, or its driver is not loaded or not passed into this container; use --device cpu, or see 'upscaled doctor'.")
}

// openNamed opens the named devices. GPUs are measured first, unless they have
// been.
func (u *Upscaler) openNamed(ctx context.Context, device string) error {
	names, err := parseDevices(device)
	if err != nil {
		return err
	}
	kind := libraryKind(device)
	if kind == "cuda" && u.store.InstalledLibrary(kind) == "" {
		if err := checkGPU(deviceFolder); err != nil {
			return err
		}
	}
	o := ort.Options{Device: names[0], Threads: u.options.Threads, Cache: u.store.Home()}
	u.native = newNative(func(ctx context.Context) (*ort.Runtime, error) {
		library, err := u.store.RuntimeLibrary(ctx, kind)
		if err != nil {
			return nil, err
		}
		o.Library = library // for all devices, as are the measurements
		runtime, err := ort.Open(o)
		if err != nil || o.Device == "cpu" {
			return runtime, err
		}
		if o, err = u.tuned(ctx, runtime, o); err != nil {
			return nil, errors.Join(err, runtime.Close())
		}
		runtime.Tune(o)
		return runtime, nil
	}, func() bool { return u.store.InstalledLibrary(kind) != "" })
	u.onClose(u.native.close)
	if names[0] == "cpu" {
		return u.chooseCPU(ctx)
	}
	runtime, err := u.native.asRuntime(ctx)
	if err != nil {
		return err
	}
	u.runtimes = []engine.Runtime{runtime}
	for _, name := range names[1:] {
		o.Device = name
		runtime, err := ort.Open(o)
		if err != nil {
			return err
		}
		u.onClose(runtime.Close)
		u.runtimes = append(u.runtimes, runtime)
	}
	return nil
}
