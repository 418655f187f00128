// Package encode writes images in bands from top to bottom. PNG, JPEG, BMP and
// TIFF hold at most a band (TIFF to a pipe: the compressed file); WebP and GIF
// hold one frame, WebP also the finished frames.
//
// Encoding shares the cores with inference, so its CPU time matters more than its
// wall time. All cores work on a band, in units whose size depends on neither
// bands nor cores: files are the same everywhere. Speed for 50 megapixels, in
// megapixels per second of one core's time (BenchmarkEncode):
//
//	JPEG  65 at quality 90 (4:4:4), 60 at 95, 100 at 80 (4:2:0)
//	PNG   75 to 80, with alpha 55, 16 bits 31 to 35
//	TIFF  95 to 110
//	BMP   700
//	WebP  11 to 13 lossy, 3 to 6 lossless, on one core
//	GIF   19, on one core
//
// WebP's arithmetic coder and libwebp's analysis are sequential within a frame.
// Above about 40 megapixels libwebp may have to repeat its analysis with fewer
// choices, because VP8 has 512 KiB for them: 3 at 50 megapixels of fine detail.
//
// Cost and size of PNG's choices on three photos upscaled four times (megapixels
// per second of one core, bytes per pixel):
//
//	as implemented: filter and deflate by sample   60  60  70   1.18  0.77  1.62
//	entropy coding only                            61  66  69   1.18  0.77  1.62
//	deflate level 1                                35  53  47   1.16  0.80  1.67
//	deflate level 3                                32  46  33   1.12  0.77  1.60
//	deflate level 6                                25  35  20   1.09  0.71  1.61
//	entropy coding, never Paeth                    71  92 100   1.43  0.92  1.80
//	entropy coding, only Paeth                     71  76  77   1.18  0.77  1.61
//	entropy coding, only Sub                       74 113 117   1.54  0.98  1.86
//
// JPEG files are as large as libjpeg-turbo's at equal quality, WebP files as
// cwebp's with the same method.
package encode

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/codec"
	"upscaled/engine/imagedata/metadata"
	"upscaled/models/fault"
)

// Header describes the image to write.
type Header struct {
	Width, Height int
	// Channels is 1 (gray) or 3; Depth is 8 or 16 bits per sample.
	Channels, Depth int
	// Bits is 10 if only that many of 16 are to be written, by formats that can.
	Bits  int
	Alpha bool
	// Frames is at least 1; Loop is the number of plays, 0 forever.
	Frames, Loop int
	// Meta is adapted to the size by New.
	Meta imagedata.Metadata
}

// Options are the user's choices.
type Options struct {
	Format imagedata.Format
	// Quality is 1..100 for lossy formats, 0 for the format's default.
	Quality  int
	Lossless bool
	// Pages, if not nil, makes the image the next page of a TIFF file.
	Pages *Pages
}

// Writable returns an error if the library that writes a format is not installed.
func Writable(f imagedata.Format) error {
	if slices.Contains(codec.Formats(), f) {
		return codec.Check(f)
	}
	return nil
}

// Encoder writes the frames of one file in bands. It keeps nothing of a band after
// WriteBand. It is not safe for concurrent use. After an error all later calls
// return that error. An encoder that is not closed leaves an incomplete file and
// nothing else behind. Errors of the writer are wrapped; violations of this
// contract are fault.Internal.
type Encoder interface {
	// BeginFrame starts the next frame, which animations show for delay.
	BeginFrame(delay time.Duration) error
	// WriteBand adds rows of color, and of alpha exactly if the header has it.
	WriteBand(color imagedata.Raster, alpha *imagedata.Raster) error
	// Close completes the file; too few rows or frames are an error.
	Close() error
}

// Capability describes the abilities of a format.
type Capability struct {
	Alpha, Depth16, Gray, Animation bool
	// Profile reports whether files hold a color profile.
	Profile bool
	// Lossless reports whether files are lossless only on request.
	Lossless bool
	// MaxSide is the longest side in pixels.
	MaxSide int
}

