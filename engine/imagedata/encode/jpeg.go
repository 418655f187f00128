package encode

import (
	"cmp"
	"io"
	"time"

	"upscaled/engine/imagedata"
)

// jpegEncoder writes baseline JPEG (ITU-T T.81) by rows of minimum coded units
// (MCUs). Each MCU row is a restart interval, so rows are coded on all cores and
// concatenated unchanged. It holds less than one MCU row, and the coded rows of
// the band being written.
type jpegEncoder struct {
	w      io.Writer
	header Header
	// sampling is 2 if chroma has half the resolution in both directions, else 1.
	sampling int
	tables   jpegTables
	rows     units // of one MCU row
	mcuRow   int
}

const (
	defaultJPEGQuality = 92
	// fullChromaQuality is the lowest quality with full chroma resolution.
	fullChromaQuality = 90
)

func newJPEG(w io.Writer, h Header, quality int) (*jpegEncoder, error) {
	quality = cmp.Or(quality, defaultJPEGQuality)
	e := &jpegEncoder{w: w, header: h, sampling: 1}
	if h.Channels == 3 && quality < fullChromaQuality {
		e.sampling = 2
	}
	e.tables = newJPEGTables(quality)
	e.rows = newUnits(layout{channels: h.Channels, depth: 8}, h.Width, e.side())
	_, err := w.Write(e.head())
	return e, err
}

// side returns the side of an MCU in pixels.
func (e *jpegEncoder) side() int { return 8 * e.sampling }

// BeginFrame implements Encoder.
func (e *jpegEncoder) BeginFrame(time.Duration) error { return nil }

// WriteBand implements Encoder.
func (e *jpegEncoder) WriteBand(color imagedata.Raster, alpha *imagedata.Raster) error {
	var coded [][]byte
	e.rows.add(color, alpha,
		func(count int) { coded = make([][]byte, count) },
		func(i int, part unit) { coded[i] = e.code(part.rows) })
	return e.write(coded)
}

// write joins MCU rows with restart markers, which count modulo 8.
func (e *jpegEncoder) write(coded [][]byte) error {
	for _, part := range coded {
		if e.mcuRow > 0 {
			if _, err := e.w.Write([]byte{0xff, 0xd0 + byte((e.mcuRow-1)&7)}); err != nil {
				return err
			}
		}
		e.mcuRow++
		if _, err := e.w.Write(part); err != nil {
			return err
		}
	}
	return nil
}

// Close implements Encoder. The last MCU row repeats the last pixel row.
func (e *jpegEncoder) Close() error {
	if last := e.rows.filled(); last != nil {
		if err := e.write([][]byte{e.code(last)}); err != nil {
			return err
		}
	}
	_, err := e.w.Write([]byte{0xff, 0xd9})
	return err
}
