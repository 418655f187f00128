package engine

import "upscaled/engine/imagedata"

// overflowBlock is the side of the squares that are checked, in input pixels.
// Convolutions spread an overflow over many more.
const overflowBlock = 8

// darkest is the largest 8-bit sample that counts as dark. A model may turn what is
// nearly black into black, but nothing brighter.
const darkest = 40

// blackened reports whether a part of a tile's output is black although its input
// is not. Half-precision sums beyond 65504 cause this: not-a-number becomes 0. The
// middle pixel of a block is checked first, then the whole block.
func blackened(in, out imagedata.Raster, scale int) bool {
	// Trimmed outputs begin inside the input. What they lack is split evenly, which
	// is accurate enough here and never outside.
	offX, offY := (in.Width-out.Width/scale)/2, (in.Height-out.Height/scale)/2
	for y := overflowBlock / 2; y+overflowBlock/2 <= out.Height/scale; y += overflowBlock {
		for x := overflowBlock / 2; x+overflowBlock/2 <= out.Width/scale; x += overflowBlock {
			if !zero(out, x*scale, y*scale) || brightness(in, x+offX, y+offY) <= darkest {
				continue
			}
			if blackBlock(in, out, x, y, offX, offY, scale) {
				return true
			}
		}
	}
	small := min(out.Width, out.Height)/scale < overflowBlock
	return small && constant(out) && zero(out, 0, 0) && !(constant(in) && zero(in, 0, 0))
}

// blackBlock checks the block around an input pixel.
func blackBlock(in, out imagedata.Raster, x, y, offX, offY, scale int) bool {
	const half = overflowBlock / 2
	for dy := -half; dy < half; dy++ {
		for dx := -half; dx < half; dx++ {
			if !zero(out, (x+dx)*scale, (y+dy)*scale) || brightness(in, x+dx+offX, y+dy+offY) <= darkest {
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
