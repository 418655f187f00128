package engine

import "upscaled/engine/imagedata"

// overflowBlock is the side of the blocks that are checked, in input pixels; blocks of
// narrower tiles are smaller. Convolutions spread an overflow over many more pixels.
const overflowBlock = 8

// darkest is the largest 8-bit sample that counts as dark. A model may turn such samples
// into black, but none that are brighter.
const darkest = 40

// blackened reports whether a part of a tile's output is black although its input
// is not. Half-precision sums beyond 65504 cause this: not-a-number becomes 0. The
// middle pixel of a block is checked first, then the whole block.
func blackened(in, out imagedata.Raster, scale int) bool {
	// Trimmed outputs begin inside the input. The missing part is split evenly, which
	// is accurate enough here and never outside.
	offX, offY := (in.Width-out.Width/scale)/2, (in.Height-out.Height/scale)/2
	width, height := min(overflowBlock, out.Width/scale), min(overflowBlock, out.Height/scale)
	for y := 0; y+height <= out.Height/scale; y += height {
		for x := 0; x+width <= out.Width/scale; x += width {
			black := func(x, y int) bool {
				return zero(out, x*scale, y*scale) && brightness(in, x+offX, y+offY) > darkest
			}
			if black(x+width/2, y+height/2) && blackBlock(x, y, width, height, black) {
				return true
			}
		}
	}
	return false
}

// blackBlock reports whether all pixels of a block are black.
func blackBlock(x0, y0, width, height int, black func(x, y int) bool) bool {
	for y := y0; y < y0+height; y++ {
		for x := x0; x < x0+width; x++ {
			if !black(x, y) {
				return false
			}
		}
	}
	return true
}

// zero reports whether all samples of a pixel are 0.
func zero(r imagedata.Raster, x, y int) bool {
	at := (y*r.Width + x) * r.Channels
	for c := range r.Channels {
		if r.Pix16 != nil && r.Pix16[at+c] != 0 || r.Pix16 == nil && r.Pix[at+c] != 0 {
			return false
		}
	}
	return true
}

// brightness returns the largest sample of a pixel, 0 to 255.
func brightness(r imagedata.Raster, x, y int) int {
	most, at := 0, (y*r.Width+x)*r.Channels
	for c := range r.Channels {
		if r.Pix16 != nil {
			most = max(most, int(r.Pix16[at+c]>>8))
		} else {
			most = max(most, int(r.Pix[at+c]))
		}
	}
	return most
}
