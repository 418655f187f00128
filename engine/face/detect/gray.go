package detect

import (
	"upscaled/engine/imagedata"
	"upscaled/engine/parallel"
)

// plane is a gray image. Its first sample is at (left, top) of the grid it was
// cut from, so coordinates need no translation.
type plane struct {
	width, height, left, top int
	pix                      []uint8
}

// Luma weights of ITU-R BT.601 in 256ths: 0.299, 0.587, 0.114.
const lumaRed, lumaGreen, lumaBlue = 77, 150, 29

// region returns the luma of the rectangle [x0, x1) x [y0, y1) of a raster,
// clipped at the raster's edges.
func region(p imagedata.Raster, x0, y0, x1, y1 int) plane {
	x0, y0, x1, y1 = max(x0, 0), max(y0, 0), min(x1, p.Width), min(y1, p.Height)
	if x0 >= x1 || y0 >= y1 {
		return plane{}
	}
	out := plane{width: x1 - x0, height: y1 - y0, left: x0, top: y0}
	out.pix = make([]uint8, out.width*out.height)
	for y := y0; y < y1; y++ {
		to := out.pix[(y-y0)*out.width:][:out.width]
		from := p.Pix[(y*p.Width+x0)*p.Channels:][:out.width*p.Channels]
		if p.Channels == 1 {
			copy(to, from)
			continue
		}
		for i := range to {
			c := from[3*i : 3*i+3 : 3*i+3]
			to[i] = luma(c[0], c[1], c[2])
		}
	}
	return out
}

func luma(r, g, b uint8) uint8 {
	return uint8((lumaRed*uint32(r) + lumaGreen*uint32(g) + lumaBlue*uint32(b) + 128) >> 8)
}

// shrink returns the gray copy to search: each sample is the mean of factor x
// factor pixels (fewer at the right and bottom edges), surrounded by margin
// samples that repeat the edge.
func shrink(p imagedata.Raster, factor, margin int) plane {
	inner := plane{width: (p.Width + factor - 1) / factor, height: (p.Height + factor - 1) / factor}
	out := plane{width: inner.width + 2*margin, height: inner.height + 2*margin, left: -margin, top: -margin}
	out.pix = make([]uint8, out.width*out.height)
	parallel.For(inner.height, func(y int) {
		row := out.pix[(y+margin)*out.width:][:out.width]
		shrinkRow(p, factor, y, row[margin:margin+inner.width])
		for i := range margin {
			row[i], row[out.width-1-i] = row[margin], row[margin+inner.width-1]
		}
	})
	first := out.pix[margin*out.width:][:out.width]
	last := out.pix[(margin+inner.height-1)*out.width:][:out.width]
	for i := range margin {
		copy(out.pix[i*out.width:], first)
		copy(out.pix[(out.height-1-i)*out.width:], last)
	}
	return out
}

func shrinkRow(p imagedata.Raster, factor, y int, to []uint8) {
	sums := make([]uint32, len(to))
	counts := uint32(0)
	for sy := y * factor; sy < min((y+1)*factor, p.Height); sy++ {
		line := region(p, 0, sy, p.Width, sy+1)
		for x, v := range line.pix {
			sums[x/factor] += uint32(v)
		}
		counts++
	}
	for x, sum := range sums {
		n := counts * uint32(min((x+1)*factor, p.Width)-x*factor)
		to[x] = uint8((sum + n/2) / n)
	}
}
