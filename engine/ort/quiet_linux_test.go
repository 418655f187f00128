package ort_test

import (
	"io"
	"os"
	"syscall"
	"testing"

	"upscaled/engine/imagedata"
	"upscaled/models/fault"
	"upscaled/models/network"
	"upscaled/models/onnx"
)

// A model that fails while it runs is an error in one sentence; ONNX Runtime's own
// colored log does not reach the terminal. Not parallel: it replaces stderr.
func TestFailuresAreNotLogged(t *testing.T) {
	runtime := needRuntime(t)
	image := []onnx.Dim{{Size: 1}, {Size: 3}, {Name: "h"}, {Name: "w"}}
	net, err := network.FromONNX(onnx.Marshal(onnx.Model{
		Nodes: []onnx.Node{
			{Op: "Reshape", Inputs: []string{"in", "shape"}, Outputs: []string{"square"}},
			{Op: "GlobalAveragePool", Inputs: []string{"square"}, Outputs: []string{"mean"}},
			{Op: "Add", Inputs: []string{"in", "mean"}, Outputs: []string{"out"}},
		},
		Tensors: []onnx.Tensor{{Name: "shape", Type: onnx.Int64, Dims: []int64{4}, Ints: []int64{1, 3, 7, 7}}},
		Inputs:  []onnx.Value{{Name: "in", Type: onnx.Float32, Dims: image}},
		Outputs: []onnx.Value{{Name: "out", Type: onnx.Float32, Dims: image}},
	}), network.Convention{Scale: 1})
	if err != nil {
		t.Fatal(err)
	}
	logged := stderrOf(t, func() {
		s, err := runtime.Open(t.Context(), net, network.Options{
			Precision: network.Float32, Sample: network.Uint8, Channels: 3, Borders: network.AllBorders,
		})
		if err == nil {
			defer s.Close()
			err = s.Run(t.Context(), imagedata.NewRaster(8, 8, 3, 8), imagedata.NewRaster(8, 8, 3, 8))
		}
		if fault.KindOf(err) != fault.Internal {
			t.Errorf("got %v", err)
		}
	})
	if logged != "" {
		t.Errorf("logged %q", logged)
	}
}

// stderrOf returns what a function writes to the process's standard error.
func stderrOf(t *testing.T, run func()) string {
	t.Helper()
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	before, err := syscall.Dup(syscall.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(before)
	if err := syscall.Dup3(int(file.Fd()), syscall.Stderr, 0); err != nil {
		t.Fatal(err)
	}
	run()
	if err := syscall.Dup3(before, syscall.Stderr, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	logged, err := io.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(logged)
}
