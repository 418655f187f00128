package engine

import "upscaled/engine/imagedata"

// overflowBlock is the side of the squares that are looked at, in input
// pixels. Convolutions spread an overflow over many more.
const overflowBlock = 8

// darkest is the largest 8-bit sample that counts as dark. A network may make
// black of what is nearly black, but of nothing brighter.
const darkest = 40

// blackened says that a part of a tile's result is black though its input is
// not, as half-precision sums beyond 65504 leave it: not-a-number becomes 0.
// A block is suspected by its middle pixel and then looked at as a whole.
func blackened(in, out imagedata.Raster, scale int) bool {
	// Trimmed results begin inside the input; what they lack is split evenly,
	// which is near enough for a guess and never outside.
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

// blackBlock looks at the block around an input pixel.
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

// zero says that all samples of a pixel are 0.
func zero(r imagedata.Raster, x, y int) bool {
	at := (y*r.Width + x) * r.Channels
	for c := range r.Channels {
		if r.Pix16 != nil && r.Pix16[at+c] != 0 || r.Pix16 == nil && r.Pix[at+c] != 0 {
			return false
		}
	}
	return true
}

// brightness is the largest sample of a pixel, 0..255.
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
