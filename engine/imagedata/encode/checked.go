package encode

import (
	"time"

	"upscaled/engine/imagedata"
	"upscaled/models/fault"
)

// checked enforces the contract of Encoder for all formats.
type checked struct {
	inner       Encoder
	header      Header
	frames, row int
	err         error // the first one, which all later calls return
}

// BeginFrame implements Encoder.
func (c *checked) BeginFrame(delay time.Duration) error {
	return c.do(c.row == c.header.Height && c.frames < c.header.Frames, func() error {
		c.frames, c.row = c.frames+1, 0
		return c.inner.BeginFrame(delay)
	})
}

// WriteBand implements Encoder.
func (c *checked) WriteBand(color imagedata.Raster, alpha *imagedata.Raster) error {
	return c.do(c.fits(color, alpha), func() error {
		c.row += color.Height
		return c.inner.WriteBand(color, alpha)
	})
}

// fits reports whether a band continues the header's image and is complete.
func (c *checked) fits(color imagedata.Raster, alpha *imagedata.Raster) bool {
	h := c.header
	part := func(r imagedata.Raster, channels int) bool {
		return r.Width == h.Width && r.Height == color.Height && r.Channels == channels && r.Depth() == h.Depth &&
			len(r.Pix)+len(r.Pix16) == r.Width*r.Height*channels
	}
	return c.frames > 0 && c.row+color.Height <= h.Height && part(color, h.Channels) &&
		(alpha != nil) == h.Alpha && (alpha == nil || part(*alpha, 1))
}

// Close implements Encoder.
func (c *checked) Close() error {
	return c.do(c.row == c.header.Height && c.frames == c.header.Frames, c.inner.Close)
}

func (c *checked) do(allowed bool, step func() error) error {
	switch {
	case c.err != nil:
	case allowed:
		//guard:encoder-errors TestFullDisk => func() error { _ = step(); return nil }()
		//guard:write-errors => func() error { _ = step(); return nil }()
		c.err = named(step())
	default:
		c.err = fault.New(fault.Internal, "The result's rows do not add up to the image (%d of %d rows in frame %d of %d).",
			c.row, c.header.Height, c.frames, c.header.Frames)
	}
	return c.err
}
