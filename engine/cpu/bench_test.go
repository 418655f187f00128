package cpu_test

import (
	"fmt"
	"image"
	_ "image/jpeg"
	_ "image/png"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"upscaled/engine"
	"upscaled/engine/cpu"
	"upscaled/engine/cpu/kernels"
	"upscaled/engine/imagedata"
	"upscaled/engine/ort"
	"upscaled/models"
	"upscaled/models/network"
	"upscaled/models/network/networktest"
	"upscaled/models/weights"
)

// published reads a network from the store. Short tests, which run under the memory
// checker of .ci/run, have no time for it.
func published(t testing.TB, name string) *network.Network {
	t.Helper()
	if testing.Short() {
		t.Skip("published models take long")
	}
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
	if testing.Short() {
		t.Skip("comparisons with ONNX Runtime take long")
	}
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

// BenchmarkModels times whole models with each kernel against ONNX Runtime, in turns.
// Sizes and threads come from the environment, such as
// UPSCALED_BENCH_SIZES=192x192,512x512 and UPSCALED_BENCH_THREADS=2.
func BenchmarkModels(b *testing.B) {
	threads := 2
	if text := os.Getenv("UPSCALED_BENCH_THREADS"); text != "" {
		threads, _ = strconv.Atoi(text)
	}
	sizes := "192x192"
	if text := os.Getenv("UPSCALED_BENCH_SIZES"); text != "" {
		sizes = text
	}
	for _, name := range []string{"realesr-general-x4v3", "realesrgan-x4plus", "SPAN 2x", "SPAN 4x"} {
		for size := range strings.SplitSeq(sizes, ",") {
			b.Run(name+"/"+size, func(b *testing.B) {
				var width, height int
				if _, err := fmt.Sscanf(size, "%dx%d", &width, &height); err != nil {
					b.Fatal(err)
				}
				net, in := benchmarked(b, name), photo(b, "0014.jpg", width, height)
				rounds := 5
				if net.Info().FlopsPerPixel > 1e7 {
					rounds = 2
				}
				compete(b, threads, rounds, contenders(b, net, in, threads))
			})
		}
	}
}

// benchmarked is a published model or one of the usual size with random weights.
func benchmarked(b *testing.B, name string) *network.Network {
	b.Helper()
	var scale int
	if _, err := fmt.Sscanf(name, "SPAN %dx", &scale); err != nil {
		return published(b, name)
	}
	return recognized(b, networktest.RandomSPAN(1, 48, scale, true))
}

// contenders returns a run of a model with each kernel of this CPU but the portable,
// and with ONNX Runtime.
func contenders(b *testing.B, net *network.Network, in imagedata.Raster, threads int) []contender {
	b.Helper()
	var all []contender
	add := func(name string, r engine.Runtime, p network.Precision, reference bool) {
		c := session(b, r, net, network.Options{Precision: p, Reference: reference}, in)
		c.name = name
		all = append(all, c)
	}
	for _, set := range kernels.InstructionSets() {
		if !set.Supported || set.Name == "portable" {
			continue
		}
		if set.Half != nil {
			p := map[kernels.Type]network.Precision{kernels.BFloat16: network.BFloat16, kernels.Float16: network.Float16}[set.Half.Precision()]
			add(set.Name, opened(b, cpu.Options{Threads: threads, Kernels: set.Name, Precision: p}), p, false)
		} else {
			add(set.Name+"-fast", opened(b, cpu.Options{Threads: threads, Kernels: set.Name}), network.Float32, false)
			add(set.Name+"-exact", opened(b, cpu.Options{Threads: threads, Kernels: set.Name, Precision: network.Float32}), network.Float32, false)
		}
	}
	other := otherRuntime(b, threads)
	add("onnxruntime", other, network.Float32, false)
	add("onnxruntime-reference", other, network.Float32, true)
	return all
}
