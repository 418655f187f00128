package encode

import (
	"bytes"
	"encoding/binary"
	"io"
	"sync"
	"time"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/metadata/ifd"
	"upscaled/models/fault"
)

// tiffEncoder writes TIFF 6.0 in deflated strips with the horizontal predictor,
// in the byte order of the EXIF block or little-endian. The header must point to
// the directory, which is written last: in a file it is patched at the end, for a
// pipe the compressed strips are held back. Otherwise it holds a strip, and the
// compressed strips of the band being written.
type tiffEncoder struct {
	w       io.Writer
	seeker  io.WriteSeeker // nil for pipes
	start   int64          // offset in the seeker at which the file begins
	held    [][]byte       // for pipes, everything before the directory
	header  Header
	order   binary.ByteOrder
	layout  layout
	rows    units // of one strip
	offset  int64 // bytes written
	link    int64 // position of the pointer to the directory
	pages   *Pages
	offsets []uint32
	lengths []uint32
	workers sync.Pool
}

// stripBytes is about how much of the image readers hold at a time.
const stripBytes = 256 << 10

func newTIFF(w io.Writer, h Header, pages *Pages) (*tiffEncoder, error) {
	e := &tiffEncoder{
		w: w, header: h, order: binary.LittleEndian, link: 4, pages: pages,
		layout: layout{channels: h.Channels, alpha: h.Alpha, depth: h.Depth},
	}
	if exif, err := ifd.Parse(h.Meta.EXIF); err == nil {
		e.order = exif.Order
	}
	if pages.begun() {
		e.order = pages.order
	}
	mark := "II*\x00\x00\x00\x00\x00"
	if e.layout.bigEndian = e.order == binary.ByteOrder(binary.BigEndian); e.layout.bigEndian {
		mark = "MM\x00*\x00\x00\x00\x00"
	}
	if h.Alpha {
		e.layout.channels = 3 // few programs read gray with alpha
	}
	stride := h.Width * e.layout.pixel()
	// It might still fit once compressed, but that is known only at the end.
	if int64(stride)*int64(h.Height) >= 1<<32-1<<26 {
		return nil, fault.New(fault.TooLarge, "The result of %dx%d pixels is too large for tiff, which is limited to 4 GiB; use png.", h.Width, h.Height)
	}
	e.rows = newUnits(e.layout, h.Width, max(1, stripBytes/stride))
	e.workers.New = func() any { return newDeflater() }
	if seeker, ok := w.(io.WriteSeeker); ok {
		// A pipe may have the type of a seeker, but seeking fails.
		if at, err := seeker.Seek(0, io.SeekCurrent); err == nil {
			e.seeker, e.start = seeker, at
		}
	}
	switch {
	case pages != nil && e.seeker == nil:
		return nil, fault.New(fault.Internal, "The pages of a TIFF file cannot be written to a pipe.")
	case pages.begun():
		return e, pages.follow(e)
	}
	return e, e.put([]byte(mark))
}

// put writes or holds back the next bytes of the file.
func (e *tiffEncoder) put(data []byte) error {
	e.offset += int64(len(data))
	if e.offset >= 1<<32 {
		return fault.New(fault.TooLarge, "The result is too large for tiff, which is limited to 4 GiB; use png.")
	}
	if e.seeker == nil {
		e.held = append(e.held, data)
		return nil
	}
	_, err := e.w.Write(data)
	return err
}

// BeginFrame implements Encoder.
func (e *tiffEncoder) BeginFrame(time.Duration) error { return nil }

// WriteBand implements Encoder.
func (e *tiffEncoder) WriteBand(color imagedata.Raster, alpha *imagedata.Raster) error {
	var strips [][]byte
	e.rows.add(color, alpha,
		func(count int) { strips = make([][]byte, count) },
		func(i int, part unit) { strips[i] = e.strip(part.rows) })
	return e.write(strips)
}

// strip compresses rows.
func (e *tiffEncoder) strip(rows []byte) []byte {
	residuals := make([]byte, len(rows))
	for y := 0; y < len(rows); y += e.rows.stride {
		e.layout.differences(residuals[y:][:e.rows.stride], rows[y:][:e.rows.stride])
	}
	var out bytes.Buffer
	worker := e.workers.Get().(*deflater)
	worker.stream(&out, residuals)
	e.workers.Put(worker)
	return bytes.Clone(out.Bytes()) // may be held: drop spare capacity
}

// differences writes samples minus the samples of the pixel to the left (TIFF 6.0,
// section 14).
func (l layout) differences(out, row []byte) {
	step := l.pixel()
	copy(out, row[:step])
	left, row, out := row[:len(row)-step], row[step:], out[step:]
	if l.depth == 8 {
		for i, v := range left {
			out[i] = row[i] - v
		}
		return
	}
	for i := 0; i+2 <= len(left); i += 2 {
		l.put(out[i:], l.get(row[i:])-l.get(left[i:]))
	}
}

// write adds strips, each at an even offset.
func (e *tiffEncoder) write(strips [][]byte) error {
	for _, strip := range strips {
		e.offsets = append(e.offsets, uint32(e.offset))
		e.lengths = append(e.lengths, uint32(len(strip)))
		if err := e.put(strip); err != nil {
			return err
		}
		if len(strip)%2 == 1 {
			if err := e.put([]byte{0}); err != nil {
				return err
			}
		}
	}
	return nil
}

// Close implements Encoder.
func (e *tiffEncoder) Close() error {
	if last := e.rows.remaining().rows; len(last) > 0 {
		if err := e.write([][]byte{e.strip(last)}); err != nil {
			return err
		}
	}
	directory, at := e.directory()
	if err := e.put(directory); err != nil {
		return err
	}
	pointer := make([]byte, 4)
	e.order.PutUint32(pointer, at)
	if e.seeker == nil {
		copy(e.held[0][4:], pointer)
		for _, part := range e.held {
			if _, err := e.w.Write(part); err != nil {
				return err
			}
		}
		return nil
	}
	if _, err := e.seeker.Seek(e.start+e.link, io.SeekStart); err != nil {
		return err
	}
	if _, err := e.w.Write(pointer); err != nil {
		return err
	}
	if _, err := e.seeker.Seek(e.start+e.offset, io.SeekStart); err != nil {
		return err
	}
	e.pages.add(e, directory, at)
	return nil
}
