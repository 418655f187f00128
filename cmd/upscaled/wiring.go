package main

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"

	"upscaled/cmd/upscaled/batch"
	"upscaled/engine"
	"upscaled/engine/fault"
	"upscaled/engine/ort"
	"upscaled/engine/picture"
	"upscaled/models"
)

// openStore opens the store of models and libraries once.
func (a *app) openStore() (*models.Store, error) {
	if a.store != nil {
		return a.store, nil
	}
	store, err := models.Open(models.Options{
		Home: a.settings.home, RuntimeLibrary: a.settings.onnxruntime, Offline: a.settings.offline,
		Progress: a.fetched,
	})
	if err == nil {
		a.store = store
	}
	return store, err
}

// devices are the names of devices beside "auto".
var devices = regexp.MustCompile(`^(cpu|cuda(:[0-9]{1,3})?)$`)

// openRuntime opens ONNX Runtime on a device, fetching the library on first
// use; it is closed when the program ends. device is "auto", "cpu" or
// "cuda:N", threads 0 is one a core.
func (a *app) openRuntime(ctx context.Context, device string, threads int) (*ort.Runtime, error) {
	store, err := a.openStore()
	if err != nil {
		return nil, err
	}
	if threads < 0 {
		return nil, usageError{fmt.Errorf("--threads is %d; it is a number of threads, or 0 for one a core", threads)}
	}
	if device == "auto" {
		return a.openBest(ctx, store, threads)
	}
	return a.openDevice(ctx, store, device, threads)
}

// openBest opens the device that automatic chooses. A GPU that cannot be used
// is a note, since nobody asked for it, and the processor computes.
func (a *app) openBest(ctx context.Context, store *models.Store, threads int) (*ort.Runtime, error) {
	best := automatic(store)
	switch {
	case best == "cpu" && hasGPU():
		a.note("There is a GPU; 'upscaled models pull onnxruntime-cuda' lets --device auto use it.")
	case best != "cpu":
		runtime, err := a.openDevice(ctx, store, best, threads)
		if err == nil || ctx.Err() != nil {
			return runtime, err
		}
		a.note("The GPU cannot be used, so the processor computes. " + fault.Sentence(err))
	}
	return a.openDevice(ctx, store, "cpu", threads)
}

// automatic chooses the first NVIDIA GPU where there is one and its library is
// installed, which is too large to fetch unasked, else the processor.
func automatic(store *models.Store) string {
	if hasGPU() && store.InstalledLibrary("cuda") != "" {
		return "cuda:0"
	}
	return "cpu"
}

// hasGPU tells whether Linux shows an NVIDIA GPU.
func hasGPU() bool {
	_, err := os.Stat("/dev/nvidia0")
	return err == nil
}

func (a *app) openDevice(ctx context.Context, store *models.Store, device string, threads int) (*ort.Runtime, error) {
	if !devices.MatchString(device) {
		return nil, usageError{fmt.Errorf("--device is %q; use auto, cpu, cuda or cuda:N", device)}
	}
	kind, _, _ := strings.Cut(device, ":")
	library, err := store.RuntimeLibrary(ctx, kind)
	if err != nil {
		return nil, err
	}
	runtime, err := ort.Open(ort.Options{Library: library, Device: device, Threads: threads})
	if err != nil {
		return nil, err
	}
	a.onClose(runtime.Close)
	return runtime, nil
}

// openEngine connects runtime, store and engine; all are closed when the
// program ends.
func (a *app) openEngine(ctx context.Context, limits picture.Limits) (upscaler, error) {
	store, err := a.openStore()
	if err != nil {
		return nil, err
	}
	runtime, err := a.openRuntime(ctx, a.settings.device, a.settings.threads)
	if err != nil {
		return nil, err
	}
	faces := &faceLibrary{library: library{store}, runtime: runtime, onClose: a.onClose}
	made := engine.New(engine.Options{Runtime: runtime, Library: library{store}, Faces: faces, Limits: limits})
	a.onClose(func() error { made.Close(); return nil })
	return opened{Engine: made, library: library{store}, kind: runtime.Device().Kind}, nil
}

// opened is the engine as the verbs use it.
type opened struct {
	*engine.Engine
	library library
	kind    string
}

// Upscale implements batch.Engine. The result names the model as the catalogue
// does, however the user wrote it.
func (o opened) Upscale(ctx context.Context, r engine.Request) (engine.Result, error) {
	r.Model = o.library.catalogued(r.Model)
	return o.Engine.Upscale(ctx, r)
}

// Describe implements batch.Engine.
func (o opened) Describe(ctx context.Context, r engine.Request) (batch.Facts, error) {
	r.Model = o.library.catalogued(r.Model)
	result, err := o.Engine.Describe(ctx, r)
	if err != nil {
		return batch.Facts{}, err
	}
	return batch.Facts{
		Model: result.Model, Width: result.Output.Width, Height: result.Output.Height,
		Scale: float64(result.Output.Width) / float64(result.Input.Width),
	}, nil
}

// Prepare implements upscaler.
func (o opened) Prepare(ctx context.Context, r engine.Request) error {
	name := r.Model
	if name == "" {
		name = o.library.Default(o.kind)
	}
	_, err := o.library.Load(ctx, name, r.Denoise)
	return err
}

// library is the store as the engine wants it: models may not import engine,
// so that Load's result needs another type.
type library struct{ *models.Store }

// catalogued is the name as the catalogue writes it, and names it does not
// know as they are.
func (l library) catalogued(name string) string {
	if entry, err := l.Entry(name); name != "" && err == nil {
		return entry.Name
	}
	return name
}

// Load implements engine.Library.
func (l library) Load(ctx context.Context, name string, denoise *float64) (engine.Network, error) {
	net, err := l.Store.Load(ctx, name, denoise)
	if err != nil {
		return nil, err
	}
	return net, nil
}
