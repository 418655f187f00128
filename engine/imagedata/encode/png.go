package encode

import (
	"encoding/binary"
	"io"
	"sync"
	"time"

	"upscaled/engine/imagedata"
)

// pngEncoder writes PNG (W3C PNG, third edition), or APNG for more than one frame.
// It holds less than one piece, and the compressed pieces of the band being
// written.
type pngEncoder struct {
	chunks   pngChunks
	header   Header
	layout   layout
	frame    int
	sequence uint32 // of animation chunks
	adler    uint32 // of the frame's filtered rows so far
	started  bool   // the frame's zlib header is written
	rows     units  // of one piece
	workers  sync.Pool
}

func newPNG(w io.Writer, h Header) (*pngEncoder, error) {
	e := &pngEncoder{
		chunks: pngChunks{w}, header: h,
		layout: layout{channels: h.Channels, alpha: h.Alpha, depth: h.Depth, bigEndian: true},
	}
	stride := h.Width * e.layout.pixel()
	e.rows = newUnits(e.layout, h.Width, max(1, pieceBytes/stride))
	e.rows.above = make([]byte, stride)
	e.workers.New = func() any { return newPNGWorker(e.layout.pixel()) }
	return e, e.chunks.head(h)
}

// BeginFrame implements Encoder.
func (e *pngEncoder) BeginFrame(delay time.Duration) error {
	if err := e.endFrame(); err != nil {
		return err
	}
	e.frame++
	e.adler, e.started = 1, false
	e.rows.restart()
	if e.header.Frames == 1 {
		return nil
	}
	// Offsets, disposal and blending stay 0: each complete frame replaces the
	// previous one.
	control := make([]byte, 26)
	binary.BigEndian.PutUint32(control, e.nextSequence())
	binary.BigEndian.PutUint32(control[4:], uint32(e.header.Width))
	binary.BigEndian.PutUint32(control[8:], uint32(e.header.Height))
	numerator, denominator := fraction(delay)
	binary.BigEndian.PutUint16(control[20:], numerator)
	binary.BigEndian.PutUint16(control[22:], denominator)
	return e.chunks.put("fcTL", control)
}

func (e *pngEncoder) nextSequence() uint32 {
	e.sequence++
	return e.sequence - 1
}

// data writes a part of the frame's zlib stream.
func (e *pngEncoder) data(parts ...[]byte) error {
	if e.frame == 1 {
		return e.chunks.put("IDAT", parts...)
	}
	number := binary.BigEndian.AppendUint32(nil, e.nextSequence())
	return e.chunks.put("fdAT", append([][]byte{number}, parts...)...)
}

func (e *pngEncoder) endFrame() error {
	if e.frame == 0 {
		return nil
	}
	if last := e.rows.remaining(); len(last.rows) > 0 {
		if err := e.write([]pngPiece{e.piece(last)}); err != nil {
			return err
		}
	}
	return e.data(streamEnd(e.adler))
}

// WriteBand implements Encoder. Pieces are filtered and deflated on all cores,
// like pigz does: each ends on a byte boundary, so they can be concatenated to one
// zlib stream.
func (e *pngEncoder) WriteBand(color imagedata.Raster, alpha *imagedata.Raster) error {
	var pieces []pngPiece
	e.rows.add(color, alpha,
		func(count int) { pieces = make([]pngPiece, count) },
		func(i int, part unit) { pieces[i] = e.piece(part) })
	return e.write(pieces)
}

func (e *pngEncoder) piece(part unit) pngPiece {
	worker := e.workers.Get().(*pngWorker)
	defer e.workers.Put(worker)
	return worker.piece(part)
}

func (e *pngEncoder) write(pieces []pngPiece) error {
	for _, p := range pieces {
		var head []byte
		if !e.started {
			e.started, head = true, zlibHeader
		}
		if err := e.data(head, p.deflated); err != nil {
			return err
		}
		e.adler = adlerCombine(e.adler, p.adler, p.length)
	}
	return nil
}

// Close implements Encoder.
func (e *pngEncoder) Close() error {
	if err := e.endFrame(); err != nil {
		return err
	}
	return e.chunks.put("IEND")
}
