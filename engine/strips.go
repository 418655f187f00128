package engine

import (
	"context"

	"upscaled/engine/imagedata"
	"upscaled/models/network"
	"upscaled/tiling"
)

const (
	// stripMemory bounds the output of strips that waits for the last strip, in
	// bytes, all planes together.
	stripMemory = 512 << 20
	// minStripRows is the shortest strip: in shorter ones most work would be done
	// twice.
	minStripRows = 256
	// stripAlignment is a multiple of every Streamer's Device.Alignment.
	stripAlignment = 4
)

// strips is a Streamer for planes that are too wide for another one's memory. It
// runs the fewest vertical strips, one after the other, and joins the rows of the
// last strip with the output of the others, which it holds. If that is too much,
// strips end early and others continue below them.
//
// Strips overlap by the receptive radius, so that the result equals one stream's,
// unless this costs more than a third more work; else they are blended.
type strips struct {
	inner   Streamer
	info    network.Info // the model's
	columns []tiling.Span
	memory  int64
	// around runs one strip of the image.
	around func(strip imagedata.Raster, run func() error) error
	// computed counts input pixels whose output is complete. It is called from one
	// goroutine.
	computed func(pixels int64)
}

// newStrips cuts planes of a width. It reports false if not even blended strips are
// narrow enough.
func newStrips(inner Streamer, info network.Info, width int) (*strips, bool) {
	s := &strips{inner: inner, info: info}
	var fits bool
	s.columns, fits = s.cut(width, inner.Widest(), 0)
	return s, fits
}

// cut cuts an axis into the fewest spans that see and keep no more than the limits;
// 0 is no limit.
func (s *strips) cut(length, seen, kept int) ([]tiling.Span, bool) {
	if s.info.Radius > 0 {
		spans, fits := tiling.Fewest(length, seen, kept, exactMargins(s.info, stripAlignment))
		sum := 0
		for _, span := range spans {
			sum += span.Seen()
		}
		if fits && sum <= length+length/3 {
			return spans, true
		}
	}
	return tiling.Fewest(length, seen, kept, blendedMargins(s.info, stripAlignment))
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
	held := 1 // bytes per row of input
	for _, c := range s.columns[:len(s.columns)-1] {
		held += c.Kept() * s.info.Scale * s.info.Scale * in.Channels * in.Depth() / 8
	}
	rows := []tiling.Span{{In1: in.Height, Keep1: in.Height, First: true, Last: true}}
	if most := max(minStripRows, int(s.memory)/held); in.Height > most {
		rows, _ = s.cut(in.Height, 0, most)
	}
	sheet := &sheet{strips: s, stitcher: stitcher{scale: s.info.Scale, emit: emit}}
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

// strip runs one strip of a sheet.
func (s *strips) strip(ctx context.Context, in imagedata.Raster, to *sheet, column int) error {
	c, scale := s.columns[column], s.info.Scale
	part := imagedata.NewRaster(c.Seen(), to.row.Seen(), in.Channels, in.Depth())
	copyRegion(part, in, c.In0, to.row.In0)
	at, skip, counted := 0, (to.row.Keep0-to.row.In0)*scale, 0
	return s.around(part, func() error {
		return s.inner.Stream(ctx, part, func(r imagedata.Raster) error {
			from := max(at, skip)
			end := min(at+r.Height, skip+to.row.Kept()*scale)
			if from < end {
				if err := to.add(column, from-skip, r.Rows(from-at, end-at)); err != nil {
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

// sheet joins the strips of some rows of the image.
type sheet struct {
	*strips
	stitcher
	// held is the kept output of all strips but the last.
	held []imagedata.Raster
	full imagedata.Raster // full rows, used again
}

// begin starts a sheet below the one that ended.
func (s *sheet) begin(in imagedata.Raster, row tiling.Span) {
	scale := s.info.Scale
	s.stitcher.begin(row, in.Width*scale, in.Channels, in.Depth())
	s.held = s.held[:0]
	for _, c := range s.columns[:len(s.columns)-1] {
		s.held = append(s.held, imagedata.NewRaster(c.Kept()*scale, row.Kept()*scale, in.Channels, in.Depth()))
	}
}

// add takes rows of a strip, from y of the sheet's output on.
func (s *sheet) add(column, y int, rows imagedata.Raster) error {
	c, scale := s.columns[column], s.info.Scale
	x0 := (c.Keep0 - c.In0) * scale
	if column < len(s.held) {
		copyRegion(s.held[column].Rows(y, y+rows.Height), rows, x0, 0)
		return nil
	}
	width := c.Keep1 * scale
	if s.full.Height < rows.Height || s.full.Width != width {
		s.full = imagedata.NewRaster(width, rows.Height, rows.Channels, rows.Depth())
	}
	full := s.full.Rows(0, rows.Height)
	for i, held := range s.held {
		paste(full, held.Rows(y, y+rows.Height), s.columns[i], scale, 0, 0)
	}
	paste(full, rows, c, scale, x0, 0)
	return s.write(y, full)
}
