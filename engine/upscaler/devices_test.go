package upscaler

import (
	"os"
	"path/filepath"
	"testing"

	"upscaled/models/fault"
)

// The CUDA library is large: it is not downloaded if no GPU could use it.
func TestCheckGPU(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{"": false, "null": false, "nvidiactl": false, "nvidia0": true, "nvidia3": true, "dxg": true} {
		dev := t.TempDir()
		if name != "" {
			if err := os.WriteFile(filepath.Join(dev, name), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		err := checkGPU(dev)
		if (err == nil) != want || err != nil && fault.KindOf(err) != fault.ModelMissing {
			t.Errorf("with %q: %v", name, err)
		}
	}
}
