//go:build linux

package onednn_test

import (
	"os"
	"testing"

	"upscaled/engine"
	"upscaled/engine/enginetest"
	"upscaled/engine/onednn"
	"upscaled/models/network"
	"upscaled/models/network/reference"
	"upscaled/models/weights"
)

// opened gives a runtime on the system's oneDNN, or on the one that the
// environment names.
func opened(t testing.TB, o onednn.Options) *onednn.Runtime {
	t.Helper()
	o.Library = os.Getenv("UPSCALED_TEST_ONEDNN")
	r, err := onednn.Open(o)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func recognized(t testing.TB, tensors weights.Tensors) *network.Network {
	t.Helper()
	n, err := network.Recognize(tensors)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestConformance(t *testing.T) {
	t.Parallel()
	r := opened(t, onednn.Options{})
	for _, precision := range precisions(r) {
		enginetest.TestRuntime(t, r, recognized(t, reference.RandomCompact(1, 3, 16, 4)), precision)
		enginetest.TestRuntime(t, r, recognized(t, reference.RandomRRDB(2, 1, 16, 8, 2, 2)), precision)
	}
}

var _ engine.Runtime = (*onednn.Runtime)(nil)

func TestOpenAndClose(t *testing.T) {
	t.Parallel()
	opened(t, onednn.Options{}) // or skip
	enginetest.TestOpenAndClose(t, func() (enginetest.ClosedRuntime, error) {
		return onednn.Open(onednn.Options{Library: os.Getenv("UPSCALED_TEST_ONEDNN")})
	}, recognized(t, reference.RandomCompact(1, 3, 16, 4)))
}
