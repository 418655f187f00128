//go:build unix

package resize_test

import (
	"fmt"
	"testing"

	"upscaled/engine/imagedata"
	"upscaled/engine/resize"
)

// noise is a raster of pseudo-random samples.
func noise(width, height, channels, depth int) imagedata.Raster {
	r := imagedata.NewRaster(width, height, channels, depth)
	random := uint32(width*31 + height)
	next := func() uint32 {
		random = random*1664525 + 1013904223
		return random
	}
	for i := range r.Pix {
		r.Pix[i] = uint8(next() >> 24)
	}
	for i := range r.Pix16 {
		r.Pix16[i] = uint16(next() >> 16)
	}
	return r
}

// BenchmarkStream reduces 50 megapixels in bands of the engine; a MB/s is a
// megapixel of input a second.
func BenchmarkStream(b *testing.B) {
	const width, height, rows = 8160, 6120, 1020
	for _, depth := range []int{8, 16} {
		for _, out := range [][2]int{{width / 2, height / 2}, {width * 3 / 4, height * 3 / 4}, {5001, 3751}} {
			b.Run(fmt.Sprintf("%dbit/to%dx%d", depth, out[0], out[1]), func(b *testing.B) {
				in := noise(width, height, 3, depth)
				b.SetBytes(width * height)
				b.ResetTimer()
				for range b.N {
					s := resize.New(width, height, out[0], out[1], 3, depth)
					for y := 0; y < height; y += rows {
						s.Write(in.Rows(y, y+rows))
					}
				}
			})
		}
	}
}

// BenchmarkEnlarge doubles six megapixels; a MB/s is a megapixel of result.
func BenchmarkEnlarge(b *testing.B) {
	in := noise(3000, 2000, 3, 8)
	b.SetBytes(6000 * 4000)
	b.ResetTimer()
	for range b.N {
		resize.Whole(in, 6000, 4000)
	}
}
