//go:build linux

package onednn_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"upscaled/engine"
	"upscaled/engine/imagedata"
	"upscaled/engine/onednn"
	"upscaled/models/network"
)

// bounds are the least PSNR of bfloat16 against float32, in dB.
var bounds = map[string]float64{"realesr-general-x4v3": 50, "realesrgan-x4plus": 48}

// TestPublished checks bfloat16 against float32, and that against ONNX
// Runtime, on the middle of a photo.
func TestPublished(t *testing.T) {
	t.Parallel()
	r, other := opened(t, onednn.Options{Threads: 1}), otherRuntime(t, 1)
	for name := range bounds {
		net := published(t, name)
		for _, size := range [][2]int{{40, 32}, {1, 20}, {17, 1}} {
			checkPublished(t, r, other, name, net, photo(t, "0014.jpg", size[0], size[1]))
		}
	}
}

// BenchmarkQuality does so on all photos as they are.
func BenchmarkQuality(b *testing.B) {
	r, other := opened(b, onednn.Options{}), otherRuntime(b, 0)
	files, _ := filepath.Glob("../../../shared/images/*.*g")
	if only := os.Getenv("UPSCALED_TEST_PHOTO"); only != "" {
		files = strings.Split(only, ",")
	}
	for name := range bounds {
		net := published(b, name)
		for _, file := range files {
			checkPublished(b, r, other, name, net, photo(b, filepath.Base(file), 0, 0))
		}
	}
}

func checkPublished(t testing.TB, r *onednn.Runtime, other engine.Runtime, name string, net *network.Network, in imagedata.Raster) {
	t.Helper()
	exact := run(t, r, net, network.Float32, in)
	want := run(t, other, net, network.Float32, in)
	what := fmt.Sprintf("%s %dx%d", name, in.Width, in.Height)
	differ, _ := difference(exact, want)
	// One value in 10,000 may differ; in small pictures that is a matter of
	// luck, for which four standard deviations are allowed.
	share := float64(len(want.Pix)) / 10_000
	worst, allowed := 0, int(share+4*math.Sqrt(share))
	for i, v := range exact.Pix {
		worst = max(worst, int(v)-int(want.Pix[i]), int(want.Pix[i])-int(v))
	}
	t.Logf("%s: float32 differs from ONNX Runtime in %d of %d values, by %d at most", what, differ, len(want.Pix), worst)
	if differ > allowed || worst > 1 {
		t.Errorf("%s: float32 is not ONNX Runtime's: %d of %d values differ, by %d at most", what, differ, len(want.Pix), worst)
	}
	if !r.Library().BFloat16 {
		return
	}
	_, noise := difference(run(t, r, net, network.BFloat16, in), exact)
	t.Logf("%s: bfloat16 is %.1f dB from float32", what, noise)
	if in.Width*in.Height > 1000 && noise < bounds[name] {
		t.Errorf("%s: bfloat16 is %.1f dB from float32, less than %.0f", what, noise, bounds[name])
	}
}

// difference counts values that differ, and gives the PSNR in dB.
func difference(a, b imagedata.Raster) (int, float64) {
	differ, squares := 0, 0.0
	for i, v := range a.Pix {
		if d := float64(v) - float64(b.Pix[i]); d != 0 {
			differ++
			squares += d * d
		}
	}
	return differ, 10 * math.Log10(255*255*float64(len(a.Pix))/squares)
}
