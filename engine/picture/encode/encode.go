// Package encode writes pictures in bands from top to bottom. PNG, JPEG, BMP
// and TIFF never hold more than a band; WebP and GIF need whole frames.
package encode

import (
	"errors"
	"fmt"
	"io"
	"time"

	"upscaled/engine/fault"
	"upscaled/engine/picture"
	"upscaled/engine/picture/metadata"
)

// Header describes the picture to write.
type Header struct {
	Width, Height int
	// Channels is 1 (gray) or 3; Depth 8 or 16 bits a sample.
	Channels, Depth int
	Alpha           bool
	// Frames is at least 1; Loop is the number of plays, 0 for ever.
	Frames, Loop int
	// Meta is fitted to the size here.
	Meta picture.Metadata
}

// Options are the user's choices.
type Options struct {
	Format picture.Format
	// Quality is 1..100 for lossy formats, 0 for the format's default.
	Quality  int
	Lossless bool
}

// Encoder takes the frames of one picture in bands. It keeps nothing of a band
// after WriteBand. It is not safe for concurrent use. An encoder that is not
// closed leaves an incomplete file and nothing else behind.
type Encoder interface {
	// BeginFrame starts the next frame, shown for delay in animations.
	BeginFrame(delay time.Duration) error
	// WriteBand adds rows: colour, and alpha exactly when the header has it.
	WriteBand(color picture.Raster, alpha *picture.Raster) error
	// Close completes the file; too few rows or frames are an error.
	Close() error
}

// Capability is what a format can hold.
type Capability struct {
	Alpha, Depth16, Gray, Animation bool
	// MaxSide is the longest side in pixels.
	MaxSide int
}

// Capabilities tells what a format can hold. What it cannot is converted: 16
// bits are rounded to 8, alpha is laid on white, gray becomes colour.
func Capabilities(f picture.Format) Capability {
	switch f {
	case picture.PNG:
		return Capability{Alpha: true, Depth16: true, Gray: true, Animation: true, MaxSide: 1<<31 - 1}
	case picture.JPEG:
		return Capability{Gray: true, MaxSide: 65535}
	case picture.WebP:
		return Capability{Alpha: true, Animation: true, MaxSide: 16383}
	case picture.TIFF:
		return Capability{Alpha: true, Depth16: true, Gray: true, MaxSide: 1<<31 - 1}
	case picture.BMP:
		return Capability{Alpha: true, Gray: true, MaxSide: 1<<31 - 1}
	case picture.GIF:
		return Capability{Alpha: true, Animation: true, MaxSide: 65535}
	}
	return Capability{}
}

// New starts a file. It fails with fault.Unsupported or fault.TooLarge, before
// anything is written, when the format cannot hold the picture.
func New(w io.Writer, h Header, o Options) (Encoder, error) {
	can := Capabilities(o.Format)
	switch {
	case can.MaxSide == 0:
		return nil, fault.New(fault.Unsupported, "Pictures cannot be written as %q; use jpeg, png, webp, gif, bmp or tiff.", o.Format)
	case h.Width > can.MaxSide || h.Height > can.MaxSide:
		return nil, fault.New(fault.TooLarge, "The result of %dx%d pixels is too large for %s, which ends at %d a side; use png or tiff.",
			h.Width, h.Height, o.Format, can.MaxSide)
	case h.Frames > 1 && !can.Animation:
		return nil, fault.New(fault.Unsupported, "%s files hold no animation; use gif, png or webp.", o.Format)
	case o.Quality < 0 || o.Quality > 100:
		return nil, fault.New(fault.Invalid, "The quality must be between 1 and 100, not %d.", o.Quality)
	}
	h.Meta = metadata.Fit(h.Meta, h.Width, h.Height)
	inner, err := start(w, h, o)
	if err != nil {
		return nil, err
	}
	return &checked{Encoder: inner, header: h, row: h.Height}, nil
}

func start(w io.Writer, h Header, o Options) (Encoder, error) {
	switch o.Format {
	case picture.PNG:
		return newPNG(w, h)
	case picture.JPEG:
		return newJPEG(w, h, o.Quality)
	case picture.BMP:
		return newBMP(w, h)
	case picture.TIFF:
		return newTIFF(w, h)
	case picture.WebP:
		return newWebP(w, h, o)
	}
	return newGIF(w, h), nil
}

// checked holds callers to the contract, for all formats alike.
type checked struct {
	Encoder
	header      Header
	frames, row int
}

var errRows = errors.New("a frame's bands do not add up to its height")

func (c *checked) BeginFrame(delay time.Duration) error {
	if c.row != c.header.Height || c.frames >= c.header.Frames {
		return errRows
	}
	c.frames, c.row = c.frames+1, 0
	return c.named(c.Encoder.BeginFrame(delay))
}

func (c *checked) WriteBand(color picture.Raster, alpha *picture.Raster) error {
	if c.frames == 0 || color.Width != c.header.Width || color.Channels != c.header.Channels ||
		color.Depth() != c.header.Depth || c.row+color.Height > c.header.Height || (alpha != nil) != c.header.Alpha ||
		alpha != nil && (alpha.Width != color.Width || alpha.Height != color.Height || alpha.Depth() != color.Depth()) {
		return errors.New("a band does not fit its header")
	}
	c.row += color.Height
	return c.named(c.Encoder.WriteBand(color, alpha))
}

func (c *checked) Close() error {
	if c.row != c.header.Height || c.frames != c.header.Frames {
		return errRows
	}
	return c.named(c.Encoder.Close())
}

func (c *checked) named(err error) error {
	if err == nil {
		return nil
	}
	var known *fault.Error
	if errors.As(err, &known) {
		return err
	}
	return fmt.Errorf("write the picture: %w", err)
}
