package serving

import (
	"testing"

	"upscaled/engine"
)

// A process that is started again uses the devices of the one before.
func TestSameDevice(t *testing.T) {
	t.Parallel()
	if first, again := sameDevice([]string{"x", "--device=auto"}, nil), sameDevice([]string{"x", "--device=auto"}, []engine.DeviceUse{{Device: engine.Device{Kind: "cuda", ID: "0"}}}); first[1] != "--device=auto" || again[1] != "--device=cuda:0" {
		t.Errorf("devices: %v, then %v", first, again)
	}
}
