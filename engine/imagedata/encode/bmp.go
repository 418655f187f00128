package encode

import (
	"encoding/binary"
	"io"
	"time"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/metadata"
	"upscaled/models/fault"
)

// bmpEncoder writes uncompressed BMP: 8-bit gray palette, 24-bit color, or 32-bit
// with alpha under a version 4 header, the oldest with alpha. Rows are stored top
// down (negative height), in the order of the bands; every reader since Windows 3
// supports that. It holds the bytes of the band being written.
type bmpEncoder struct {
	w      io.Writer
	layout layout
	stride int // padded to 4 bytes
}

// Sizes of a BMP file's parts in bytes.
const (
	bmpFileHeader = 14
	bmpInfoHeader = 40
	bmpV4Header   = 108
	bmpPalette    = 4 * 256
)

func newBMP(w io.Writer, h Header) (*bmpEncoder, error) {
	e := &bmpEncoder{w: w, layout: layout{channels: h.Channels, depth: 8}}
	if h.Alpha {
		e.layout.channels, e.layout.alpha = 3, true
	}
	e.layout.reversed = e.layout.channels == 3
	e.stride = (h.Width*e.layout.pixel() + 3) / 4 * 4
	out := e.head(h)
	if int64(len(out))+int64(e.stride)*int64(h.Height) >= 1<<32 {
		return nil, fault.New(fault.TooLarge, "The result of %dx%d pixels is too large for bmp, which is limited to 4 GiB; use png.", h.Width, h.Height)
	}
	_, err := w.Write(out)
	return e, err
}

// head returns everything before the pixels.
func (e *bmpEncoder) head(h Header) []byte {
	const bitFields = 3
	x, y := uint32(2835), uint32(2835) // 72 dots per inch, in dots per meter
	if r := h.Meta.Resolution; r.X > 0 && r.Y > 0 {
		x, y = metadata.PerMeter(r)
	}
	info, palette := bmpInfoHeader, 0
	if h.Alpha {
		info = bmpV4Header
	}
	if e.layout.channels == 1 {
		palette = bmpPalette
	}
	pixels := bmpFileHeader + info + palette
	out := make([]byte, pixels)
	little := binary.LittleEndian
	copy(out, "BM")
	little.PutUint32(out[2:], uint32(pixels+e.stride*h.Height))
	little.PutUint32(out[10:], uint32(pixels))
	little.PutUint32(out[14:], uint32(info))
	little.PutUint32(out[18:], uint32(h.Width))
	little.PutUint32(out[22:], uint32(-h.Height))
	little.PutUint16(out[26:], 1) // planes
	little.PutUint16(out[28:], uint16(8*e.layout.pixel()))
	little.PutUint32(out[34:], uint32(e.stride*h.Height))
	little.PutUint32(out[38:], x)
	little.PutUint32(out[42:], y)
	if h.Alpha {
		little.PutUint32(out[30:], bitFields)
		for i, mask := range []uint32{0x00ff0000, 0x0000ff00, 0x000000ff, 0xff000000} {
			little.PutUint32(out[54+4*i:], mask)
		}
		copy(out[70:], "BGRs") // LCS_sRGB, backwards
	}
	for i := range palette / 4 {
		copy(out[pixels-palette+4*i:], []byte{byte(i), byte(i), byte(i)})
	}
	return out
}

// BeginFrame implements Encoder.
func (e *bmpEncoder) BeginFrame(time.Duration) error { return nil }

// WriteBand implements Encoder.
func (e *bmpEncoder) WriteBand(color imagedata.Raster, alpha *imagedata.Raster) error {
	out := make([]byte, e.stride*color.Height)
	source{e.layout, color, alpha}.all(out, e.stride)
	_, err := e.w.Write(out)
	return err
}

// Close implements Encoder.
func (e *bmpEncoder) Close() error { return nil }
