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
		library, err := store.RuntimeLibrary(ctx, "cpu")
		if err != nil {
			return stated, err
		}
		runtime, err := ort.Open(ort.Options{Library: library, Device: "cpu"})
		if err != nil {
			return stated, err
		}
		defer runtime.Close()
		return probe.File(ctx, func(file []byte) (probe.Session, error) { return runtime.OpenTensors(file, false) }, file, stated)
	}
}
