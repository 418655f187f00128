// Package imagedata holds decoded images and everything a file has besides its
// pixels. It is a leaf: package decode makes these values from bytes, encode
// turns them into bytes, and metadata edits what is stored beside the pixels.
package imagedata

import (
	"slices"
	"strings"
	"time"
)

// Format is the name of a file format as in its image/* content type.
type Format string

// The supported formats. APNG is PNG with more than one frame; JP2 is JPEG 2000, of
// which HEIC and it are only read.
const (
	JPEG Format = "jpeg"
	PNG  Format = "png"
	GIF  Format = "gif"
	WebP Format = "webp"
	BMP  Format = "bmp"
	TIFF Format = "tiff"
	AVIF Format = "avif"
	HEIC Format = "heic"
	JXL  Format = "jxl"
	JP2  Format = "jp2"
)

// kind describes a format: its name for people and its files' extensions, the usual one
// first.
type kind struct {
	format     Format
	name       string
	extensions []string
	// instead is the format to write by default, unless empty: this one is only read.
	instead Format
}

// kinds is the list of formats that the command line, the page and all APIs accept, in
// the order shown to users.
func kinds() []kind {
	return []kind{
		{JPEG, "JPEG", []string{"jpg", "jpeg", "jpe", "jfif"}, ""},
		{PNG, "PNG", []string{"png", "apng"}, ""},
		{WebP, "WebP", []string{"webp"}, ""},
		{GIF, "GIF", []string{"gif"}, ""},
		{BMP, "BMP", []string{"bmp", "dib"}, ""},
		{TIFF, "TIFF", []string{"tif", "tiff"}, ""},
		{AVIF, "AVIF", []string{"avif", "avifs"}, ""},
		{JXL, "JPEG XL", []string{"jxl"}, ""},
		{HEIC, "HEIC", []string{"heic", "heif", "hif"}, JPEG},
		{JP2, "JPEG 2000", []string{"jp2", "j2k", "j2c", "jpc", "jpf", "jpx"}, PNG},
	}
}

// Formats lists every Format, in the order shown to users. All can be read.
func Formats() []Format {
	var all []Format
	for _, k := range kinds() {
		all = append(all, k.format)
	}
	return all
}

// Outputs lists the formats that can be written, in the order shown to users.
func Outputs() []Format {
	return slices.DeleteFunc(Formats(), func(f Format) bool { return f.Output() != f })
}

// Choices returns the formats that can be written as a text: "jpeg, png, ... or jxl".
func Choices() string { return list(Outputs(), "or", func(f Format) string { return string(f) }) }

// Names returns the names of all formats: "JPEG, PNG, ... and JPEG 2000".
func Names() string { return list(Formats(), "and", Format.Name) }

func list(formats []Format, word string, text func(Format) string) string {
	var all []string
	for _, f := range formats {
		all = append(all, text(f))
	}
	last := len(all) - 1
	return strings.Join(all[:last], ", ") + " " + word + " " + all[last]
}

// ParseFormat parses a format's name or file extension ("jpg", ".TIF", "png").
func ParseFormat(name string) (Format, bool) {
	name = strings.ToLower(strings.TrimPrefix(name, "."))
	for _, k := range kinds() {
		if slices.Contains(k.extensions, name) {
			return k.format, true
		}
	}
	return "", false
}

// of returns the format's description, an empty one of an unknown format.
func (f Format) of() kind {
	for _, k := range kinds() {
		if k.format == f {
			return k
		}
	}
	return kind{extensions: []string{string(f)}}
}

// Output returns the format that is written by default for an input of this one: the
// same if it can be written.
func (f Format) Output() Format {
	if instead := f.of().instead; instead != "" {
		return instead
	}
	return f
}

// Name returns the format's name for people.
func (f Format) Name() string { return f.of().name }

// Extension returns the usual file extension with its dot.
func (f Format) Extension() string { return "." + f.of().extensions[0] }

// ContentType returns the MIME type; a film's follows from its extension.
func (f Format) ContentType() string {
	switch f {
	case "mkv":
		return "video/x-matroska"
	case "mov":
		return "video/quicktime"
	case "mp4", "m4v", "webm":
		return "video/" + strings.Replace(string(f), "m4v", "mp4", 1)
	}
	return "image/" + string(f)
}

