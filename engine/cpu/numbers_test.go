package cpu_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"upscaled/engine"
	"upscaled/engine/cpu"
	"upscaled/engine/imagedata"
	"upscaled/models/network"
	"upscaled/models/network/reference"
	"upscaled/models/weights"
)

type numberCase struct {
	name    string
	tensors weights.Tensors
	compute func(weights.Tensors, reference.Image) reference.Image
	// sizes are widths and heights.
	sizes [][2]int
}

func numberCases() []numberCase {
	small := [][2]int{{12, 10}, {1, 1}, {3, 7}, {5, 40}, {70, 3}}
	return []numberCase{
		{"compact", reference.RandomCompact(11, 18, 64, 4), reference.Compact, small},
		{"compact 2x", reference.RandomCompact(17, 4, 24, 2), reference.Compact, small},
		{"compact 3x", reference.RandomCompact(18, 4, 10, 3), reference.Compact, small},
		{"compact 1x", reference.RandomCompact(19, 4, 16, 1), reference.Compact, small},
		{"more features", reference.RandomCompact(22, 2, 80, 2), reference.Compact, small[:3]},
		{"many features", reference.RandomCompact(23, 2, 270, 2), reference.Compact, small[2:3]},
		{"one convolution", reference.RandomCompact(20, 1, 0, 2), reference.Compact, small},
		{"RRDBNet", reference.RandomRRDB(12, 3, 32, 16, 1, 2), reference.RRDB, [][2]int{{12, 10}, {1, 1}, {3, 41}}},
		{"RRDBNet 2x", reference.RandomRRDB(13, 2, 32, 16, 2, 2), reference.RRDB, [][2]int{{12, 10}, {2, 2}, {4, 44}}},
		{"RRDBNet 1x", reference.RandomRRDB(14, 1, 32, 16, 4, 2), reference.RRDB, [][2]int{{12, 8}}},
		{"odd features", reference.RandomRRDB(15, 1, 20, 7, 1, 1), reference.RRDB, small},
		{"no enlargement", reference.RandomRRDB(16, 1, 16, 16, 1, 0), reference.RRDB, small},
		{"no blocks", reference.RandomRRDB(21, 0, 16, 16, 1, 1), reference.RRDB, small},
	}
}

// TestNumbers compares all kinds of models with the float64 reference, in short mode
// but the largest and with fewer kinds of images.
func TestNumbers(t *testing.T) {
	t.Parallel()
	all := everyKernel(t)
	runtimes := make([]*cpu.Runtime, len(all))
	for i, k := range all {
		k.options.Threads = 2
		runtimes[i] = opened(t, k.options)
	}
	for _, c := range numberCases() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if testing.Short() && c.name == "compact" {
				t.Skip("its reference takes long under the memory checker")
			}
			net := recognized(t, c.tensors)
			for _, size := range c.sizes {
				for _, channels := range []int{3, 1} {
					for _, depth := range []int{8, 16} {
						if testing.Short() && (depth == 16) == (channels == 3) {
							continue
						}
						in := noise(size[0], size[1], channels, depth)
						want := expected(c, in)
						for i, k := range all {
							what := fmt.Sprintf("%s, %v %d channels %d bits", k.name, size, channels, depth)
							compare(t, what, run(t, runtimes[i], net, k.precision, in), want, k.precision)
						}
					}
				}
			}
		})
	}
}

func noise(width, height, channels, depth int) imagedata.Raster {
	random := rand.New(rand.NewPCG(uint64(width), uint64(height)))
	in := imagedata.NewRaster(width, height, channels, depth)
	for i := range in.Pix {
		in.Pix[i] = uint8(random.Uint32())
	}
	for i := range in.Pix16 {
		in.Pix16[i] = uint16(random.Uint32())
	}
	return in
}

func run(t testing.TB, r engine.Runtime, net *network.Network, precision network.Precision, in imagedata.Raster) imagedata.Raster {
	t.Helper()
	sample := network.Uint8
	if in.Depth() == 16 {
		sample = network.Uint16
	}
	o := network.Options{Precision: precision, Sample: sample, Channels: in.Channels, Borders: network.AllBorders}
	s, err := r.Open(t.Context(), net, o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	width, height := engine.OutputSize(net.Info(), o.Borders, in.Width, in.Height)
	out := imagedata.NewRaster(width, height, in.Channels, in.Depth())
	if err := s.Run(t.Context(), in, out); err != nil {
		t.Fatal(err)
	}
	return out
}

// expected is the reference's image, clamped, in samples.
func expected(c numberCase, in imagedata.Raster) []float64 {
	unit := float64(uint(1)<<in.Depth() - 1)
	planes := reference.New(3, in.Height, in.Width)
	for i := range in.Width * in.Height {
		for colour := range 3 {
			at := i*in.Channels + colour%in.Channels
			v := 0.0
			if in.Pix16 != nil {
				v = float64(in.Pix16[at])
			} else {
				v = float64(in.Pix[at])
			}
			planes.Data[colour*in.Width*in.Height+i] = v / unit
		}
	}
	got := c.compute(c.tensors, planes)
	out := make([]float64, got.Width*got.Height*in.Channels)
	for i := range got.Width * got.Height {
		r, g, b := got.Data[i], got.Data[got.Width*got.Height+i], got.Data[2*got.Width*got.Height+i]
		if in.Channels == 1 {
			out[i] = unit * min(1, max(0, 0.299*r+0.587*g+0.114*b))
			continue
		}
		for k, v := range []float64{r, g, b} {
			out[3*i+k] = unit * min(1, max(0, v))
		}
	}
	return out
}

// compare allows float32 what rounding at a tie makes, and bfloat16 a mean
// error of 0.4 % and single ones of 4 %.
func compare(t *testing.T, what string, got imagedata.Raster, want []float64, precision network.Precision) {
	t.Helper()
	unit := float64(uint(1)<<got.Depth() - 1)
	var worst, squares float64
	for i, w := range want {
		v := 0.0
		if got.Pix16 != nil {
			v = float64(got.Pix16[i])
		} else {
			v = float64(got.Pix[i])
		}
		worst = max(worst, math.Abs(v-w))
		squares += (v - w) * (v - w)
	}
	mean := math.Sqrt(squares / float64(len(want)))
	most, mostMean := 0.5+1e-4*unit, 0.5+1e-4*unit
	if precision == network.BFloat16 {
		most, mostMean = 0.5+0.04*unit, 0.3+0.004*unit
	}
	if !(worst <= most && mean <= mostMean) {
		t.Errorf("%s: off by %.3g at most and %.3g in the mean, of %g", what, worst, mean, unit)
	}
}
