package upscaler_test

import (
	"bytes"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"upscaled/engine"
	"upscaled/engine/imagedata"
	"upscaled/engine/upscaler"
	"upscaled/models"
	"upscaled/models/fault"
	"upscaled/models/network/networktest"
	"upscaled/models/weights"
)

// TestAlone: a CPU upscales by models of our engine without ONNX Runtime, and Inspect
// misses nothing; what needs ONNX Runtime asks for it.
func TestAlone(t *testing.T) {
	t.Parallel()
	store, err := models.Open(models.Options{Home: t.TempDir(), Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	var file, input, output bytes.Buffer
	if err := weights.WriteSafetensors(&file, networktest.RandomCompact(1, 2, 8, 2), nil); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "small.safetensors")
	if err := os.WriteFile(path, file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Import(t.Context(), path, models.ImportOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := png.Encode(&input, image.NewNRGBA(image.Rect(0, 0, 20, 10))); err != nil {
		t.Fatal(err)
	}
	o := upscaler.Options{Store: store, Device: "cpu", Model: "small"}
	found, err := upscaler.Inspect(t.Context(), o)
	if err != nil || found.Device == nil || found.DeviceError != nil || found.CPUError != nil || found.Library != "" {
		t.Errorf("%+v, %v", found, err)
	}
	chosen := slices.IndexFunc(found.Kernels, func(k upscaler.CPUKernel) bool { return k.Chosen })
	if chosen < 0 || found.Device == nil || found.Device.Precision != found.Kernels[chosen].Precision {
		t.Errorf("%+v computes with %+v", found.Device, found.Kernels)
	}
	u, err := upscaler.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	if _, err := u.Upscale(t.Context(), engine.Request{Input: input.Bytes(), Output: &output, Format: imagedata.PNG}); err != nil {
		t.Fatal(err)
	}
	if m, err := png.Decode(&output); err != nil || m.Bounds().Dx() != 40 {
		t.Errorf("%v, %v", m, err)
	}
	if _, err := u.PeakFlops(t.Context()); fault.KindOf(err) != fault.ModelMissing {
		t.Errorf("without ONNX Runtime: %v", err)
	}
}