// Raster is a rectangle of interleaved samples in row-major order, without gaps
// between rows. Exactly one of Pix and Pix16 is set and holds
// Width*Height*Channels samples.
type Raster struct {
	Width, Height int
	// Channels is 1 (gray or alpha) or 3 (red, green, blue).
	Channels int
	// Pix holds 8-bit samples.
	Pix []uint8
	// Pix16 holds 16-bit samples in native byte order.
	Pix16 []uint16
}

// NewRaster allocates a raster; depth is 8 or 16 bits per sample.
func NewRaster(width, height, channels, depth int) Raster {
	r := Raster{Width: width, Height: height, Channels: channels}
	if depth == 16 {
		r.Pix16 = make([]uint16, width*height*channels)
	} else {
		r.Pix = make([]uint8, width*height*channels)
	}
	return r
}

// Depth returns the bits per sample: 8 or 16.
func (r Raster) Depth() int {
	if r.Pix16 != nil {
		return 16
	}
	return 8
}

// Rows returns rows [y0, y1) of r, sharing its samples.
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

// Frame is one image of a file: upright, full canvas, straight (not
// premultiplied) alpha.
type Frame struct {
	// Color has 1 channel for gray files, otherwise 3.
	Color Raster
	// Alpha has 1 channel and Color's size and depth; nil if the file is opaque.
	Alpha *Raster
	// Delay is how long an animation shows this frame; 0 in still images.
	Delay time.Duration
}

// Metadata is stored beside the pixels; absent parts are nil.
type Metadata struct {
	// ICC is a profile whose color space matches the raster (RGB or gray).
	ICC []byte
	// EXIF is a TIFF structure without the "Exif\0\0" prefix.
	EXIF []byte
	// XMP is a UTF-8 packet.
	XMP []byte
	// IPTC holds records of IPTC-IIM, such as a caption and a byline.
	IPTC []byte
	// Comment is the comment of a JPEG or GIF file, in an unknown character set.
	Comment []byte
	// Text holds PNG's text chunks other than XMP. Image generators keep their
	// settings there.
	Text []Chunk
	// HDR holds PNG's chunks cICP, mDCV and cLLI: how samples stand for light. Other
	// formats' code points (ITU-T H.273) are held as cICP.
	HDR []Chunk
	// Resolution in dots per inch; zero if the file has none.
	Resolution Resolution
}

// Coded reports whether HDR states how colors are coded, which overrides a profile.
func (m Metadata) Coded() bool {
	return slices.ContainsFunc(m.HDR, func(c Chunk) bool { return c.Kind == "cICP" })
}

// Coding returns the code points of primaries and transfer function that HDR states, or
// sRGB's.
func (m Metadata) Coding() (primaries, transfer int) {
	for _, c := range m.HDR {
		if c.Kind == "cICP" && len(c.Data) >= 2 {
			return int(c.Data[0]), int(c.Data[1])
		}
	}
	return 1, 13
}

// Chunk is a chunk of a PNG file.
type Chunk struct {
	Kind string
	Data []byte
}

// Resolution is the number of dots per inch at which an image is printed. It stays
// the same when an image is upscaled, so that its print becomes larger and not
// finer: people who upscale for print state the dots per inch that the print needs.
type Resolution struct{ X, Y float64 }

// Stated reports whether the resolution is meant. Writers that know none write 72 or 96.
func (r Resolution) Stated() bool { return r.X > 0 && r.Y > 0 && r.X != 72 && r.X != 96 }

// Info describes a file. Width and Height are the upright image's, so a photo
// with EXIF orientation 6 has them swapped relative to the stored pixels.
type Info struct {
	Format        Format
	Width, Height int
	// Channels is 1 for gray, 3 for color.
	Channels int
	// Depth is 8 or 16 bits per sample in memory.
	Depth int
	// Bits is 10 or 12 if the file has that many of Depth's 16, otherwise 0.
	Bits int
	// Alpha reports whether every frame has an alpha plane.
	Alpha bool
	// Frames is at least 1. Loop is how often an animation plays, 0 forever.
	Frames, Loop int
	// Meta is empty from a probe of a header that does not include it.
	Meta Metadata
}

// Limits bound the images that are decoded. They are checked against the header before any
// pixel is decoded. Zero means no limit.
type Limits struct {
	// Pixels bounds width x height x frames.
	Pixels int64
	// Side bounds width and height.
	Side int
	// Memory bounds the bytes that decoding takes, estimated from the header.
	Memory int64
}

// DefaultLimits returns the command line's limits: 256 million pixels.
func DefaultLimits() Limits { return Limits{Pixels: 256_000_000} }
