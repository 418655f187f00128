package encode

import (
	"encoding/binary"
	"io"
	"time"

	"upscaled/engine/picture"
)

// jpegEncoder writes baseline JPEG (ITU-T T.81) by rows of MCUs. Each row is a
// restart interval of its own, so that rows are coded on all cores at once and
// joined as they are.
type jpegEncoder struct {
	w      io.Writer
	header Header
	layout layout
	// sampling is 2 where chroma has half the resolution both ways, else 1.
	sampling int
	tables   jpegTables
	// rest are rows that wait for the rest of their MCU row.
	rest     []byte
	restRows int
	mcuRow   int
}

const (
	defaultJPEGQuality = 92
	// fullChromaQuality is from where on chroma keeps its resolution.
	fullChromaQuality = 90
)

func newJPEG(w io.Writer, h Header, quality int) (*jpegEncoder, error) {
	if quality == 0 {
		quality = defaultJPEGQuality
	}
	e := &jpegEncoder{w: w, header: h, layout: layout{channels: h.Channels, depth: 8}, sampling: 1}
	if h.Channels == 3 && quality < fullChromaQuality {
		e.sampling = 2
	}
	e.tables = newJPEGTables(quality)
	return e, e.head()
}

// mcu is the side of a minimum coded unit in pixels.
func (e *jpegEncoder) mcu() int { return 8 * e.sampling }

func (e *jpegEncoder) head() error {
	out := []byte{0xff, 0xd8}
	out = segment(out, 0xe0, []byte("JFIF\x00\x01\x02\x00\x00\x01\x00\x01\x00\x00"))
	out = e.metadata(out)
	for i, q := range e.tables.quantizer[:e.header.Channels/2+1] {
		table := []byte{byte(i)}
		for _, at := range zigzag {
			table = append(table, byte(q[at]))
		}
		out = segment(out, 0xdb, table)
	}
	frame := []byte{8}
	frame = binary.BigEndian.AppendUint16(frame, uint16(e.header.Height))
	frame = binary.BigEndian.AppendUint16(frame, uint16(e.header.Width))
	frame = append(frame, byte(e.header.Channels))
	scan := []byte{byte(e.header.Channels)}
	for c := range e.header.Channels {
		factors, table := byte(0x11), byte(min(c, 1))
		if c == 0 {
			factors = byte(e.sampling<<4 | e.sampling)
		}
		frame = append(frame, byte(c+1), factors, table)
		scan = append(scan, byte(c+1), table<<4|table)
	}
	out = segment(out, 0xc0, frame)
	for i := range 2 * (e.header.Channels/2 + 1) {
		spec := huffmanSpecs[i]
		table := append([]byte{byte(i&1<<4 | i>>1)}, spec.counts[:]...)
		out = segment(out, 0xc4, append(table, spec.values...))
	}
	interval := (e.header.Width + e.mcu() - 1) / e.mcu()
	out = segment(out, 0xdd, binary.BigEndian.AppendUint16(nil, uint16(interval)))
	out = segment(out, 0xda, append(scan, 0, 63, 0))
	_, err := e.w.Write(out)
	return err
}

// metadata adds EXIF, ICC and XMP as APP segments; blocks that do not fit the
// format's 64 KiB are left out, except the profile, which may be split.
func (e *jpegEncoder) metadata(out []byte) []byte {
	const most = 65533
	m := e.header.Meta
	if exif := append([]byte("Exif\x00\x00"), m.EXIF...); m.EXIF != nil && len(exif) <= most {
		out = segment(out, 0xe1, exif)
	}
	if xmp := append([]byte("http://ns.adobe.com/xap/1.0/\x00"), m.XMP...); m.XMP != nil && len(xmp) <= most {
		out = segment(out, 0xe1, xmp)
	}
	const part = most - 14
	count := (len(m.ICC) + part - 1) / part
	for i := 0; i < count && count <= 255; i++ {
		data := append([]byte("ICC_PROFILE\x00"), byte(i+1), byte(count))
		out = segment(out, 0xe2, append(data, m.ICC[i*part:min((i+1)*part, len(m.ICC))]...))
	}
	return out
}

func segment(out []byte, marker byte, data []byte) []byte {
	out = append(out, 0xff, marker)
	out = binary.BigEndian.AppendUint16(out, uint16(len(data)+2))
	return append(out, data...)
}

// BeginFrame implements Encoder.
func (e *jpegEncoder) BeginFrame(time.Duration) error { return nil }

// WriteBand implements Encoder.
func (e *jpegEncoder) WriteBand(color picture.Raster, alpha *picture.Raster) error {
	stride := e.header.Width * e.header.Channels
	rows := e.restRows + color.Height
	pixels := make([]byte, rows*stride)
	copy(pixels, e.rest)
	inParallel(color.Height, func(y int) {
		out := pixels[(e.restRows+y)*stride:][:stride]
		if alpha != nil {
			e.layout.row(out, color, *alpha, true, y)
		} else {
			e.layout.row(out, color, picture.Raster{}, false, y)
		}
	})
	whole := rows / e.mcu()
	if err := e.code(pixels[:whole*e.mcu()*stride], whole); err != nil {
		return err
	}
	e.rest, e.restRows = append([]byte(nil), pixels[whole*e.mcu()*stride:]...), rows-whole*e.mcu()
	return nil
}

// code writes whole MCU rows.
func (e *jpegEncoder) code(pixels []byte, count int) error {
	coded := make([][]byte, count)
	size := e.mcu() * e.header.Width * e.header.Channels
	inParallel(count, func(i int) { coded[i] = e.mcuRowBytes(pixels[i*size : (i+1)*size]) })
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

// Close implements Encoder.
func (e *jpegEncoder) Close() error {
	if e.restRows > 0 { // the last MCU row repeats the last pixel row
		stride := e.header.Width * e.header.Channels
		last := e.rest[(e.restRows-1)*stride:]
		for ; e.restRows < e.mcu(); e.restRows++ {
			e.rest = append(e.rest, last[:stride]...)
		}
		if err := e.code(e.rest, 1); err != nil {
			return err
		}
	}
	_, err := e.w.Write([]byte{0xff, 0xd9})
	return err
}
