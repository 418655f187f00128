package align

import (
	"math"

	"upscaled/engine/face"
	"upscaled/engine/imagedata"
	"upscaled/engine/parallel"
)

// Crop resamples a square of size x size pixels from an image; t maps the
// image's coordinates to the square's. The result has the image's depth and
// channels and is filtered for its own resolution. The image's edge is repeated
// outside it. A transform without an inverse, which Estimate never returns, or
// an image without pixels results in a black square.
func Crop(p imagedata.Raster, t Transform, size int) imagedata.Raster {
	out := imagedata.NewRaster(size, size, p.Channels, p.Depth())
	if !t.usable() || p.Width <= 0 || p.Height <= 0 {
		return out
	}
	back := t.Inverse()
	x0, y0, x1, y1 := extent(back, float64(size))
	s := newSampler(p, back.scale(), x0, y0, x1, y1)
	stride := size * p.Channels
	parallel.For(size, func(y int) {
		var row [rowSamples]float32
		// Working in pieces keeps the row on the stack.
		for from := 0; from < stride; from += rowSamples {
			piece := row[:min(rowSamples, stride-from)]
			at := back.Apply(face.Point{X: float64(from/p.Channels) + 0.5, Y: float64(y) + 0.5})
			s.line(piece, at.X, at.Y, back.A, back.B)
			if out.Pix16 != nil {
				store(out.Pix16[y*stride+from:], piece, 65535)
			} else {
				store(out.Pix[y*stride+from:], piece, 255)
			}
		}
	})
	return out
}

// rowSamples is the number of samples per piece, a multiple of 3.
const rowSamples = 1536

// extent bounds the transformed square whose first corner is (0, 0).
func extent(t Transform, side float64) (x0, y0, x1, y1 float64) {
	x0, y0, x1, y1 = math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
	for _, corner := range []face.Point{{}, {X: side}, {Y: side}, {X: side, Y: side}} {
		p := t.Apply(corner)
		x0, y0, x1, y1 = min(x0, p.X), min(y0, p.Y), max(x1, p.X), max(y1, p.Y)
	}
	return x0, y0, x1, y1
}

// store rounds values in 0..1 to samples.
func store[S uint8 | uint16](out []S, in []float32, most float32) {
	for i, v := range in {
		out[i] = S(min(max(v, 0), 1)*most + 0.5)
	}
}
