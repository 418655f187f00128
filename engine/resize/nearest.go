package resize

import "upscaled/engine/imagedata"

// Nearest resizes a raster by taking the pixel below each new pixel's center. The
// result shares no memory with it.
func Nearest(r imagedata.Raster, width, height int) imagedata.Raster {
	out := imagedata.NewRaster(width, height, r.Channels, r.Depth())
	columns := make([]int, width) // the first sample of each pixel within a row
	for x := range columns {
		columns[x] = (2*x + 1) * r.Width / (2 * width) * r.Channels
	}
	if r.Pix16 != nil {
		nearest(out.Pix16, r.Pix16, columns, r, height)
	} else {
		nearest(out.Pix, r.Pix, columns, r, height)
	}
	return out
}

func nearest[S uint8 | uint16](out, in []S, columns []int, r imagedata.Raster, height int) {
	stride, last := len(columns)*r.Channels, -1
	for y := range height {
		row := out[y*stride : (y+1)*stride]
		source := (2*y + 1) * r.Height / (2 * height)
		if source == last {
			copy(row, out[(y-1)*stride:])
			continue
		}
		last = source
		from := in[source*r.Width*r.Channels:]
		for i, x := range columns {
			copy(row[i*r.Channels:(i+1)*r.Channels], from[x:])
		}
	}
}
