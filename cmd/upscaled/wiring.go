package main

import (
	"context"
	"fmt"

	"upscaled/cmd/upscaled/batch"
	"upscaled/engine"
	"upscaled/engine/imagedata"
	"upscaled/models"
	"upscaled/models/network"
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

// openEngine connects runtime, store and engine; all are closed when the
// program ends.
func (a *app) openEngine(ctx context.Context, limits imagedata.Limits) (upscaler, error) {
	store, err := a.openStore()
	if err != nil {
		return nil, err
	}
	precision, err := a.precision()
	if err != nil {
		return nil, err
	}
	c, err := a.openRuntimes(ctx, a.settings.device, a.settings.threads)
	if err != nil {
		return nil, err
	}
	faces := &faceLibrary{library: library{store}, runtime: c.native, onClose: a.onClose}
	made := engine.New(engine.Options{
		Runtime: c.runtimes[0], Others: c.others(), Library: library{store}, Faces: faces, Limits: limits,
		Precision: precision, Tuning: a.tuning(c.native),
	})
	a.onClose(func() error { made.Close(); return nil })
	return opened{Engine: made, library: library{store}, kind: c.runtimes[0].Device().Kind}, nil
}

// precision is --precision; "" leaves it to the device.
func (a *app) precision() (network.Precision, error) {
	switch p := network.Precision(a.settings.precision); p {
	case "auto":
		return "", nil
	case network.Float32, network.Float16, network.BFloat16:
		return p, nil
	}
	return "", usageError{fmt.Errorf("--precision is %q; use auto, float32, float16 or bfloat16", a.settings.precision)}
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
