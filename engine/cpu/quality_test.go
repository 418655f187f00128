package cpu_test

import (
	"math"
	"testing"

	"upscaled/engine"
	"upscaled/engine/cpu"
	"upscaled/engine/imagedata"
	"upscaled/models/network"
)

// bounds are the least PSNR of bfloat16 against exact float32, in dB, and
// winogradBound that of Winograd's float32.
var bounds = map[string]float64{"realesr-general-x4v3": 50, "realesrgan-x4plus": 48}

const winogradBound = 75

// TestPublished checks exact float32 against ONNX Runtime on the middle of a photo.
func TestPublished(t *testing.T) {
	t.Parallel()
	r, other := opened(t, cpu.Options{Threads: 1, Precision: network.Float32}), otherRuntime(t, 1)
	for name := range bounds {
		net := published(t, name)
		for _, size := range [][2]int{{40, 32}, {1, 20}, {17, 1}} {
			checkPublished(t, r, other, name, net, photo(t, "0014.jpg", size[0], size[1]))
		}
	}
}

func checkPublished(t testing.TB, r, other engine.Runtime, name string, net *network.Network, in imagedata.Raster) {
	t.Helper()
	exact := run(t, r, net, network.Float32, in)
	want := run(t, other, net, network.Float32, in)
	differ, _ := difference(exact, want)
	// One value in 10,000 may differ; in small images that is a matter of luck, for
	// which four standard deviations are allowed.
	share := float64(len(want.Pix)) / 10_000
	worst, allowed := 0, int(share+4*math.Sqrt(share))
	for i, v := range exact.Pix {
		worst = max(worst, int(v)-int(want.Pix[i]), int(want.Pix[i])-int(v))
	}
	t.Logf("%s %dx%d: %d of %d values differ from ONNX Runtime's, by %d at most", name, in.Width, in.Height, differ, len(want.Pix), worst)
	if differ > allowed || worst > 1 {
		t.Errorf("%s %dx%d: %d of %d values differ from ONNX Runtime's, by %d at most", name, in.Width, in.Height, differ, len(want.Pix), worst)
	}
}

// difference returns how many values differ, and the PSNR in dB.
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
