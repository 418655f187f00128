package align

import (
	"math"

	"upscaled/engine/imagedata"
	"upscaled/engine/parallel"
)

// plane is a rectangle of an image as interleaved values from 0 to 1, reduced by
// a whole number. It may reach outside the image, whose edge is repeated there.
type plane struct {
	// cell is the side, in pixels, of the square averaged by one sample. left
	// and top are the position of the first sample, in cells.
	cell, left, top         int
	width, height, channels int
	samples                 []float32
}

// span is a range of rows or columns of an image.
type span struct{ first, end int }

// newPlane reads the part of an image from (x0, y0) to (x1, y1), in pixels, and
// margin more cells on every side.
func newPlane(p imagedata.Raster, cell int, x0, y0, x1, y1 float64, margin int) plane {
	side := float64(cell)
	s := plane{
		cell: cell, channels: p.Channels,
		left: int(math.Floor(x0/side)) - margin, top: int(math.Floor(y0/side)) - margin,
	}
	s.width = int(math.Ceil(x1/side)) + margin - s.left
	s.height = int(math.Ceil(y1/side)) + margin - s.top
	s.samples = make([]float32, s.width*s.height*s.channels)
	columns, rows := spans(s.left, s.width, cell, p.Width), spans(s.top, s.height, cell, p.Height)
	stride := s.width * s.channels
	parallel.For(s.height, func(y int) {
		out := s.samples[y*stride:][:stride]
		if p.Pix16 != nil {
			means(out, p.Pix16, p.Width, p.Channels, columns, rows[y], 65535)
		} else {
			means(out, p.Pix, p.Width, p.Channels, columns, rows[y], 255)
		}
	})
	return s
}

// spans returns the pixels under each of count cells; cells across the edge have
// the ones inside, cells beyond it the last one.
func spans(from, count, cell, side int) []span {
	all := make([]span, count)
	for i := range all {
		first := min(max((from+i)*cell, 0), side-1)
		end := min(max((from+i+1)*cell, first+1), side)
		all[i] = span{first, end}
	}
	return all
}

// means fills one row of a plane.
func means[S uint8 | uint16](out []float32, in []S, width, channels int, columns []span, rows span, most float32) {
	for c := range channels {
		for i, column := range columns {
			var sum float32
			for y := rows.first; y < rows.end; y++ {
				for x := column.first; x < column.end; x++ {
					sum += float32(in[(y*width+x)*channels+c])
				}
			}
			area := (column.end - column.first) * (rows.end - rows.first)
			out[i*channels+c] = sum / (most * float32(area))
		}
	}
}
