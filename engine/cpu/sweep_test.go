package cpu_test

import (
	"fmt"
	"math"
	"os"
	"testing"

	"upscaled/engine"
	"upscaled/engine/cpu"
	"upscaled/engine/imagedata"
	"upscaled/models/network"
	"upscaled/models/network/networktest"
)

// longest is the side up to which all widths and heights are tried.
const longest = 300

// sweep compares exact float32 with ONNX Runtime's untiled result of the graph as
// published, at every step-th width with some heights, and at such heights.
type sweep struct {
	t           testing.TB
	ours, other engine.Session
	info        network.Info
	// image returns an input.
	image          func(width, height int) imagedata.Raster
	values, differ int
}

func newSweep(t testing.TB, r, other engine.Runtime, net *network.Network) *sweep {
	t.Helper()
	o := network.Options{Precision: network.Float32, Sample: network.Uint8, Channels: 3, Borders: network.AllBorders}
	open := func(r engine.Runtime, published bool) engine.Session {
		o.Reference = published
		s, err := r.Open(t.Context(), net, o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	return &sweep{t: t, ours: open(r, false), other: open(other, true), info: net.Info(), image: func(width, height int) imagedata.Raster { return noise(width, height, 3, 8) }}
}

func (s *sweep) run(step int, short []int) {
	s.t.Helper()
	multiple := max(1, s.info.Multiple)
	for long := 1; long <= longest && !s.t.Failed(); long += step {
		for _, other := range short {
			s.size(long*multiple, other*multiple)
			s.size(other*multiple, long*multiple)
		}
	}
	s.t.Logf("%d of %d values differ", s.differ, s.values)
	// One in 10,000, over all sizes. Samples of them have too few values, for
	// which four standard deviations are allowed.
	allowed := float64(s.values) / 10_000
	if step > 1 {
		allowed += 4 * math.Sqrt(allowed)
	}
	if float64(s.differ) > allowed {
		s.t.Errorf("%d of %d values differ from ONNX Runtime's", s.differ, s.values)
	}
}

// size compares one size; no value may differ by more than one.
func (s *sweep) size(width, height int) {
	s.t.Helper()
	in := s.image(width, height)
	width, height = width*s.info.Scale, height*s.info.Scale
	got, want := imagedata.NewRaster(width, height, 3, 8), imagedata.NewRaster(width, height, 3, 8)
	if err := s.ours.Run(s.t.Context(), in, got); err != nil {
		s.t.Fatal(err)
	}
	if err := s.other.Run(s.t.Context(), in, want); err != nil {
		s.t.Fatal(err)
	}
	s.values += len(want.Pix)
	for i, v := range got.Pix {
		d := int(v) - int(want.Pix[i])
		if d != 0 {
			s.differ++
		}
		if d < -1 || d > 1 {
			s.t.Errorf("%dx%d: value %d is %d, not %d", in.Width, in.Height, i, v, want.Pix[i])
			return
		}
	}
}

// TestEverySize compares small models at all widths and heights.
func TestEverySize(t *testing.T) {
	t.Parallel()
	r, other := opened(t, cpu.Options{Threads: 1, Precision: network.Float32}), otherRuntime(t, 1)
	newSweep(t, r, other, recognized(t, networktest.RandomCompact(31, 2, 16, 2))).run(1, []int{1, 6})
	newSweep(t, r, other, recognized(t, networktest.RandomRRDB(32, 1, 16, 8, 1, 1))).run(3, []int{2})
}

// TestEverySizePublished compares the published models: a sample of sizes, or all of
// them if UPSCALED_TEST_SIZES is "all".
func TestEverySizePublished(t *testing.T) {
	t.Parallel()
	r, other := opened(t, cpu.Options{Precision: network.Float32}), otherRuntime(t, 0)
	step, short := 43, []int{1}
	if os.Getenv("UPSCALED_TEST_SIZES") == "all" {
		step, short = 1, []int{1, 4}
	}
	whole := photo(t, "OST_009.png", longest, longest)
	for name, sides := range map[string][]int{"realesr-general-x4v3": short, "realesrgan-x4plus": short[:1]} {
		s := newSweep(t, r, other, published(t, name))
		s.image = func(width, height int) imagedata.Raster { return cropped(whole, width, height) }
		s.run(step, sides)
	}
}

// BenchmarkExact compares float32 on a photo of 1280x720; ONNX Runtime needs
// 12 GiB for it untiled with realesrgan-x4plus.
func BenchmarkExact(b *testing.B) {
	r, other := opened(b, cpu.Options{Precision: network.Float32}), otherRuntime(b, 0)
	for name := range bounds {
		for _, file := range []string{"OST_009.png", "0014.jpg"} {
			b.Run(fmt.Sprint(name, "/", file), func(b *testing.B) {
				s := newSweep(b, r, other, published(b, name))
				s.image = func(width, height int) imagedata.Raster { return photo(b, file, width, height) }
				s.size(1280, 720)
				b.Logf("%d of %d values differ (%.4f %%)", s.differ, s.values, 100*float64(s.differ)/float64(s.values))
				if s.differ*10_000 > s.values {
					b.Errorf("%d of %d values differ", s.differ, s.values)
				}
			})
		}
	}
}
