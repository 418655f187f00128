package main

import (
	"context"
	"errors"
	"fmt"

	"upscaled/engine"
	"upscaled/engine/film"
	"upscaled/engine/imagedata"
	"upscaled/engine/upscaler"
	"upscaled/models"
	"upscaled/models/network"
)

// openStore opens the store of models and libraries once.
func (a *app) openStore() (*models.Store, error) { return a.openStoreFor("") }

// openStoreFor is openStore for another system.
func (a *app) openStoreFor(platform string) (*models.Store, error) {
	if a.store != nil {
		return a.store, nil
	}
	store, err := models.Open(models.Options{
		Home: a.settings.home, Platform: platform, RuntimeLibrary: a.settings.onnxruntime, Offline: a.settings.offline,
		Progress: a.fetched,
	})
	if err == nil {
		a.store = store
	}
	return store, err
}

// engineOptions returns the engine's options from the settings.
func (a *app) engineOptions() (upscaler.Options, error) {
	store, err := a.openStore()
	s := a.settings
	return upscaler.Options{
		Store: store, Device: s.device, Threads: s.threads, Precision: network.Precision(s.precision),
		CPUEngine: s.cpuEngine, CPUKernels: s.cpuKernels, Tune: s.tune, Model: s.model, Note: a.note, Trial: a.showTrial,
	}, err
}

// openEngine opens the engine with limits for inputs; it is closed when the program
// ends.
func (a *app) openEngine(ctx context.Context, limits imagedata.Limits) (batchEngine, error) {
	o, err := a.engineOptions()
	if err != nil {
		return nil, err
	}
	o.Limits = &limits
	return a.open(ctx, o)
}

// open opens an engine; it is closed when the program ends. An invalid flag is a
// usageError.
func (a *app) open(ctx context.Context, o upscaler.Options) (*upscaler.Upscaler, error) {
	u, err := upscaler.Open(ctx, o)
	if err != nil {
		return nil, optionUsage(err)
	}
	a.onClose(u.Close)
	return u, nil
}

// optionUsage turns an *upscaler.OptionError into a usageError that names the flag.
func optionUsage(err error) error {
	if option, ok := errors.AsType[*upscaler.OptionError](err); ok {
		return usageError{fmt.Errorf("--%s", option.Error())}
	}
	return err
}

// batchEngine is an *upscaler.Upscaler except in tests.
type batchEngine interface {
	film.Engine
	// Prepare downloads and loads the model of a request.
	Prepare(context.Context, engine.Request) error
}
