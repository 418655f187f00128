package encode

import (
	"io"
	"strings"
	"time"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/codec"
	"upscaled/models/fault"
)

// codecEncoder writes AVIF and JPEG XL in a process of package codec, which takes
// complete images: the samples are held here and there.
type codecEncoder struct {
	w      io.Writer
	header Header
	o      Options
	pixels []byte
}

// Qualities by default, and the largest images in pixels: an encoder takes some 60 bytes
// for each.
const (
	defaultAVIFQuality, defaultJXLQuality = 80, 90
	codecPixels                           = 150_000_000
)

func newCodec(w io.Writer, h Header, o Options) (*codecEncoder, error) {
	if h.Width*h.Height > codecPixels {
		return nil, fault.New(fault.TooLarge, "The result of %dx%d pixels is too large for the %s encoder, which is limited to %d million; use png, jpeg or tiff.",
			h.Width, h.Height, o.Format.Name(), codecPixels/1_000_000)
	}
	if err := codec.Check(o.Format); err != nil { // before any work
		return nil, err
	}
	if o.Quality == 0 {
		o.Quality = defaultJXLQuality
		if o.Format == imagedata.AVIF {
			o.Quality = defaultAVIFQuality
		}
	}
	return &codecEncoder{w: w, header: h, o: o}, nil
}

// BeginFrame implements Encoder. There is one frame.
func (e *codecEncoder) BeginFrame(time.Duration) error {
	e.pixels = make([]byte, 0, e.layout().pixel()*e.header.Width*e.header.Height)
	return nil
}

func (e *codecEncoder) layout() layout {
	return layout{channels: e.header.Channels, depth: e.header.Depth, alpha: e.header.Alpha}
}

// WriteBand implements Encoder.
func (e *codecEncoder) WriteBand(color imagedata.Raster, alpha *imagedata.Raster) error {
	band := source{e.layout(), color, alpha}
	from := len(e.pixels)
	e.pixels = e.pixels[:from+band.stride()*color.Height]
	band.all(e.pixels[from:], band.stride())
	return nil
}

// Close implements Encoder.
func (e *codecEncoder) Close() error {
	h := e.header
	img := codec.Image{Width: h.Width, Height: h.Height, Channels: h.Channels, Depth: h.Depth, Bits: h.Bits, Alpha: h.Alpha}
	o := codec.Options{Quality: e.o.Quality, Lossless: e.o.Lossless, ICC: h.Meta.ICC, EXIF: h.Meta.EXIF, XMP: h.Meta.XMP}
	o.Primaries, o.Transfer = h.Meta.Coding()
	for _, chunk := range h.Meta.HDR {
		const mastering, content = 24, 8
		if o.Light == nil {
			o.Light = make([]byte, mastering+content)
		}
		switch {
		case strings.EqualFold(chunk.Kind, "mDCV") && len(chunk.Data) == mastering:
			copy(o.Light, chunk.Data)
		case strings.EqualFold(chunk.Kind, "cLLI") && len(chunk.Data) == content:
			copy(o.Light[mastering:], chunk.Data)
		}
	}
	return codec.Encode(e.w, e.o.Format, img, e.pixels, o)
}
