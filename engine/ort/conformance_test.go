package ort_test

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"upscaled/engine/enginetest"
	"upscaled/engine/imagedata"
	"upscaled/engine/ort"
	"upscaled/models/fault"
	"upscaled/models/network"
	"upscaled/models/network/networktest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	enginetest.TestRuntime(t, needRuntime(t), recognized(t, networktest.RandomCompact(1, 3, 16, 4)), network.Float32)
}

// watched is a context that closes asked when a run begins to watch it.
type watched struct {
	context.Context
	asked func()
}

func (w watched) Done() <-chan struct{} {
	w.asked()
	return w.Context.Done()
}

// A running tile stops soon after its context ends.
func TestCancelWhileRunning(t *testing.T) {
	t.Parallel()
	runtime := needRuntime(t)
	net := recognized(t, networktest.RandomCompact(1, 34, 64, 4))
	s, err := runtime.Open(t.Context(), net, network.Options{
		Precision: network.Float32, Sample: network.Uint8, Channels: 3, Borders: network.AllBorders,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	asked := sync.OnceFunc(func() { time.AfterFunc(50*time.Millisecond, cancel) })
	in := imagedata.NewRaster(512, 512, 3, 8)
	if err := s.Run(watched{ctx, asked}, in, imagedata.NewRaster(2048, 2048, 3, 8)); fault.KindOf(err) != fault.Canceled {
		t.Errorf("got %v", err)
	}
}

func TestOpenMistakes(t *testing.T) {
	t.Parallel()
	needRuntime(t) // a second library is refused while one is in use
	text := filepath.Join(t.TempDir(), "libonnxruntime.so")
	if err := os.WriteFile(text, []byte("no library"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]struct {
		options ort.Options
		kind    fault.Kind
	}{
		"device":  {ort.Options{Device: "tpu", Library: text}, fault.Invalid},
		"number":  {ort.Options{Device: "cuda:x", Library: text}, fault.Invalid},
		"library": {ort.Options{Device: "cpu", Library: text}, fault.Internal},
	} {
		if _, err := ort.Open(o.options); fault.KindOf(err) != o.kind {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// On this machine's CPU-only library, asking for a GPU is an error.
func TestMissingGPU(t *testing.T) {
	t.Parallel()
	if hasGPU() {
		t.Skip("this machine has a GPU")
	}
	runtime := needRuntime(t)
	for _, device := range append(ort.GPUs(true), "cuda") {
		if device == "webgpu" { // a test of the whole program has its drivers
			continue
		}
		if _, err := ort.Open(ort.Options{Device: device, Library: runtime.Library()}); fault.KindOf(err) != fault.ModelMissing {
			t.Errorf("%s: %v", device, err)
		}
	}
}

func TestOpenAndClose(t *testing.T) {
	t.Parallel()
	library := needRuntime(t).Library()
	enginetest.TestOpenAndClose(t, func() (enginetest.ClosedRuntime, error) {
		return ort.Open(ort.Options{Library: library, Device: "cpu"})
	}, recognized(t, networktest.RandomCompact(1, 3, 16, 4)))
}
