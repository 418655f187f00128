package resize_test

import (
	"image"
	"runtime"
	"slices"
	"testing"

	"github.com/disintegration/imaging"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"upscaled/engine/imagedata"
	"upscaled/engine/resize"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// inBands resizes band by band; the heights repeat.
func inBands(r imagedata.Raster, width, height int, bands []int) imagedata.Raster {
	s := resize.New(r.Width, r.Height, width, height, r.Channels, r.Depth())
	out := imagedata.Raster{Width: width, Channels: r.Channels}
	for y, i := 0, 0; y < r.Height; i++ {
		n := min(bands[i%len(bands)], r.Height-y)
		part := s.Write(r.Rows(y, y+n))
		out.Height += part.Height
		out.Pix = append(out.Pix, part.Pix...)
		out.Pix16 = append(out.Pix16, part.Pix16...)
		y += n
	}
	return out
}

func same(a, b imagedata.Raster) bool {
	return a.Width == b.Width && a.Height == b.Height && a.Channels == b.Channels &&
		slices.Equal(a.Pix, b.Pix) && slices.Equal(a.Pix16, b.Pix16)
}

// How a image is cut into bands changes no sample, whatever the sizes.
func TestBandsChangeNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		side := rapid.IntRange(1, 300)
		channels := rapid.SampledFrom([]int{1, 3}).Draw(rt, "channels")
		depth := rapid.SampledFrom([]int{8, 16}).Draw(rt, "depth")
		in := noise(side.Draw(rt, "width"), side.Draw(rt, "height"), channels, depth)
		width, height := side.Draw(rt, "to width"), side.Draw(rt, "to height")
		bands := rapid.SliceOfN(rapid.IntRange(1, 70), 1, 9).Draw(rt, "bands")
		whole, parts := resize.Whole(in, width, height), inBands(in, width, height, bands)
		if whole.Width != width || whole.Height != height || len(whole.Pix)+len(whole.Pix16) != width*height*channels {
			rt.Fatalf("the result is %dx%d", whole.Width, whole.Height)
		}
		if !same(whole, parts) {
			rt.Fatalf("%dx%d to %dx%d in bands %v differs", in.Width, in.Height, width, height, bands)
		}
	})
}

// One core computes what many do. Not parallel, since it changes the process.
func TestCoresChangeNothing(t *testing.T) {
	for _, depth := range []int{8, 16} {
		for _, size := range [][2]int{{200, 150}, {133, 601}, {401, 300}} {
			in := noise(401, 301, 3, depth)
			before := runtime.GOMAXPROCS(5)
			many := inBands(in, size[0], size[1], []int{97})
			runtime.GOMAXPROCS(1)
			one := inBands(in, size[0], size[1], []int{97})
			runtime.GOMAXPROCS(before)
			if !same(one, many) {
				t.Errorf("%d bits to %v differs between 1 and 5 cores", depth, size)
			}
		}
	}
}

// The samples are those of a library that computes in 64-bit floats, plus or
// take one where a sum lies halfway; of large images at odd ratios that is
// not one in a thousand.
func TestAgainstImaging(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		side := rapid.IntRange(1, 200)
		in := noise(side.Draw(rt, "width"), side.Draw(rt, "height"), 3, 8)
		// Across alone, then down alone, so that an error shows once.
		againstImaging(rt, in, side.Draw(rt, "to width"), in.Height)
		againstImaging(rt, in, in.Width, side.Draw(rt, "to height"))
	})
	in := noise(401, 307, 3, 8)
	for _, size := range [][2]int{{200, 307}, {333, 307}, {1009, 307}, {401, 153}, {401, 701}} {
		if off := againstImaging(t, in, size[0], size[1]); off > 3*size[0]*size[1]/1000 {
			t.Errorf("to %v: %d samples are off by one", size, off)
		}
	}
}

// againstImaging counts the samples that are one off.
func againstImaging(t interface{ Fatalf(string, ...any) }, in imagedata.Raster, width, height int) (off int) {
	source := image.NewNRGBA(image.Rect(0, 0, in.Width, in.Height))
	for i := range in.Width * in.Height {
		copy(source.Pix[4*i:], in.Pix[3*i:3*i+3])
		source.Pix[4*i+3] = 255
	}
	want, got := imaging.Resize(source, width, height, imaging.Lanczos), resize.Whole(in, width, height)
	for i, v := range got.Pix {
		d := int(v) - int(want.Pix[i/3*4+i%3])
		if d < -1 || d > 1 {
			t.Fatalf("sample %d of %dx%d is %d, want %d", i, width, height, v, want.Pix[i/3*4+i%3])
		}
		off += max(d, -d)
	}
	return off
}

// What has one value everywhere keeps it, at every size and at both ends of
// the range, and edges ring without wrapping around.
func TestFlatAndEdges(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		side := rapid.IntRange(1, 150)
		depth := rapid.SampledFrom([]int{8, 16}).Draw(rt, "depth")
		in := imagedata.NewRaster(side.Draw(rt, "width"), side.Draw(rt, "height"), 1, depth)
		value := rapid.IntRange(0, 1<<depth-1).Draw(rt, "value")
		for i := range in.Width * in.Height {
			if depth == 16 {
				in.Pix16[i] = uint16(value)
			} else {
				in.Pix[i] = uint8(value)
			}
		}
		out := resize.Whole(in, side.Draw(rt, "to width"), side.Draw(rt, "to height"))
		for _, v := range out.Pix {
			if int(v) != value {
				rt.Fatalf("%d became %d", value, v)
			}
		}
		for _, v := range out.Pix16 {
			if d := int(v) - value; d < -1 || d > 1 { // 32-bit floats
				rt.Fatalf("%d became %d", value, v)
			}
		}
	})
	step := imagedata.NewRaster(64, 64, 3, 8)
	for i := range step.Pix {
		if i/3%64 >= 32 {
			step.Pix[i] = 255
		}
	}
	for _, size := range []int{31, 64 * 3} {
		out := resize.Whole(step, size, size)
		for i, v := range out.Pix {
			if x := i / 3 % size; x < size/2-size/16 && v > 40 || x > size/2+size/16 && v < 215 {
				t.Fatalf("to %d: column %d is %d", size, x, v)
			}
		}
	}
}

// Rows leave as soon as their last input is there, also where the heights have
// no common factor: memory follows the band.
func TestRowsLeaveEarly(t *testing.T) {
	t.Parallel()
	const in, out, band = 997, 499, 50
	r := noise(16, in, 3, 8)
	s := resize.New(16, in, 8, out, 3, 8)
	received, left := 0, 0
	for received < in {
		n := min(band, in-received)
		left += s.Write(r.Rows(received, received+n)).Height
		received += n
		if waiting := received*out/in - left; waiting > 4 && received < in {
			t.Fatalf("%d rows in, %d out", received, left)
		}
	}
	if left != out {
		t.Errorf("%d rows in all", left)
	}
}

// A raster that has the size is returned as it is.
func TestSameSize(t *testing.T) {
	t.Parallel()
	in := noise(5, 4, 1, 8)
	if out := resize.Whole(in, 5, 4); &out.Pix[0] != &in.Pix[0] {
		t.Error("the raster was copied")
	}
}
