//go:build linux

package onednn_test

import (
	"fmt"
	"image"
	_ "image/jpeg"
	_ "image/png"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"upscaled/engine"
	"upscaled/engine/imagedata"
	"upscaled/engine/onednn"
	"upscaled/engine/ort"
	"upscaled/models"
	"upscaled/models/network"
	"upscaled/models/weights"
)

// published reads a network from the store.
func published(t testing.TB, name string) *network.Network {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(home(t), "models", name, "weights-*.safetensors"))
	if err != nil || len(files) == 0 {
		t.Skip("the network " + name + " is not installed; scripts/test fetches it")
	}
	tensors, err := weights.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	return recognized(t, tensors)
}

func home(t testing.TB) string {
	t.Helper()
	store, err := models.Open(models.Options{Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	return store.Home()
}

// otherRuntime is ONNX Runtime's.
func otherRuntime(t testing.TB, threads int) *ort.Runtime {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(home(t), "lib", "onnxruntime-*", "libonnxruntime.so*"))
	if len(files) == 0 {
		t.Skip("ONNX Runtime is not installed; scripts/test fetches it")
	}
	r, err := ort.Open(ort.Options{Library: files[0], Device: "cpu", Threads: threads})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

// photo is the middle of a picture of the shared folder, repeated by mirroring
// where it is too small.
func photo(t testing.TB, name string, width, height int) imagedata.Raster {
	t.Helper()
	file, err := os.Open(filepath.Join("../../../shared/images", name))
	if err != nil {
		t.Skip("the photos are not here: ", err)
	}
	defer file.Close()
	decoded, _, err := image.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	size := decoded.Bounds().Size()
	if width == 0 {
		width, height = size.X, size.Y
	}
	mirror := func(at, side int) int {
		if at %= 2 * side; at >= side {
			return 2*side - 1 - at
		}
		return at
	}
	out := imagedata.NewRaster(width, height, 3, 8)
	for y := range height {
		for x := range width {
			r, g, b, _ := decoded.At(mirror(x, size.X), mirror(y, size.Y)).RGBA()
			copy(out.Pix[(y*width+x)*3:], []uint8{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8)})
		}
	}
	return out
}

// busy is the processor time that this process has used.
func busy() time.Duration {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// contender is something whose rounds are timed.
type contender struct {
	name  string
	flops float64
	run   func() error
}

// compete runs all contenders in turns and logs the medians of their times.
// With one thread they are processor times, which others on the machine
// disturb less.
func compete(b *testing.B, threads, rounds int, all []contender) {
	b.Helper()
	clock := func() func() time.Duration {
		start, began := time.Now(), busy()
		return func() time.Duration {
			if threads == 1 {
				return busy() - began
			}
			return time.Since(start)
		}
	}
	times := make([][]time.Duration, len(all))
	for round := range rounds + 1 {
		for i, c := range all {
			stop := clock()
			if err := c.run(); err != nil {
				b.Fatal(err)
			}
			if round > 0 {
				times[i] = append(times[i], stop())
			}
		}
	}
	for i, c := range all {
		slices.Sort(times[i])
		median := times[i][len(times[i])/2]
		b.ReportMetric(float64(median.Milliseconds()), c.name+"-ms")
		b.Logf("%-28s %8.1f ms (%.1f to %.1f) %7.1f GFLOP/s", c.name, ms(median), ms(times[i][0]), ms(times[i][len(times[i])-1]), c.flops/median.Seconds()*1e-9)
	}
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// session opens a network for uint8 pictures and gives a run over one of them.
func session(b *testing.B, r engine.Runtime, net *network.Network, o network.Options, in imagedata.Raster) contender {
	b.Helper()
	o.Sample, o.Channels, o.Borders = network.Uint8, 3, network.AllBorders
	s, err := r.Open(b.Context(), net, o)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	width, height := engine.OutputSize(net.Info(), o.Borders, in.Width, in.Height)
	out := imagedata.NewRaster(width, height, 3, 8)
	return contender{
		flops: net.Info().FlopsPerPixel * float64(in.Width*in.Height),
		run:   func() error { return s.Run(b.Context(), in, out) },
	}
}

// BenchmarkPhoto times whole networks against ONNX Runtime and against a
// single convolution.
func BenchmarkPhoto(b *testing.B) {
	for _, threads := range []int{1, 2} {
		for _, size := range [][2]int{{192, 192}, {512, 512}, {1280, 720}} {
			for _, name := range []string{"realesr-general-x4v3", "realesrgan-x4plus"} {
				b.Run(fmt.Sprintf("%s/%dx%d/%d", name, size[0], size[1], threads), func(b *testing.B) {
					r := opened(b, onednn.Options{Threads: threads})
					other := otherRuntime(b, threads)
					net, in := published(b, name), photo(b, "0014.jpg", size[0], size[1])
					all := []contender{lone(b, r)}
					for _, precision := range precisions(r) {
						c := session(b, r, net, network.Options{Precision: precision}, in)
						c.name = string(precision)
						all = append(all, c)
					}
					for straight, name := range map[bool]string{true: "onnxruntime-plain", false: "onnxruntime"} {
						c := session(b, other, net, network.Options{Precision: network.Float32, Reference: straight}, in)
						c.name = name
						all = append(all, c)
					}
					rounds := 3
					if net.Info().FlopsPerPixel > 1e7 {
						rounds = 1
					}
					compete(b, threads, rounds, all)
				})
			}
		}
	}
}

// lone is the rate of a single bfloat16 convolution of 64 to 64 channels.
func lone(b *testing.B, r *onednn.Runtime) contender {
	b.Helper()
	precisions := precisions(r)
	c, err := r.NewConvolution(precisions[len(precisions)-1], 64, 64, 512, 512)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = c.Close() })
	b.Log(r.Library().Version, c.Kernel)
	return contender{"lone", 4 * c.Flops, func() error {
		for range 4 {
			if err := c.Run(); err != nil {
				return err
			}
		}
		return nil
	}}
}
