package engine

import (
	"slices"

	"upscaled/engine/imagedata"
)

// samples is the element type of a raster's data.
type samples interface{ ~uint8 | ~uint16 }

// extended copies a raster into a larger one and reflects it at the right and lower
// border, as the published program does. A raster of that size is returned as it is.
func extended(r imagedata.Raster, width, height int) imagedata.Raster {
	if r.Width == width && r.Height == height {
		return r
	}
	out := imagedata.NewRaster(width, height, r.Channels, r.Depth())
	if r.Pix16 != nil {
		extend(out.Pix16, r.Pix16, r.Width*r.Channels, width*r.Channels, r.Channels)
	} else {
		extend(out.Pix, r.Pix, r.Width*r.Channels, width*r.Channels, r.Channels)
	}
	return out
}

func extend[S samples](out, in []S, inStride, outStride, channels int) {
	rows := len(in) / inStride
	for y := range len(out) / outStride {
		source, row := in[reflected(y, rows)*inStride:][:inStride], out[y*outStride:][:outStride]
		for n := copy(row, source); n < outStride; n += channels {
			copy(row[n:], source[reflected(n/channels, inStride/channels)*channels:][:channels])
		}
	}
}

// reflected returns the position within n pixels of one at or beyond their end. The
// border pixel is not repeated, except a single one.
func reflected(i, n int) int {
	period := max(1, 2*(n-1))
	i %= period
	return min(i, period-i)
}

// copyRegion copies a rectangle of a raster into a raster of that size.
func copyRegion(out, in imagedata.Raster, x0, y0 int) {
	stride, width := in.Width*in.Channels, out.Width*out.Channels
	for y := range out.Height {
		at := (y0+y)*stride + x0*in.Channels
		if in.Pix16 != nil {
			copy(out.Pix16[y*width:(y+1)*width], in.Pix16[at:])
		} else {
			copy(out.Pix[y*width:(y+1)*width], in.Pix[at:])
		}
	}
}

// clone returns a copy of a raster.
func clone(r imagedata.Raster) imagedata.Raster {
	r.Pix, r.Pix16 = slices.Clone(r.Pix), slices.Clone(r.Pix16)
	return r
}

// constant reports whether all samples of a raster are equal.
func constant(r imagedata.Raster) bool {
	if r.Pix16 != nil {
		return allEqual(r.Pix16)
	}
	return allEqual(r.Pix)
}

func allEqual[S samples](s []S) bool {
	return !slices.ContainsFunc(s, func(v S) bool { return v != s[0] })
}

// fill sets all samples of a raster to the first one of another.
func fill(out, with imagedata.Raster) {
	if out.Pix16 != nil {
		repeat(out.Pix16, with.Pix16[0])
	} else {
		repeat(out.Pix, with.Pix[0])
	}
}

func repeat[S samples](s []S, v S) {
	for i := range s {
		s[i] = v
	}
}

// withoutHalo replaces the undefined color of fully transparent pixels by the color of
// the nearest visible ones, so that neither the model nor the resizer draws a trace
// of it into the edges. It changes the raster in place.
func withoutHalo(color imagedata.Raster, alpha imagedata.Raster) {
	if color.Pix16 != nil {
		spread(color.Pix16, alpha.Pix16, color.Width, color.Channels)
	} else {
		spread(color.Pix, alpha.Pix, color.Width, color.Channels)
	}
}

// spread grows the visible area by one ring of pixels after the other, each the
// mean of its neighbors in earlier rings. Every pixel is visited once.
func spread[S samples](color, alpha []S, width, channels int) {
	known := make([]bool, len(alpha))
	var ring, next []int32
	for i, a := range alpha {
		known[i] = a != 0
		if a == 0 {
			for c := range channels {
				color[i*channels+c] = 0
			}
		}
	}
	queued := make([]bool, len(alpha))
	push := func(list []int32, i int) []int32 {
		eachNeighbor(i, width, len(alpha), func(n int) {
			if !known[n] && !queued[n] {
				queued[n] = true
				list = append(list, int32(n))
			}
		})
		return list
	}
	for i := range alpha {
		if known[i] {
			ring = push(ring, i)
		}
	}
	for len(ring) > 0 {
		for _, i := range ring {
			meanOfKnown(color, known, int(i), width, channels)
		}
		next = next[:0]
		for _, i := range ring {
			known[i] = true
		}
		for _, i := range ring {
			next = push(next, int(i))
		}
		ring, next = next, ring
	}
}

func eachNeighbor(i, width, count int, visit func(int)) {
	x := i % width
	if x > 0 {
		visit(i - 1)
	}
	if x < width-1 {
		visit(i + 1)
	}
	if i >= width {
		visit(i - width)
	}
	if i+width < count {
		visit(i + width)
	}
}

func meanOfKnown[S samples](color []S, known []bool, i, width, channels int) {
	for c := range channels {
		sum, n := 0, 0
		eachNeighbor(i, width, len(known), func(k int) {
			if known[k] {
				sum += int(color[k*channels+c])
				n++
			}
		})
		color[i*channels+c] = S((sum + n/2) / n)
	}
}
