//go:build linux

package onednn_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"upscaled/engine/imagedata"
	"upscaled/engine/onednn"
	"upscaled/models/network"
	"upscaled/models/network/reference"
)

// TestBands: in bfloat16 a picture of any size is, to the last bit, the same in
// single rows on one thread as in high bands on three, and near float32.
func TestBands(t *testing.T) {
	t.Parallel()
	nets := []*network.Network{
		recognized(t, reference.RandomCompact(61, 2, 40, 2)),
		recognized(t, reference.RandomCompact(62, 1, 70, 3)),
		recognized(t, reference.RandomRRDB(63, 1, 32, 16, 4, 2)),
		recognized(t, reference.RandomRRDB(64, 1, 20, 12, 2, 2)),
	}
	low := opened(t, onednn.Options{Threads: 1, Memory: 1})
	high := opened(t, onednn.Options{Threads: 3})
	if !low.Library().BFloat16 {
		t.Skip("this processor has no bfloat16")
	}
	rapid.Check(t, func(s *rapid.T) {
		net := rapid.SampledFrom(nets).Draw(s, "network")
		m := max(1, net.Info().Multiple)
		width, height := m*rapid.IntRange(1, 70).Draw(s, "width"), m*rapid.IntRange(1, 40).Draw(s, "height")
		in := noise(width, height, rapid.SampledFrom([]int{1, 3}).Draw(s, "channels"), rapid.SampledFrom([]int{8, 16}).Draw(s, "depth"))
		got, want := run(t, low, net, network.BFloat16, in), run(t, high, net, network.BFloat16, in)
		if !slices.Equal(got.Pix, want.Pix) || !slices.Equal(got.Pix16, want.Pix16) {
			s.Fatal("bands and threads change the result")
		}
		if far := farthest(want, run(t, high, net, network.Float32, in)); far > 0.04 {
			s.Fatalf("a value is %.3f of all from float32", far)
		}
	})
}

// farthest is the largest difference of two pictures, 1 being all of the range.
func farthest(a, b imagedata.Raster) float64 {
	most := 0.0
	for i := range a.Pix {
		most = max(most, float64(a.Pix[i])/255-float64(b.Pix[i])/255, float64(b.Pix[i])/255-float64(a.Pix[i])/255)
	}
	for i := range a.Pix16 {
		most = max(most, float64(a.Pix16[i])/65535-float64(b.Pix16[i])/65535, float64(b.Pix16[i])/65535-float64(a.Pix16[i])/65535)
	}
	return most
}
