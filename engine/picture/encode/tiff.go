package encode

import (
	"bytes"
	"encoding/binary"
	"io"
	"time"

	"upscaled/engine/fault"
	"upscaled/engine/picture"
	"upscaled/engine/picture/metadata/ifd"
)

// tiffEncoder writes TIFF 6.0 in deflated strips with the horizontal
// predictor, in the byte order of the EXIF block it carries, else little. The header must name where the directory is, which is
// known last: on a file it is patched in the end, into a pipe the compressed
// strips are held back.
type tiffEncoder struct {
	w       io.Writer
	seeker  io.WriteSeeker // nil for pipes
	start   int64
	held    bytes.Buffer
	header  Header
	layout  layout
	offset  int64
	offsets []uint32
	lengths []uint32
	rest    []byte
}

// stripRows keeps strips near pieceBytes.
func (e *tiffEncoder) stripRows() int {
	return max(1, pieceBytes/max(1, e.header.Width*e.layout.pixel()))
}

func newTIFF(w io.Writer, h Header) (*tiffEncoder, error) {
	e := &tiffEncoder{w: w, header: h, layout: layout{
		channels: h.Channels, alpha: h.Alpha, depth: h.Depth, order: binary.LittleEndian,
	}}
	mark := "II*\x00\x00\x00\x00\x00"
	if exif, err := ifd.Parse(h.Meta.EXIF); err == nil && exif.Order == binary.ByteOrder(binary.BigEndian) {
		mark, e.layout.order = "MM\x00*\x00\x00\x00\x00", binary.BigEndian
	}
	if h.Alpha && h.Channels == 1 {
		e.layout.channels = 3 // gray with alpha is read by few programs
	}
	if seeker, ok := w.(io.WriteSeeker); ok {
		if at, err := seeker.Seek(0, io.SeekCurrent); err == nil {
			e.seeker, e.start = seeker, at
		}
	}
	return e, e.put([]byte(mark))
}

func (e *tiffEncoder) put(data []byte) error {
	e.offset += int64(len(data))
	if e.offset >= 1<<32 {
		return fault.New(fault.TooLarge, "The result is too large for tiff, which ends at 4 GiB; use png.")
	}
	if e.seeker == nil {
		e.held.Write(data)
		return nil
	}
	_, err := e.w.Write(data)
	return err
}

// BeginFrame implements Encoder.
func (e *tiffEncoder) BeginFrame(time.Duration) error { return nil }

// WriteBand implements Encoder.
func (e *tiffEncoder) WriteBand(color picture.Raster, alpha *picture.Raster) error {
	if e.layout.channels > color.Channels {
		color = tripled(color)
	}
	stride := color.Width * e.layout.pixel()
	out := make([]byte, stride*color.Height)
	rowsInto(out, stride, e.layout, color, alpha)
	e.rest = append(e.rest, out...)
	whole := len(e.rest) / (stride * e.stripRows()) * stride * e.stripRows()
	if err := e.strips(e.rest[:whole]); err != nil {
		return err
	}
	e.rest = append([]byte(nil), e.rest[whole:]...)
	return nil
}

// tripled repeats a gray raster as colour.
func tripled(r picture.Raster) picture.Raster {
	out := picture.NewRaster(r.Width, r.Height, 3, r.Depth())
	for i, v := range r.Pix {
		out.Pix[3*i], out.Pix[3*i+1], out.Pix[3*i+2] = v, v, v
	}
	for i, v := range r.Pix16 {
		out.Pix16[3*i], out.Pix16[3*i+1], out.Pix16[3*i+2] = v, v, v
	}
	return out
}

// strips writes rows as strips; the last may be short.
func (e *tiffEncoder) strips(rows []byte) error {
	stride := e.header.Width * e.layout.pixel()
	size := stride * e.stripRows()
	count := (len(rows) + size - 1) / size
	coded := make([][]byte, count)
	inParallel(count, func(i int) {
		strip := rows[i*size : min((i+1)*size, len(rows))]
		for y := 0; y < len(strip); y += stride {
			e.predict(strip[y : y+stride])
		}
		coded[i] = deflated(strip)
	})
	for _, strip := range coded {
		e.offsets = append(e.offsets, uint32(e.offset))
		e.lengths = append(e.lengths, uint32(len(strip)))
		if len(strip)%2 == 1 {
			strip = append(strip, 0)
		}
		if err := e.put(strip); err != nil {
			return err
		}
	}
	return nil
}

// predict replaces samples by their difference to the pixel on the left.
func (e *tiffEncoder) predict(row []byte) {
	step := e.layout.pixel()
	if e.layout.depth == 8 {
		for i := len(row) - 1; i >= step; i-- {
			row[i] -= row[i-step]
		}
		return
	}
	order := e.layout.order
	for i := len(row) - 2; i >= step; i -= 2 {
		order.PutUint16(row[i:], order.Uint16(row[i:])-order.Uint16(row[i-step:]))
	}
}

// Close implements Encoder.
func (e *tiffEncoder) Close() error {
	if err := e.strips(e.rest); err != nil {
		return err
	}
	directory, at := e.directory()
	if err := e.put(directory); err != nil {
		return err
	}
	pointer := make([]byte, 4)
	e.layout.order.PutUint32(pointer, at)
	if e.seeker == nil {
		file := e.held.Bytes()
		copy(file[4:], pointer)
		_, err := e.w.Write(file)
		return err
	}
	if _, err := e.seeker.Seek(e.start+4, io.SeekStart); err != nil {
		return err
	}
	if _, err := e.w.Write(pointer); err != nil {
		return err
	}
	_, err := e.seeker.Seek(e.start+e.offset, io.SeekStart)
	return err
}
