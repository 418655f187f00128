// Package imagedata holds the in-memory form of a picture and everything a file
// had besides its pixels. It is a leaf: picture/decode makes these values from
// bytes, picture/encode turns them into bytes, picture/metadata edits what
// travels beside the pixels.
package imagedata

import (
	"strings"
	"time"
)

// Format names a file format, in lower case, as in an image/* content type.
type Format string

// The formats that are read and written. APNG is PNG with more than one frame.
const (
	JPEG Format = "jpeg"
	PNG  Format = "png"
	GIF  Format = "gif"
	WebP Format = "webp"
	BMP  Format = "bmp"
	TIFF Format = "tiff"
)

// Formats lists every Format, in the order shown to users.
func Formats() []Format { return []Format{JPEG, PNG, WebP, GIF, BMP, TIFF} }

// ParseFormat reads a format name or file extension ("jpg", ".TIF", "png").
func ParseFormat(name string) (Format, bool) {
	switch strings.ToLower(strings.TrimPrefix(name, ".")) {
	case "jpg", "jpeg", "jpe", "jfif":
		return JPEG, true
	case "png", "apng":
		return PNG, true
	case "gif":
		return GIF, true
	case "webp":
		return WebP, true
	case "bmp", "dib":
		return BMP, true
	case "tif", "tiff":
		return TIFF, true
	}
	return "", false
}

// Extension is the usual file extension with its dot.
func (f Format) Extension() string {
	switch f {
	case JPEG:
		return ".jpg"
	case TIFF:
		return ".tif"
	}
	return "." + string(f)
}

// ContentType is the MIME type.
func (f Format) ContentType() string { return "image/" + string(f) }

// Raster is a rectangle of interleaved samples, row by row from the top with
// no gap between rows. Exactly one of Pix and Pix16 is set and holds
// Width*Height*Channels samples.
type Raster struct {
	Width, Height int
	// Channels is 1 (gray or alpha) or 3 (red, green, blue).
	Channels int
	// Pix holds 8-bit samples.
	Pix []uint8
	// Pix16 holds 16-bit samples in the machine's byte order.
	Pix16 []uint16
}

// NewRaster allocates a raster; depth is 8 or 16 bits a sample.
func NewRaster(width, height, channels, depth int) Raster {
	r := Raster{Width: width, Height: height, Channels: channels}
	if depth == 16 {
		r.Pix16 = make([]uint16, width*height*channels)
	} else {
		r.Pix = make([]uint8, width*height*channels)
	}
	return r
}

// Depth is 8 or 16, the bits of a sample.
func (r Raster) Depth() int {
	if r.Pix16 != nil {
		return 16
	}
	return 8
}

// Rows is the part of r from row y0 up to but not including y1; it shares
// r's samples.
func (r Raster) Rows(y0, y1 int) Raster {
	stride := r.Width * r.Channels
	part := Raster{Width: r.Width, Height: y1 - y0, Channels: r.Channels}
	if r.Pix16 != nil {
		part.Pix16 = r.Pix16[y0*stride : y1*stride]
	} else {
		part.Pix = r.Pix[y0*stride : y1*stride]
	}
	return part
}

// Frame is one picture of a file: upright, full canvas, straight (not
// premultiplied) alpha.
type Frame struct {
	// Color has 1 channel for gray files, else 3.
	Color Raster
	// Alpha has 1 channel and Color's size and depth; nil when opaque by format.
	Alpha *Raster
	// Delay is how long an animation shows this frame; 0 in still pictures.
	Delay time.Duration
}

// Metadata is what a file carries beside its pixels; nil where absent.
type Metadata struct {
	// ICC is a profile whose colour space fits the raster (RGB or gray).
	ICC []byte
	// EXIF is a TIFF structure without the "Exif\0\0" prefix.
	EXIF []byte
	// XMP is a UTF-8 packet.
	XMP []byte
}

// Info describes a file before and after decoding. Width and Height are those
// of the upright picture, so a photo with EXIF orientation 6 has them swapped
// against the stored pixels.
type Info struct {
	Format        Format
	Width, Height int
	// Channels is 1 for gray, 3 for colour.
	Channels int
	// Depth is 8 or 16 bits a sample in memory.
	Depth int
	// Alpha says that every frame comes with an alpha plane.
	Alpha bool
	// Frames is at least 1. Loop is how often an animation plays, 0 for ever.
	Frames, Loop int
	// Meta is empty from a header probe that could not reach it.
	Meta Metadata
}

// Limits bound what is decoded; they are checked against the header before
// any pixel is decoded. Zero means no limit.
type Limits struct {
	// Pixels bounds width x height x frames of a file's decoded form.
	Pixels int64
	// Side bounds width and height.
	Side int
	// Memory bounds the bytes that decoding takes, as the header tells.
	Memory int64
}

// DefaultLimits are those of the command line: 256 million pixels.
func DefaultLimits() Limits { return Limits{Pixels: 256_000_000} }
