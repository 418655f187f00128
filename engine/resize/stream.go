// Package resize brings a raster to its final size with the Lanczos filter
// (three lobes), whole or in bands from top to bottom.
package resize

import (
	"upscaled/engine/picture"
)

// lobes is the support of the Lanczos filter in samples of the coarser side.
const lobes = 3

// Stream resizes a picture that arrives in bands. The result is that of Whole,
// whatever the bands. It is not safe for concurrent use.
type Stream struct {
	inWidth, inHeight, outWidth, outHeight int
	channels, depth                        int
	// window holds input rows, already resized across, from windowStart on.
	window      picture.Raster
	windowStart int
	received    int
	written     int
	// unitIn input rows become unitOut output rows exactly, so that windows
	// that start at a multiple of unitIn are resized as the whole is.
	unitIn, unitOut int
}

// New prepares resizing from an input to an output size, in pixels.
func New(inWidth, inHeight, outWidth, outHeight, channels, depth int) *Stream {
	common := gcd(inHeight, outHeight)
	return &Stream{
		inWidth: inWidth, inHeight: inHeight, outWidth: outWidth, outHeight: outHeight,
		channels: channels, depth: depth,
		unitIn: inHeight / common, unitOut: outHeight / common,
		window: picture.Raster{Width: outWidth, Channels: channels},
	}
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// margin is how many input rows an output row may need on either side,
// rounded up to units.
func (s *Stream) margin() int {
	reach := lobes + 1
	if s.inHeight > s.outHeight {
		reach = (lobes*s.inHeight+s.outHeight-1)/s.outHeight + 1
	}
	return (reach + s.unitIn - 1) / s.unitIn * s.unitIn
}

// Write takes the next rows and gives those output rows that are final: none,
// some, or with the last band all that remain. The result is the caller's.
func (s *Stream) Write(band picture.Raster) picture.Raster {
	s.append(across(band, s.outWidth))
	s.received += band.Height
	end := s.outHeight
	if s.received < s.inHeight {
		final := (s.received - s.margin()) / s.unitIn * s.unitOut
		if end = max(s.written, final); end == s.written {
			return picture.NewRaster(s.outWidth, 0, s.channels, s.depth)
		}
	}
	out := s.rows(s.written, end)
	s.written = end
	s.forget()
	return out
}

// rows makes output rows [from, to) out of the window.
func (s *Stream) rows(from, to int) picture.Raster {
	firstUnit := max(0, from/s.unitOut-s.margin()/s.unitIn)
	firstUnit = max(firstUnit, s.windowStart/s.unitIn)
	in0 := firstUnit * s.unitIn
	in1 := s.received
	if s.received < s.inHeight {
		in1 = s.received / s.unitIn * s.unitIn
	}
	part := s.window.Rows(in0-s.windowStart, in1-s.windowStart)
	out0 := in0 / s.unitIn * s.unitOut
	tall := down(part, (in1-in0)/s.unitIn*s.unitOut)
	return tall.Rows(from-out0, to-out0)
}

func (s *Stream) append(rows picture.Raster) {
	s.window.Height += rows.Height
	if s.depth == 16 {
		s.window.Pix16 = append(s.window.Pix16, rows.Pix16...)
	} else {
		s.window.Pix = append(s.window.Pix, rows.Pix...)
	}
}

// forget drops rows that no later output row needs.
func (s *Stream) forget() {
	keep := (s.written/s.unitOut)*s.unitIn - s.margin()
	if keep <= s.windowStart {
		return
	}
	rest := s.window.Rows(keep-s.windowStart, s.window.Height)
	s.window = picture.Raster{Width: s.outWidth, Channels: s.channels}
	s.windowStart = keep
	s.append(rest)
}

// Whole resizes a raster at once: first across, then down. A raster that has
// the size already is returned as it is.
func Whole(r picture.Raster, width, height int) picture.Raster {
	return down(across(r, width), height)
}

func across(r picture.Raster, width int) picture.Raster {
	if r.Width == width {
		return r
	}
	return lanczos(r, width, r.Height)
}

func down(r picture.Raster, height int) picture.Raster {
	if r.Height == height {
		return r
	}
	return lanczos(r, r.Width, height)
}

func lanczos(r picture.Raster, width, height int) picture.Raster {
	if r.Pix16 != nil {
		return lanczos16(r, width, height)
	}
	return lanczos8(r, width, height)
}
