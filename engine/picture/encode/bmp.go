package encode

import (
	"encoding/binary"
	"io"
	"time"

	"upscaled/engine/fault"
	"upscaled/engine/picture"
)

// bmpEncoder writes uncompressed BMP: 8-bit gray palette, 24-bit colour, or
// 32-bit with alpha under a version 4 header, the oldest that defines it. Rows
// go from the top down (negative height), since bands arrive so; every reader
// since Windows 3 takes that.
type bmpEncoder struct {
	w      io.Writer
	layout layout
	stride int // padded to 4 bytes
}

func newBMP(w io.Writer, h Header) (*bmpEncoder, error) {
	e := &bmpEncoder{w: w, layout: layout{channels: h.Channels, depth: 8, bgr: true}}
	if h.Alpha {
		e.layout.channels, e.layout.alpha = 3, true
	}
	if e.layout.channels == 1 {
		e.layout.bgr = false
	}
	e.stride = (h.Width*e.layout.pixel() + 3) / 4 * 4
	headers, palette := 54, 0
	if h.Alpha {
		headers = 14 + 108
	}
	if e.layout.channels == 1 {
		palette = 1024
	}
	size := int64(headers+palette) + int64(e.stride)*int64(h.Height)
	if size >= 1<<32 {
		return nil, fault.New(fault.TooLarge, "The result of %dx%d pixels is too large for bmp, which ends at 4 GiB; use png.", h.Width, h.Height)
	}
	out := make([]byte, headers+palette)
	little := binary.LittleEndian
	copy(out, "BM")
	little.PutUint32(out[2:], uint32(size))
	little.PutUint32(out[10:], uint32(headers+palette))
	little.PutUint32(out[14:], uint32(headers-14))
	little.PutUint32(out[18:], uint32(h.Width))
	little.PutUint32(out[22:], uint32(-int32(h.Height)))
	little.PutUint16(out[26:], 1)
	little.PutUint16(out[28:], uint16(8*e.layout.pixel()))
	little.PutUint32(out[34:], uint32(int64(e.stride)*int64(h.Height)))
	if h.Alpha {
		little.PutUint32(out[30:], 3) // BI_BITFIELDS
		little.PutUint32(out[54:], 0x00ff0000)
		little.PutUint32(out[58:], 0x0000ff00)
		little.PutUint32(out[62:], 0x000000ff)
		little.PutUint32(out[66:], 0xff000000)
		copy(out[70:], "BGRs") // sRGB
	}
	for i := range palette / 4 {
		copy(out[headers+4*i:], []byte{byte(i), byte(i), byte(i)})
	}
	_, err := w.Write(out)
	return e, err
}

// BeginFrame implements Encoder.
func (e *bmpEncoder) BeginFrame(time.Duration) error { return nil }

// WriteBand implements Encoder.
func (e *bmpEncoder) WriteBand(color picture.Raster, alpha *picture.Raster) error {
	out := make([]byte, e.stride*color.Height)
	rowsInto(out, e.stride, e.layout, color, alpha)
	_, err := e.w.Write(out)
	return err
}

// Close implements Encoder.
func (e *bmpEncoder) Close() error { return nil }

// rowsInto lays out all rows of a band, stride bytes apart.
func rowsInto(out []byte, stride int, l layout, color picture.Raster, alpha *picture.Raster) {
	inParallel(color.Height, func(y int) {
		row := out[y*stride:][:color.Width*l.pixel()]
		if alpha != nil {
			l.row(row, color, *alpha, true, y)
		} else {
			l.row(row, color, picture.Raster{}, false, y)
		}
	})
}
