package engine

import (
	"context"

	"upscaled/engine/imagedata"
	"upscaled/models/network"
	"upscaled/tiling"
)

const (
	// stripMemory bounds the results of strips that wait for the last one, in
	// bytes, all planes together.
	stripMemory = 512 << 20
	// minStripRows is where cutting a strip into shorter ones stops: what those
	// compute twice would be most of their work.
	minStripRows = 256
)

// strips is a Streamer for planes wider than another one's memory allows. It
// runs the fewest vertical strips one after the other and joins the rows of
// the last one with what it holds of those before. Where that would be too
// much to hold, strips end early and others go on below them.
//
// Neighbours overlap by the receptive radius, so that the result is that of
// one stream, where this costs at most a third more work; else they are
// blended.
type strips struct {
	inner   Streamer
	facts   network.Info
	columns []tiling.Span
	memory  int64
	// around runs one strip of a picture; what it adds is the caller's.
	around func(strip imagedata.Raster, run func() error) error
	// computed is told of input pixels whose result is there, from one
	// goroutine.
	computed func(pixels int64)
}

// newStrips cuts planes of a width; false where not even blended strips are
// narrow enough.
func newStrips(inner Streamer, facts network.Info, width int) (*strips, bool) {
	s := &strips{inner: inner, facts: facts}
	var fits bool
	s.columns, fits = s.cut(width, inner.Widest(), 0)
	return s, fits
}

// cut cuts an axis into the fewest spans that see and keep no more than the
// limits, 0 being none.
func (s *strips) cut(length, seen, kept int) ([]tiling.Span, bool) {
	m := tiling.Margins{Crop: s.facts.Radius, Multiple: evenStarts(s.facts)}
	if s.facts.Radius > 0 {
		spans, fits := tiling.Fewest(length, seen, kept, m)
		sum := 0
		for _, span := range spans {
			sum += span.Seen()
		}
		if fits && sum <= length+length/3 {
			return spans, true
		}
	}
	m.Crop, m.Ramp = blendedCrop, blendedRamp
	return tiling.Fewest(length, seen, kept, m)
}

// Widest implements Streamer.
func (s *strips) Widest() int { return s.columns[len(s.columns)-1].In1 }

// Share implements Streamer: strips run one after the other.
func (s *strips) Share(_, height int) float64 {
	most := 0.0
	for _, c := range s.columns {
		most = max(most, s.inner.Share(c.Seen(), height))
	}
	return most
}

// Stream implements Streamer.
func (s *strips) Stream(ctx context.Context, in imagedata.Raster, emit func(imagedata.Raster) error) error {
	held := 1 // bytes a row of input
	for _, c := range s.columns[:len(s.columns)-1] {
		held += c.Kept() * s.facts.Scale * s.facts.Scale * in.Channels * in.Depth() / 8
	}
	rows := []tiling.Span{{In1: in.Height, Keep1: in.Height, First: true, Last: true}}
	if most := max(minStripRows, int(s.memory)/held); in.Height > most {
		rows, _ = s.cut(in.Height, 0, most)
	}
	sheet := &sheet{strips: s, emit: emit}
	for _, row := range rows {
		sheet.begin(in, row)
		for i := range s.columns {
			if err := s.strip(ctx, in, sheet, i); err != nil {
				return err
			}
		}
	}
	return nil
}

// strip runs a column of a sheet.
func (s *strips) strip(ctx context.Context, in imagedata.Raster, to *sheet, column int) error {
	c, scale := s.columns[column], s.facts.Scale
	part := imagedata.NewRaster(c.Seen(), to.row.Seen(), in.Channels, in.Depth())
	copyRegion(part, in, c.In0, to.row.In0)
	at, skip, counted := 0, (to.row.Keep0-to.row.In0)*scale, 0
	return s.around(part, func() error {
		return s.inner.Stream(ctx, part, func(r imagedata.Raster) error {
			from := max(at, skip)
			end := min(at+r.Height, skip+to.row.Kept()*scale)
			if from < end {
				rows := r.Rows(from-at, end-at)
				if err := to.take(column, from-skip, rows); err != nil {
					return err
				}
				s.computed(int64(c.Kept()) * int64((end-skip)/scale-counted))
				counted = (end - skip) / scale
			}
			at += r.Height
			return nil
		})
	})
}

