//go:build !asan

package codec

import (
	"strings"
	"testing"

	"upscaled/engine/imagedata"
	"upscaled/models/fault"
)

// TestBounds: a child that exceeds its memory is one sentence, and leaves nothing here.
func TestBounds(t *testing.T) {
	t.Parallel()
	for _, f := range []imagedata.Format{imagedata.AVIF, imagedata.JXL} {
		img, file := sample(t, f, 1500, 1000)
		if _, err := Decode(f, file, img, Bounds{Memory: 4 << 30, Seconds: 60}); err != nil {
			t.Errorf("%s: %v", f, err)
		}
		_, err := Decode(f, file, img, Bounds{Memory: 40 << 20, Seconds: 60})
		if err == nil || !strings.HasSuffix(fault.Sentence(err), ".") {
			t.Errorf("%s within 40 MiB: %v", f, err)
		}
	}
}
