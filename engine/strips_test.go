package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"upscaled/engine/imagedata"
	"upscaled/models/network"
)

// neighbors is a Streamer that enlarges the sums of 5x5 pixels: it sees two
// pixels far, however far its facts say. It notes what it ran.
type neighbours struct {
	scale, widest int
	band          int
	ran           [][2]int
}

func (n *neighbours) Widest() int { return n.widest }

func (n *neighbours) Share(width, _ int) float64 { return float64(width) / float64(n.widest) }

func (n *neighbours) Stream(ctx context.Context, in imagedata.Raster, emit func(imagedata.Raster) error) error {
	n.ran = append(n.ran, [2]int{in.Width, in.Height})
	whole := n.whole(in)
	for y := 0; y < whole.Height; y += n.band {
		if err := emit(whole.Rows(y, min(y+n.band, whole.Height))); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (n *neighbours) whole(in imagedata.Raster) imagedata.Raster {
	const reach = 2
	out := imagedata.NewRaster(in.Width*n.scale, in.Height*n.scale, in.Channels, in.Depth())
	for i := range out.Width * out.Height * out.Channels {
		channel, x, y := i%out.Channels, i/out.Channels%out.Width/n.scale, i/out.Channels/out.Width/n.scale
		sum := uint16(i / out.Channels % n.scale)
		for v := max(0, y-reach); v <= min(in.Height-1, y+reach); v++ {
			for u := max(0, x-reach); u <= min(in.Width-1, x+reach); u++ {
				at := (v*in.Width+u)*in.Channels + channel
				if in.Pix16 != nil {
					sum += in.Pix16[at]
				} else {
					sum += uint16(in.Pix[at])
				}
			}
		}
		if out.Pix16 != nil {
			out.Pix16[i] = sum
		} else {
			out.Pix[i] = uint8(sum)
		}
	}
	return out
}

// gatherer joins a stream's rows and counts its progress.
type gatherer struct {
	pix      []uint8
	pix16    []uint16
	computed int64
}

func (g *gatherer) run(ctx context.Context, s *strips, in imagedata.Raster, stop error) error {
	s.around = func(_ imagedata.Raster, run func() error) error { return run() }
	s.computed = func(pixels int64) { g.computed += pixels }
	return s.Stream(ctx, in, func(r imagedata.Raster) error {
		g.pix, g.pix16 = append(g.pix, r.Pix...), append(g.pix16, r.Pix16...)
		return stop
	})
}

func drawn(t *rapid.T, width, height int) imagedata.Raster {
	in := imagedata.NewRaster(width, height, rapid.SampledFrom([]int{1, 3}).Draw(t, "channels"), rapid.SampledFrom([]int{8, 16}).Draw(t, "depth"))
	seed := rapid.Uint32().Draw(t, "seed")
	for i := range width * height * in.Channels {
		seed = seed*1664525 + 1013904223
		if in.Pix16 != nil {
			in.Pix16[i] = uint16(seed >> 16)
		} else {
			in.Pix[i] = uint8(seed >> 24)
		}
	}
	return in
}

// Strips, exact or blended, whole or cut, produce what one stream produces, within
// their width and memory.
func TestStripsProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		multiple := rapid.SampledFrom([]int{1, 2}).Draw(t, "multiple")
		in := drawn(t, multiple*rapid.IntRange(1, 400).Draw(t, "width"), multiple*rapid.IntRange(1, 400).Draw(t, "height"))
		inner := &neighbours{
			scale: rapid.IntRange(1, 3).Draw(t, "scale"), widest: rapid.IntRange(40, in.Width+40).Draw(t, "widest"),
			band: rapid.IntRange(1, 9).Draw(t, "band"),
		}
		facts := network.Info{
			Radius: rapid.SampledFrom([]int{2, 7, 30, 500}).Draw(t, "radius"), Scale: inner.scale, Multiple: multiple,
		}
		s, fits := newStrips(inner, facts, in.Width)
		if !fits {
			if inner.widest > 2*(blendedCrop+blendedRamp)+2*blendedRamp+4*stripAlignment {
				t.Fatalf("%d pixels are too wide for strips of %d", in.Width, inner.widest)
			}
			return
		}
		s.memory = rapid.SampledFrom([]int64{0, 1 << 20, 1 << 40}).Draw(t, "memory")
		var got gatherer
		if err := got.run(t.Context(), s, in, nil); err != nil {
			t.Fatal(err)
		}
		want := inner.whole(in)
		if !bytes.Equal(got.pix, want.Pix) || !slices.Equal(got.pix16, want.Pix16) {
			t.Errorf("strips of %v differ from the whole", inner.ran)
		}
		if got.computed < int64(in.Width*in.Height) {
			t.Errorf("progress ended at %d of %d", got.computed, in.Width*in.Height)
		}
		for _, size := range inner.ran {
			if size[0] > inner.widest || size[1] > minStripRows+2*500 {
				t.Errorf("a strip of %v, of %d at most", size, inner.widest)
			}
		}
	})
}

