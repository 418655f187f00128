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
	"upscaled/models/network/networktest"
	"upscaled/models/weights"
)

type numberCase struct {
	name    string
	tensors weights.Tensors
	compute func(weights.Tensors, networktest.Image) networktest.Image
	// sizes are widths and heights.
	sizes [][2]int
}

func numberCases() []numberCase {
	small := [][2]int{{12, 10}, {1, 1}, {3, 7}, {5, 40}, {70, 3}}
	return []numberCase{
		{"compact", networktest.RandomCompact(11, 18, 64, 4), networktest.Compact, small},
		{"compact 2x", networktest.RandomCompact(17, 4, 24, 2), networktest.Compact, small},
		{"compact 3x", networktest.RandomCompact(18, 4, 10, 3), networktest.Compact, small},
		{"compact 1x", networktest.RandomCompact(19, 4, 16, 1), networktest.Compact, small},
		{"more features", networktest.RandomCompact(22, 2, 80, 2), networktest.Compact, small[:3]},
		{"many features", networktest.RandomCompact(23, 2, 270, 2), networktest.Compact, small[2:3]},
		{"one convolution", networktest.RandomCompact(20, 1, 0, 2), networktest.Compact, small},
		{"RRDBNet", networktest.RandomRRDB(12, 3, 32, 16, 1, 2), networktest.RRDB, [][2]int{{12, 10}, {1, 1}, {3, 41}}},
		{"RRDBNet 2x", networktest.RandomRRDB(13, 2, 32, 16, 2, 2), networktest.RRDB, [][2]int{{12, 10}, {2, 2}, {4, 44}}},
		{"RRDBNet 1x", networktest.RandomRRDB(14, 1, 32, 16, 4, 2), networktest.RRDB, [][2]int{{12, 8}}},
		{"odd features", networktest.RandomRRDB(15, 1, 20, 7, 1, 1), networktest.RRDB, small},
		{"no enlargement", networktest.RandomRRDB(16, 1, 16, 16, 1, 0), networktest.RRDB, small},
		{"SPAN 2x", networktest.RandomSPAN(24, 12, 2, false), networktest.SPAN, small[:3]},
		{"SPAN 4x", networktest.RandomSPAN(25, 16, 4, true), networktest.SPAN, [][2]int{{5, 40}, {1, 1}}},
		{"SPAN 1x", networktest.RandomSPAN(26, 20, 1, true), networktest.SPAN, [][2]int{{12, 10}}},
		{"no blocks", networktest.RandomRRDB(21, 0, 16, 16, 1, 1), networktest.RRDB, small},
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
	planes := networktest.New(3, in.Height, in.Width)
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

// compare allows float32 what rounding at a tie makes, and 16 bits a mean
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
	if precision != network.Float32 {
		most, mostMean = 0.5+0.04*unit, 0.3+0.004*unit
	}
	if !(worst <= most && mean <= mostMean) {
		t.Errorf("%s: off by %.3g at most and %.3g in the mean, of %g", what, worst, mean, unit)
	}
}
