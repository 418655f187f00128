package encode

import (
	"bytes"
	"hash/adler32"
	"slices"
)

// pieceBytes is about how much a core deflates at a time; smaller pieces compress
// worse, because each starts with an empty window.
const pieceBytes = 256 << 10

// pngPiece is the output for some rows.
type pngPiece struct {
	deflated []byte // ends on a byte boundary, not the stream's end
	adler    uint32
	length   int // before deflating
}

// pngWorker holds the memory for one piece at a time, about two pieces.
type pngWorker struct {
	pixel    int
	filtered []byte
	deflater *deflater
	out      bytes.Buffer
}

func newPNGWorker(pixel int) *pngWorker {
	return &pngWorker{pixel: pixel, deflater: newDeflater()}
}

// piece filters and deflates rows.
func (w *pngWorker) piece(part unit) pngPiece {
	stride, above := len(part.above), part.above
	w.filtered = slices.Grow(w.filtered[:0], len(part.rows)+len(part.rows)/stride)
	filter := byte(filterNone)
	for at := 0; at < len(part.rows); at += stride {
		current := part.rows[at : at+stride]
		if at/stride%2 == 0 { // the next row almost always agrees
			filter = chooseFilter(current, above, w.pixel)
		}
		w.filtered = append(w.filtered, filter)
		to := len(w.filtered)
		w.filtered = w.filtered[:to+stride]
		applyFilter(filter, w.filtered[to:], current, above, w.pixel)
		above = current
	}
	w.out.Reset()
	w.deflater.part(&w.out, w.filtered)
	return pngPiece{bytes.Clone(w.out.Bytes()), adler32.Checksum(w.filtered), len(w.filtered)}
}