// Cuts are exact while that costs a third more work at most, and of as few
// strips as that allows; what a model with the radius of x4plus makes of
// images of several widths.
func TestStripsAreFew(t *testing.T) {
	t.Parallel()
	facts := network.Info{Radius: 349, Scale: 4, Multiple: 1}
	for _, c := range []struct{ width, strips, ramp int }{{2606, 2, 0}, {4000, 2, 0}, {4500, 2, 0}, {4513, 3, 0}, {6000, 3, 0}} {
		s, fits := newStrips(&neighbours{scale: 4, widest: 2605}, facts, c.width)
		if !fits || len(s.columns) != c.strips || s.columns[0].RampAfter != c.ramp {
			t.Errorf("%d pixels: %+v", c.width, s.columns)
		}
	}
	s, fits := newStrips(&neighbours{scale: 4, widest: 800}, facts, 1500)
	if !fits || len(s.columns) != 3 && len(s.columns) != 2 || s.columns[0].RampAfter != blendedRamp {
		t.Errorf("narrow strips: %+v", s.columns)
	}
}

// What a strip holds stays within the memory for it.
func TestStripsHoldLittle(t *testing.T) {
	t.Parallel()
	in := imagedata.NewRaster(300, 1100, 3, 8)
	inner := &neighbours{scale: 2, widest: 200, band: 64}
	s, _ := newStrips(inner, network.Info{Radius: 3, Scale: 2, Multiple: 1}, in.Width)
	s.memory = 300 * 150 * 2 * 2 * 3
	var got gatherer
	if err := got.run(t.Context(), s, in, nil); err != nil {
		t.Fatal(err)
	}
	for _, size := range inner.ran {
		if size[1] > 300+2*3 {
			t.Errorf("a strip of %v holds too much", size)
		}
	}
	if len(inner.ran) < 8 {
		t.Errorf("strips of %v", inner.ran)
	}
}

// A stream that cannot be written ends, and so does one whose caller left.
func TestStripsEnd(t *testing.T) {
	t.Parallel()
	in := imagedata.NewRaster(300, 40, 3, 8)
	for _, stop := range []error{errors.New("disk full"), context.Canceled} {
		inner := &neighbours{scale: 2, widest: 200, band: 4}
		s, _ := newStrips(inner, network.Info{Radius: 3, Scale: 2, Multiple: 1}, in.Width)
		ctx, cancel := context.WithCancel(t.Context())
		if stop == context.Canceled {
			cancel()
		}
		var got gatherer
		err := got.run(ctx, s, in, stop)
		cancel()
		if !errors.Is(err, stop) || len(inner.ran) > 2 {
			t.Errorf("%v after %s", err, fmt.Sprint(inner.ran))
		}
	}
}
