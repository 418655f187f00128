package cpu_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"upscaled/engine/cpu"
	"upscaled/models/network"
	"upscaled/models/network/networktest"
)

// TestBands: an image of any size is, to the last bit, the same in the lowest bands
// on one thread as in high bands on three.
func TestBands(t *testing.T) {
	t.Parallel()
	nets := []*network.Network{
		recognized(t, networktest.RandomCompact(61, 2, 40, 2)),
		recognized(t, networktest.RandomCompact(62, 1, 70, 3)),
		recognized(t, networktest.RandomRRDB(63, 1, 32, 16, 4, 2)),
		recognized(t, networktest.RandomRRDB(64, 1, 20, 12, 2, 2)),
	}
	eachKernel(t, func(t *testing.T, o cpu.Options, precision network.Precision) {
		low, high := o, o
		low.Threads, low.Memory, high.Threads = 1, 1, 3
		one, three := opened(t, low), opened(t, high)
		rapid.Check(t, func(s *rapid.T) {
			net := rapid.SampledFrom(nets).Draw(s, "model")
			m := max(1, net.Info().Multiple)
			width, height := m*rapid.IntRange(1, 70).Draw(s, "width"), m*rapid.IntRange(1, 40).Draw(s, "height")
			in := noise(width, height, rapid.SampledFrom([]int{1, 3}).Draw(s, "channels"), rapid.SampledFrom([]int{8, 16}).Draw(s, "depth"))
			got, want := run(t, one, net, precision, in), run(t, three, net, precision, in)
			if !slices.Equal(got.Pix, want.Pix) || !slices.Equal(got.Pix16, want.Pix16) {
				s.Fatal("bands and threads change the result")
			}
		})
	})
}