// sheet joins the strips of some rows of a picture.
type sheet struct {
	*strips
	emit func(imagedata.Raster) error
	row  tiling.Span
	// held are the kept parts of all strips but the last.
	held []imagedata.Raster
	// upper is what the sheet above left to be blended with this one's first
	// rows, which gather in ramp; tail is what this one leaves.
	upper, ramp, tail imagedata.Raster
	band              imagedata.Raster // used again
}

// begin makes room for another sheet, below the one that ended.
func (s *sheet) begin(in imagedata.Raster, row tiling.Span) {
	scale := s.facts.Scale
	s.row, s.held, s.upper = row, s.held[:0], s.tail
	for _, c := range s.columns[:len(s.columns)-1] {
		s.held = append(s.held, imagedata.NewRaster(c.Kept()*scale, row.Kept()*scale, in.Channels, in.Depth()))
	}
	s.ramp = imagedata.NewRaster(in.Width*scale, row.RampBefore*scale, in.Channels, in.Depth())
	s.tail = imagedata.NewRaster(in.Width*scale, row.RampAfter*scale, in.Channels, in.Depth())
}

// take takes rows of a column from y of the sheet's result on.
func (s *sheet) take(column, y int, rows imagedata.Raster) error {
	c, scale := s.columns[column], s.facts.Scale
	x0 := (c.Keep0 - c.In0) * scale
	if column < len(s.held) {
		copyRegion(s.held[column].Rows(y, y+rows.Height), rows, x0, 0)
		return nil
	}
	width := c.Keep1 * scale
	if s.band.Height < rows.Height || s.band.Width != width {
		s.band = imagedata.NewRaster(width, rows.Height, rows.Channels, rows.Depth())
	}
	band := s.band.Rows(0, rows.Height)
	for i, held := range s.held {
		s.paste(band, held.Rows(y, y+rows.Height), s.columns[i], 0)
	}
	s.paste(band, rows, c, x0)
	return s.leave(y, band)
}

// paste puts what a column keeps, from x0 of its rows on, into full rows.
func (s *sheet) paste(band, rows imagedata.Raster, c tiling.Span, x0 int) {
	scale, channels := s.facts.Scale, band.Channels
	at, width, ramp := c.Keep0*scale*channels, c.Kept()*scale*channels, c.RampBefore*scale*channels
	if band.Pix16 != nil {
		tiling.Copy(band.Pix16, band.Width*channels, at, rows.Pix16, rows.Width*channels, x0*channels, 0, width, rows.Height, ramp, channels)
	} else {
		tiling.Copy(band.Pix, band.Width*channels, at, rows.Pix, rows.Width*channels, x0*channels, 0, width, rows.Height, ramp, channels)
	}
}

// leave hands out full rows, those that are shared with the sheets above and
// below when they are blended.
func (s *sheet) leave(y int, band imagedata.Raster) error {
	for at := 0; at < band.Height; {
		first, end := s.ramp.Height, s.row.Kept()*s.facts.Scale-s.tail.Height
		here, rest := y+at, band.Height-at
		switch {
		case here < first:
			n := min(rest, first-here)
			copyRegion(s.ramp.Rows(here, here+n), band.Rows(at, at+n), 0, 0)
			if at += n; here+n == first {
				blendRows(s.upper, s.ramp)
				if err := s.emit(s.ramp); err != nil {
					return err
				}
			}
		case here < end:
			n := min(rest, end-here)
			if err := s.emit(band.Rows(at, at+n)); err != nil {
				return err
			}
			at += n
		default:
			copyRegion(s.tail.Rows(here-end, here-end+rest), band.Rows(at, at+rest), 0, 0)
			at += rest
		}
	}
	return nil
}

// blendRows blends the rows that two neighbours share; the result is in lower.
func blendRows(upper, lower imagedata.Raster) {
	stride := lower.Width * lower.Channels
	if upper.Pix16 != nil {
		tiling.BlendRows(upper.Pix16, lower.Pix16[:len(upper.Pix16)], stride)
	} else {
		tiling.BlendRows(upper.Pix, lower.Pix[:len(upper.Pix)], stride)
	}
}
