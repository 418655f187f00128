package encode_test

import (
	"bytes"
	"fmt"
	"math/rand"
	"runtime"
	"testing"

	"pgregory.net/rapid"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/encode"
)

// mixture has what photos and drawings have: noise, slopes, flat areas and
// repeated patterns, so that every filter and both deflaters are used.
func mixture(width, height, channels, depth int, seed int64) imagedata.Raster {
	r := imagedata.NewRaster(width, height, channels, depth)
	random := rand.New(rand.NewSource(seed))
	kinds := [9]int{}
	for i := range kinds {
		kinds[i] = random.Intn(5)
	}
	for i := range width * height * channels {
		x, y := i/channels%width, i/channels/width
		var v int
		switch kinds[y*3/height*3+x*3/width] {
		case 0:
			v = random.Intn(65536)
		case 1:
			v = x*400 + y*300 + random.Intn(900)
		case 2:
			v = 0xffff
		case 3:
			v = (x & y & 7) * 9000
		case 4:
			v = x * 256
		}
		if depth == 16 {
			r.Pix16[i] = uint16(v)
		} else {
			r.Pix[i] = uint8(v >> 8)
		}
	}
	return r
}

// draw returns an image of up to 300 pixels a side and odd bands of it.
func draw(rt *rapid.T) (color imagedata.Raster, alpha *imagedata.Raster, bands []int) {
	side := rapid.IntRange(1, 300)
	width, height := side.Draw(rt, "width"), side.Draw(rt, "height")
	channels := rapid.SampledFrom([]int{1, 3}).Draw(rt, "channels")
	depth := rapid.SampledFrom([]int{8, 16}).Draw(rt, "depth")
	seed := rapid.Int64Range(0, 1<<40).Draw(rt, "seed")
	color = mixture(width, height, channels, depth, seed)
	if rapid.Bool().Draw(rt, "alpha") {
		plane := mixture(width, height, 1, depth, seed+1)
		alpha = &plane
	}
	half := rapid.IntRange(0, 60)
	bands = rapid.SliceOfN(rapid.Map(half, func(n int) int { return 2*n + 1 }), 1, 40).Draw(rt, "bands")
	return color, alpha, bands
}

// Any bands of any image make the same bytes as the whole, and lossless formats
// preserve every sample.
func TestAnySizeInOddBands(t *testing.T) {
	t.Parallel()
	for _, o := range []encode.Options{
		{Format: imagedata.PNG}, {Format: imagedata.TIFF}, {Format: imagedata.BMP},
		{Format: imagedata.JPEG, Quality: 90}, {Format: imagedata.JPEG, Quality: 75},
	} {
		t.Run(fmt.Sprintf("%s/%d", o.Format, o.Quality), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(rt *rapid.T) {
				color, alpha, bands := draw(rt)
				h := header(color, alpha)
				var whole, parts bytes.Buffer
				write(t, &whole, h, o, color, alpha)
				write(t, &parts, h, o, color, alpha, bands...)
				if !bytes.Equal(whole.Bytes(), parts.Bytes()) {
					rt.Fatal("the bands show in the file")
				}
				_, frame := read(t, whole.Bytes())
				if o.Format == imagedata.PNG && !(same(frame.Color, color) && (alpha == nil || same(*frame.Alpha, *alpha))) {
					rt.Fatal("samples changed")
				}
				if frame.Color.Width != h.Width || frame.Color.Height != h.Height {
					rt.Fatalf("read as %dx%d", frame.Color.Width, frame.Color.Height)
				}
			})
		})
	}
}

// Files do not depend on the number of cores: neither between machines nor
// between runs. Not parallel, for it changes the process.
func TestCoresChangeNothing(t *testing.T) {
	color, alpha := mixture(500, 700, 3, 8, 3), mixture(500, 700, 1, 8, 4)
	for _, format := range outputs() {
		if format == imagedata.WebP { // cut to rows only, which other tests see
			continue
		}
		var files [2]bytes.Buffer
		for i, cores := range []int{1, 7} {
			before := runtime.GOMAXPROCS(cores)
			write(t, &files[i], header(color, &alpha), encode.Options{Format: format}, color, &alpha, 301, 99)
			runtime.GOMAXPROCS(before)
		}
		if !bytes.Equal(files[0].Bytes(), files[1].Bytes()) {
			t.Errorf("%s differs between 1 and 7 cores", format)
		}
	}
}
