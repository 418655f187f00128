//go:build unix

package models

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"upscaled/models/fault"
)

// FIFOs and devices are refused before they are opened: a FIFO would block the
// import for good, beyond the reach of signals.
func TestImportOnlyOpensFiles(t *testing.T) {
	t.Parallel()
	s, _ := fixture(t, Options{Offline: true})
	folder := t.TempDir()
	for _, name := range []string{"pipe.pth", "pipe.onnx", "half.bin"} {
		if err := syscall.Mkfifo(filepath.Join(folder, name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(folder, "half.param"), []byte("7767517\n1 1\nInput data 0 1 data\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"pipe.pth", "pipe.onnx", "half.param", "half.bin", "/dev/zero"} {
		if !filepath.IsAbs(path) {
			path = filepath.Join(folder, path)
		}
		if _, err := s.Import(t.Context(), path, ImportOptions{Name: "mine"}); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", path, err)
		}
	}
}
