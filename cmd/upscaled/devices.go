package main

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"upscaled/engine"
	"upscaled/engine/ort"
	"upscaled/models"
	"upscaled/models/fault"
)

// devices are the names of devices beside "auto".
var devices = regexp.MustCompile(`^(cpu|webgpu|(cuda|tensorrt)(:[0-9]{1,3}(,[0-9]{1,3})*)?)$`)

// parseDevices gives one name for each device: "cuda:0,1" is two.
func parseDevices(text string) ([]string, error) {
	if !devices.MatchString(text) {
		return nil, usageError{fmt.Errorf("--device is %q; use auto, cpu, cuda:N (several: cuda:0,1), tensorrt:N or webgpu", text)}
	}
	kind, numbers, numbered := strings.Cut(text, ":")
	if !numbered {
		return []string{text}, nil
	}
	var names []string
	for number := range strings.SplitSeq(numbers, ",") {
		name := kind + ":" + number
		if slices.Contains(names, name) {
			return nil, usageError{fmt.Errorf("--device is %q; it names a GPU twice", text)}
		}
		names = append(names, name)
	}
	return names, nil
}

// libraryKind is the kind of ONNX Runtime library that drives a device: WebGPU
// is compiled into the one for processors.
func libraryKind(device string) string {
	switch kind, _, _ := strings.Cut(device, ":"); kind {
	case "cuda", "tensorrt":
		return "cuda"
	}
	return "cpu"
}

// compute is what --device came to.
type compute struct {
	// runtimes are the devices, at least one.
	runtimes []engine.Runtime
	// native is ONNX Runtime on the first of them: it runs what faces need.
	native *ort.Runtime
	// processor says which library computes on the processor and why, "" on
	// other devices.
	processor string
}

// others are the devices after the first.
func (c compute) others() []engine.Runtime { return c.runtimes[1:] }

// openRuntimes opens one or several devices, fetching ONNX Runtime on first
// use; they are closed when the program ends. device is "auto" or as --device
// tells, threads 0 is one a core.
func (a *app) openRuntimes(ctx context.Context, device string, threads int) (compute, error) {
	store, err := a.openStore()
	if err != nil {
		return compute{}, err
	}
	if threads < 0 {
		return compute{}, usageError{fmt.Errorf("--threads is %d; it is a number of threads, or 0 for one a core", threads)}
	}
	if device == "auto" {
		return a.openBest(ctx, store, threads)
	}
	return a.openNamed(ctx, store, device, threads)
}

// openBest opens the device that automatic chooses. A GPU that cannot be used
// is a note, since nobody asked for it, and the processor computes.
func (a *app) openBest(ctx context.Context, store *models.Store, threads int) (compute, error) {
	best := automatic(store)
	switch {
	case best == "cpu" && hasGPU():
		a.note("There is a GPU; 'upscaled models pull onnxruntime-cuda' lets --device auto use it.")
	case best != "cpu":
		runtimes, err := a.openNamed(ctx, store, best, threads)
		if err == nil || ctx.Err() != nil {
			return runtimes, err
		}
		a.note("The GPU cannot be used, so the processor computes. " + fault.Sentence(err))
	}
	return a.openNamed(ctx, store, "cpu", threads)
}

// automatic chooses the first NVIDIA GPU where there is one and its library is
// installed, which is too large to fetch unasked, else the processor.
func automatic(store *models.Store) string {
	if hasGPU() && store.InstalledLibrary("cuda") != "" {
		return "cuda:0"
	}
	return "cpu"
}

// devFolder is where Linux shows devices.
const devFolder = "/dev"

// hasGPU tells whether Linux shows an NVIDIA GPU; a container that was given
// the second card has that alone.
func hasGPU() bool { return shows(devFolder, "nvidia[0-9]*") }

func shows(folder, pattern string) bool {
	found, err := filepath.Glob(filepath.Join(folder, pattern))
	return err == nil && len(found) > 0
}

// worthFetching refuses the download of 260 MB that no device here could use.
// dxg is how Windows shows its cards to Linux.
func worthFetching(dev string) error {
	if shows(dev, "nvidia[0-9]*") || shows(dev, "dxg") {
		return nil
	}
	return fault.New(fault.ModelMissing, "There is no NVIDIA GPU here, or its driver is not loaded or not passed into this container; use --device cpu, or see 'upscaled doctor'.")
}

// openNamed opens the devices of --device. GPUs are measured first, if they
// were not before.
func (a *app) openNamed(ctx context.Context, store *models.Store, device string, threads int) (compute, error) {
	names, err := parseDevices(device)
	if err != nil {
		return compute{}, err
	}
	if libraryKind(device) == "cuda" && store.InstalledLibrary("cuda") == "" {
		if err := worthFetching(devFolder); err != nil {
			return compute{}, err
		}
	}
	library, err := store.RuntimeLibrary(ctx, libraryKind(device))
	if err != nil {
		return compute{}, err
	}
	options := ort.Options{Library: library, Device: names[0], Threads: threads, Cache: store.Home()}
	if names[0] != "cpu" {
		if options, err = a.tuned(ctx, store, options); err != nil {
			return compute{}, err
		}
	}
	var c compute
	for _, name := range names {
		options.Device = name
		runtime, err := ort.Open(options)
		if err != nil {
			return compute{}, err
		}
		a.onClose(runtime.Close)
		if c.native == nil {
			c.native = runtime
		}
		c.runtimes = append(c.runtimes, runtime)
	}
	if names[0] == "cpu" {
		err = a.chooseProcessor(&c, threads)
	}
	return c, err
}
