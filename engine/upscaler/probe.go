package upscaler

import (
	"context"

	"upscaled/engine/ort"
	"upscaled/engine/probe"
	"upscaled/models"
	"upscaled/models/network"
)

// Probe returns a function for models.ImportOptions that runs ONNX files on the CPU.
// It downloads ONNX Runtime to the store if that is missing.
func Probe(store *models.Store) func(context.Context, []byte, network.Convention) (network.Convention, error) {
	return func(ctx context.Context, file []byte, stated network.Convention) (network.Convention, error) {
		open, done, err := onCPU(ctx, store)
		if err != nil {
			return stated, err
		}
		defer done()
		return probe.File(ctx, open, file, stated)
	}
}

// ProbeRestorer is Probe for ONNX files of face restorers.
func ProbeRestorer(store *models.Store) func(context.Context, []byte, network.RestorerDescriptor) (network.RestorerDescriptor, error) {
	return func(ctx context.Context, file []byte, stated network.RestorerDescriptor) (network.RestorerDescriptor, error) {
		open, done, err := onCPU(ctx, store)
		if err != nil {
			return stated, err
		}
		defer done()
		return probe.Restorer(ctx, open, file, stated)
	}
}

// onCPU returns a function that opens files until done is called.
func onCPU(ctx context.Context, store *models.Store) (open func(file []byte) (probe.Session, error), done func(), err error) {
	library, err := store.RuntimeLibrary(ctx, "cpu")
	if err != nil {
		return nil, nil, err
	}
	runtime, err := ort.Open(ort.Options{Library: library, Device: "cpu"})
	if err != nil {
		return nil, nil, err
	}
	return func(file []byte) (probe.Session, error) { return runtime.OpenTensors(file, false) }, func() { _ = runtime.Close() }, nil
}
