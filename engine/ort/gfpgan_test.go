package ort_test

import (
	"bufio"
	"bytes"
	"fmt"
	"math"
	"os"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"upscaled/engine/imagedata"
	"upscaled/models/network"
	"upscaled/models/network/networktest"
)

// smallFaces are GFPGANs that the float64 reference computes in a second.
func smallFaces() map[string]networktest.Face {
	narrow := func(side int) int { return max(12, 160/side/2*2) }
	return map[string]networktest.Face{
		"side 32": {Side: 32, Latent: 24, Width: narrow},
		"side 64": {Side: 64, Latent: 16, Width: func(int) int { return 16 }},
		"side 8":  {Side: 8, Latent: 5, Width: func(int) int { return 6 }},
		"whole":   {Side: 16, Latent: 12, Width: narrow, Whole: true},
	}
}

// TestFaceNumbers compares GFPGAN's graphs with the float64 reference.
func TestFaceNumbers(t *testing.T) {
	t.Parallel()
	for name, f := range smallFaces() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tensors := networktest.RandomGFPGAN(31, f)
			open := opens(t, recognized(t, tensors))
			for _, channels := range []int{3, 1} {
				samples := sampled(f.Side, f.Side, channels)
				want := expected(networktest.GFPGAN(tensors, image(samples, f.Side, f.Side, channels, 255)), channels)
				checkSpread(t, want, true)
				for _, straight := range []bool{false, true} {
					o := network.Options{
						Precision: network.Float32, Channels: channels,
						Borders: network.AllBorders, Reference: straight,
					}
					what := fmt.Sprintf("%d channels straightforward=%t", channels, straight)
					checkFloat(t, what, open, o, samples, f.Side, f.Side, want)
					checkBytes(t, what, open, o, samples, f.Side, f.Side, want)
					checkWords(t, what, open, o, samples, f.Side, f.Side, want)
					if !straight {
						checkHalf(t, what, open, o, samples, f.Side, f.Side, want)
					}
				}
			}
		})
	}
}

// TestHalfFaceRange has styles and filters whose products leave the range of
// float16, which the graph must bring back into it.
func TestHalfFaceRange(t *testing.T) {
	t.Parallel()
	f := smallFaces()["side 8"]
	tensors := networktest.RandomGFPGAN(32, f)
	for name, tensor := range tensors {
		if strings.HasPrefix(name, "stylegan_decoder.style_conv") &&
			(strings.HasSuffix(name, "modulated_conv.weight") || strings.Contains(name, "modulation")) {
			for i := range tensor.Data {
				tensor.Data[i] *= 3000
			}
		}
	}
	samples := sampled(f.Side, f.Side, 3)
	want := expected(networktest.GFPGAN(tensors, image(samples, f.Side, f.Side, 3, 255)), 3)
	checkSpread(t, want, true)
	o := network.Options{Precision: network.Float16, Channels: 3, Borders: network.AllBorders}
	checkHalf(t, "large weights", opens(t, recognized(t, tensors)), o, samples, f.Side, f.Side, want)
}

// TestFullFace runs GFPGAN in its published size on random weights and reports
// what it takes. It is for running alone: go test -run TestFullFace -v.
func TestFullFace(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds and gigabytes")
	}
	runtime := needRuntime(t)
	started := time.Now()
	lap := func(what string) {
		t.Logf("%-28s %6.2f s, %4d MB resident, %4d MB at most", what, time.Since(started).Seconds(), resident("VmRSS"), resident("VmHWM"))
		started = time.Now()
	}
	f := networktest.PublishedFace()
	tensors := networktest.RandomGFPGAN(33, f)
	var values int
	for _, tensor := range tensors {
		values += len(tensor.Data)
	}
	lap(fmt.Sprintf("making %.1f million values", float64(values)/1e6))
	n := recognized(t, tensors)
	tensors = nil
	facts := n.Info()
	if facts.Architecture != network.GFPGAN || facts.Scale != 1 || facts.FixedWidth != 512 || facts.FixedHeight != 512 {
		t.Fatalf("facts are %+v", facts)
	}
	lap("recognising")
	o := network.Options{Precision: network.Float32, Sample: network.Uint8, Channels: 3, Borders: network.AllBorders}
	s, err := runtime.Open(t.Context(), n, o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	debug.FreeOSMemory()
	lap("graph and session")
	in := imagedata.Raster{Width: 512, Height: 512, Channels: 3, Pix: sampled(512, 512, 3)}
	var first []uint8
	for range 2 {
		out := imagedata.Raster{Width: 512, Height: 512, Channels: 3, Pix: make([]uint8, 512*512*3)}
		if err := s.Run(t.Context(), in, out); err != nil {
			t.Fatal(err)
		}
		lap(fmt.Sprintf("a face, %.0f Gflop", facts.FlopsPerPixel*512*512/1e9))
		if first == nil {
			first = out.Pix
		}
		if !bytes.Equal(out.Pix, first) {
			t.Error("the same face gave another answer")
		}
	}
	mean, spread := moments(first)
	t.Logf("samples around %.1f +- %.1f", mean, spread)
	if spread < 5 || mean < 20 || mean > 235 {
		t.Error("the answer is no picture")
	}
}

func moments(samples []uint8) (mean, spread float64) {
	for _, v := range samples {
		mean += float64(v) / float64(len(samples))
	}
	for _, v := range samples {
		spread += (float64(v) - mean) * (float64(v) - mean) / float64(len(samples))
	}
	return mean, math.Sqrt(spread)
}

// resident reads a line of Linux's account of this process, in MB; elsewhere
// it is 0.
func resident(name string) int {
	file, err := os.Open("/proc/self/status")
	if err != nil {
		return 0
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), name+":"); ok {
			var kilobytes int
			fmt.Sscan(rest, &kilobytes)
			return kilobytes / 1024
		}
	}
	return 0
}
