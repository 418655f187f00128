package engine

import (
	"upscaled/engine/imagedata"
	"upscaled/tiling"
)

// stitcher joins the output of one plane's tiles or strips: row of them by row of
// them, from top to bottom. Rows that two of these share are blended.
type stitcher struct {
	scale int
	// emit receives the final rows.
	emit func(imagedata.Raster) error
	row  tiling.Span
	// upper holds the last rows of the row of tiles above, ramp gathers the rows of
	// this one to blend with them, and tail those for the row below.
	upper, ramp, tail imagedata.Raster
}

// begin starts a row of tiles below the one that ended. width, channels and depth
// are the output's.
func (s *stitcher) begin(row tiling.Span, width, channels, depth int) {
	s.row, s.upper = row, s.tail
	s.ramp = imagedata.NewRaster(width, row.RampBefore*s.scale, channels, depth)
	s.tail = imagedata.NewRaster(width, row.RampAfter*s.scale, channels, depth)
}

// write takes the output's rows from y of this row of tiles on.
func (s *stitcher) write(y int, rows imagedata.Raster) error {
	for at := 0; at < rows.Height; {
		first, end := s.ramp.Height, s.row.Kept()*s.scale-s.tail.Height
		here, rest := y+at, rows.Height-at
		switch {
		case here < first:
			n := min(rest, first-here)
			copyRegion(s.ramp.Rows(here, here+n), rows.Rows(at, at+n), 0, 0)
			if at += n; here+n < first {
				continue
			}
			blendRows(s.upper, s.ramp)
			if err := s.emit(s.ramp); err != nil {
				return err
			}
		case here < end:
			n := min(rest, end-here)
			if err := s.emit(rows.Rows(at, at+n)); err != nil {
				return err
			}
			at += n
		default:
			copyRegion(s.tail.Rows(here-end, here-end+rest), rows.Rows(at, at+rest), 0, 0)
			at += rest
		}
	}
	return nil
}

// paste copies the part of a tile's output that a column keeps into full rows and
// blends it with the column on its left. The part begins at x0, y0 of the tile's
// output.
func paste(rows, out imagedata.Raster, column tiling.Span, scale, x0, y0 int) {
	channels := rows.Channels
	at, width, ramp := column.Keep0*scale*channels, column.Kept()*scale*channels, column.RampBefore*scale*channels
	stride, outStride := rows.Width*channels, out.Width*channels
	if rows.Pix16 != nil {
		tiling.Copy(rows.Pix16, stride, at, out.Pix16, outStride, x0*channels, y0, width, rows.Height, ramp, channels)
	} else {
		tiling.Copy(rows.Pix, stride, at, out.Pix, outStride, x0*channels, y0, width, rows.Height, ramp, channels)
	}
}

// blendRows blends rows that two neighbors share; the result is in lower.
func blendRows(upper, lower imagedata.Raster) {
	stride := lower.Width * lower.Channels
	if upper.Pix16 != nil {
		tiling.BlendRows(upper.Pix16, lower.Pix16, stride)
	} else {
		tiling.BlendRows(upper.Pix, lower.Pix, stride)
	}
}
