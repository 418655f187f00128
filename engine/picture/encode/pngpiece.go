package encode

import (
	"bytes"
	"hash/adler32"
	"slices"
)

// pieceBytes is about how much one core deflates at a time; smaller pieces
// compress worse, since each starts with an empty window.
const pieceBytes = 1 << 20

// pngPiece is what one core makes of some rows.
type pngPiece struct {
	deflated []byte // ends on a byte boundary, not the stream's end
	adler    uint32
	length   int // before deflating
}

// pngWorker holds the memory to make one piece at a time, about three pieces.
type pngWorker struct {
	pixel          int
	current, above []byte
	filtered       []byte
	deflater       *deflater
	out            bytes.Buffer
}

func newPNGWorker(pixel, stride int) *pngWorker {
	return &pngWorker{pixel: pixel, current: make([]byte, stride), above: make([]byte, stride), deflater: newDeflater()}
}

// piece filters and deflates the rows from..to of a band; previous is the row
// above the band.
func (w *pngWorker) piece(band source, from, to int, previous []byte) pngPiece {
	above := previous
	if from > 0 {
		above = band.row(from-1, w.above)
	}
	w.filtered = slices.Grow(w.filtered[:0], (to-from)*(1+len(previous)))
	filter := byte(filterNone)
	for y := from; y < to; y++ {
		current := band.row(y, w.current)
		if (y-from)%2 == 0 { // the next row nearly always agrees
			filter = chooseFilter(current, above, w.pixel)
		}
		w.filtered = append(w.filtered, filter)
		at := len(w.filtered)
		w.filtered = w.filtered[:at+len(current)]
		applyFilter(filter, w.filtered[at:], current, above, w.pixel)
		above = current
		w.current, w.above = w.above, w.current
	}
	w.out.Reset()
	w.deflater.part(&w.out, w.filtered)
	return pngPiece{bytes.Clone(w.out.Bytes()), adler32.Checksum(w.filtered), len(w.filtered)}
}
