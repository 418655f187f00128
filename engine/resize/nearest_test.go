package resize_test

import (
	"testing"

	"pgregory.net/rapid"

	"upscaled/engine/imagedata"
	"upscaled/engine/resize"
)

// Whole factors repeat pixels.
func TestNearestRepeatsPixels(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w, h, n := rapid.IntRange(1, 9).Draw(t, "w"), rapid.IntRange(1, 9).Draw(t, "h"), rapid.IntRange(1, 4).Draw(t, "n")
		r := imagedata.NewRaster(w, h, rapid.SampledFrom([]int{1, 3}).Draw(t, "channels"), rapid.SampledFrom([]int{8, 16}).Draw(t, "depth"))
		for i := range w * h * r.Channels {
			if r.Pix16 != nil {
				r.Pix16[i] = uint16(i * 257)
			} else {
				r.Pix[i] = uint8(i)
			}
		}
		big := resize.Nearest(r, w*n, h*n)
		for y := range h * n {
			for x := range w * n * r.Channels {
				if c := x % r.Channels; sample(big, x, y) != sample(r, (x/r.Channels/n)*r.Channels+c, y/n) {
					t.Fatalf("sample %d,%d", x, y)
				}
			}
		}
	})
}

func sample(r imagedata.Raster, x, y int) uint16 {
	i := y*r.Width*r.Channels + x
	if r.Pix16 != nil {
		return r.Pix16[i]
	}
	return uint16(r.Pix[i])
}