// Capabilities returns the abilities of a format, none for an unknown format.
// Anything else is converted: 16 bits are rounded to 8, alpha is composed on
// white, gray becomes color.
func Capabilities(f imagedata.Format) Capability {
	switch f {
	case imagedata.PNG:
		return Capability{Alpha: true, Depth16: true, Gray: true, Animation: true, Profile: true, MaxSide: 1<<31 - 1}
	case imagedata.JPEG:
		return Capability{Gray: true, Profile: true, MaxSide: 65535}
	case imagedata.WebP:
		return Capability{Alpha: true, Animation: true, Profile: true, Lossless: true, MaxSide: 16383}
	case imagedata.TIFF:
		return Capability{Alpha: true, Depth16: true, Gray: true, Profile: true, MaxSide: 1<<31 - 1}
	case imagedata.AVIF:
		return Capability{Alpha: true, Depth16: true, Gray: true, Profile: true, Lossless: true, MaxSide: 65535}
	case imagedata.JXL:
		return Capability{Alpha: true, Depth16: true, Gray: true, Profile: true, Lossless: true, MaxSide: 1<<30 - 1}
	case imagedata.BMP:
		return Capability{Alpha: true, Gray: true, MaxSide: 1<<31 - 1}
	case imagedata.GIF:
		return Capability{Alpha: true, Animation: true, MaxSide: 65535}
	}
	return Capability{}
}

// New starts a file. It fails before anything is written with fault.Unsupported
// or fault.TooLarge if the format cannot hold the image, with fault.Invalid for a
// quality out of range. Metadata that the format cannot hold is left out; see Lost.
func New(w io.Writer, h Header, o Options) (Encoder, error) {
	if err := Check(h, o); err != nil {
		return nil, err
	}
	h.Meta = metadata.Fit(h.Meta, h.Width, h.Height)
	h.Meta.XMP = metadata.SetFormat(h.Meta.XMP, o.Format.ContentType())
	grayKept := Capabilities(o.Format).Gray && (o.Format != imagedata.TIFF || !h.Alpha)
	if h.Channels == 1 && !grayKept && h.Meta.ICC != nil {
		h.Meta.ICC = colorProfile(h.Meta.ICC)
	}
	inner, err := start(w, h, o)
	if err != nil {
		return nil, named(err)
	}
	return &checked{inner: inner, header: h, row: h.Height}, nil
}

// Check reports whether New would accept an image, without writing anything.
func Check(h Header, o Options) error {
	can := Capabilities(o.Format)
	switch {
	case can.MaxSide == 0:
		return fault.New(fault.Unsupported, "Images cannot be written as %q; use %s.", o.Format, imagedata.Choices())
	case h.Width < 1 || h.Height < 1 || h.Channels != 1 && h.Channels != 3 || h.Depth != 8 && h.Depth != 16 || h.Frames < 1:
		return fault.New(fault.Internal, "The result's description is not an image's (%dx%d, %d channels, %d bits, %d frames).",
			h.Width, h.Height, h.Channels, h.Depth, h.Frames)
	case h.Width > can.MaxSide || h.Height > can.MaxSide:
		return fault.New(fault.TooLarge, "The result of %dx%d pixels is too large for %s, which is limited to %d per side; use png or tiff.",
			h.Width, h.Height, o.Format, can.MaxSide)
	case h.Frames > 1 && !can.Animation:
		return fault.New(fault.Unsupported, "%s files cannot hold an animation; use gif, png or webp.", o.Format)
	case o.Quality < 0 || o.Quality > 100:
		return fault.New(fault.Invalid, "The quality must be between 1 and 100, not %d.", o.Quality)
	}
	return nil
}

func start(w io.Writer, h Header, o Options) (Encoder, error) {
	switch o.Format {
	case imagedata.PNG:
		return newPNG(w, h)
	case imagedata.JPEG:
		return newJPEG(w, h, o.Quality)
	case imagedata.BMP:
		return newBMP(w, h)
	case imagedata.TIFF:
		return newTIFF(w, h, o.Pages)
	case imagedata.WebP:
		return newWebP(w, h, o)
	case imagedata.AVIF, imagedata.JXL:
		return newCodec(w, h, o)
	}
	return newGIF(w, h)
}

func named(err error) error {
	if _, known := errors.AsType[*fault.Error](err); known || err == nil {
		return err
	}
	return fmt.Errorf("write the image: %w", err)
}
