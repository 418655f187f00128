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
	return onCPU(store, probe.File)
}

// ProbeRestorer is Probe for ONNX files of face restorers.
func ProbeRestorer(store *models.Store) func(context.Context, []byte, network.RestorerDescriptor) (network.RestorerDescriptor, error) {
	return onCPU(store, probe.Restorer)
}

// onCPU returns run with ONNX Runtime on the CPU, which is open while it runs.
func onCPU[T any](store *models.Store, run func(context.Context, func([]byte) (probe.Session, error), []byte, T) (T, error)) func(context.Context, []byte, T) (T, error) {
	return func(ctx context.Context, file []byte, stated T) (T, error) {
		library, err := store.RuntimeLibrary(ctx, "cpu")
		if err != nil {
			return stated, err
		}
		runtime, err := ort.Open(ort.Options{Library: library, Device: "cpu"})
		if err != nil {
			return stated, err
		}
		defer runtime.Close()
		open := func(file []byte) (probe.Session, error) { return runtime.OpenTensors(file, false) }
		return run(ctx, open, file, stated)
	}
}
