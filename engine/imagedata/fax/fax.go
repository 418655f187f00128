// Package fax decodes the compression of bilevel images in ITU-T T.4 and T.6, in all
// forms that TIFF has: Modified Huffman, Group 3 in one and two dimensions, Group 4.
package fax

import (
	"errors"
	"io"
)

// Scheme is a form of the compression.
type Scheme int

// The schemes. In ModifiedHuffman every row starts at a byte, or a 16-bit word. In Group3TwoD a bit
// after each end-of-line code says in how many dimensions the row is coded.
const (
	ModifiedHuffman Scheme = iota
	ModifiedHuffmanWords
	Group3
	Group3TwoD
	Group4
)

var errCode = errors.New("fax code")

// Tables are the decoder's constants. They are safe for concurrent use.
type Tables struct {
	runs  [2]*table // of white and black
	modes *table
}

// NewTables returns the tables.
func NewTables() *Tables {
	return &Tables{[2]*table{newTable(whiteCodes), newTable(blackCodes)}, newTable(modeCodes)}
}

// Reader decodes the rows of an image.
type Reader struct {
	*Tables
	scheme Scheme
	width  int
	data   []byte
	at     int // in bits
	// Positions at which the color changes, starting from white, in the row above
	// and in this one.
	above, changes []int
}

// NewReader returns a reader of rows of width pixels. It shares data.
func (t *Tables) NewReader(data []byte, scheme Scheme, width int) *Reader {
	return &Reader{Tables: t, scheme: scheme, width: width, data: data}
}

// peek returns the next longest bits, zeros after the end.
func (r *Reader) peek() int {
	v := 0
	for i := range 3 {
		v <<= 8
		if at := r.at/8 + i; at < len(r.data) {
			v |= int(r.data[at])
		}
	}
	return v >> (24 - longest - r.at%8) & (1<<longest - 1)
}

// next decodes a code.
func (r *Reader) next(t *table) (int, error) {
	c := t[r.peek()]
	if r.at += int(c.length); r.at > 8*len(r.data) {
		return 0, io.ErrUnexpectedEOF
	}
	if c.length == 0 {
		if r.at+longest > 8*len(r.data) {
			return 0, io.ErrUnexpectedEOF
		}
		return 0, errCode
	}
	return int(c.value), nil
}

// ReadRow decodes a row to packed bits, of which 0 is white. It fails with
// io.ErrUnexpectedEOF if data ends before the row.
func (r *Reader) ReadRow(row []byte) error {
	r.above, r.changes = r.changes, r.above[:0]
	decode := r.oneDimension
	switch r.scheme {
	case ModifiedHuffman:
		r.at = (r.at + 7) &^ 7
	case ModifiedHuffmanWords:
		r.at = (r.at + 15) &^ 15
	case Group4:
		decode = r.twoDimensions
	case Group3, Group3TwoD:
		r.endOfLine()
		if r.scheme == Group3TwoD {
			if r.peek()>>(longest-1) == 0 {
				decode = r.twoDimensions
			}
			r.at++
		}
	}
	if err := decode(); err != nil {
		return err
	}
	r.paint(row)
	return nil
}

// endOfLine passes an end-of-line code, eleven zeros and a one, with fill before it.
func (r *Reader) endOfLine() {
	if r.peek()>>2 != 0 {
		return
	}
	for r.at < 8*len(r.data) && r.peek()>>(longest-1) == 0 {
		r.at++
	}
	r.at++
}

// change ends a run at a position.
func (r *Reader) change(at int) error {
	if at > r.width || len(r.changes) > 0 && at < r.changes[len(r.changes)-1] {
		return errCode
	}
	r.changes = append(r.changes, at)
	return nil
}

// run decodes the length of a run of a color, 0 for white.
func (r *Reader) run(color int) (int, error) {
	const lastShort = 63
	for length := 0; ; {
		v, err := r.next(r.runs[color])
		if err != nil {
			return 0, err
		}
		if v <= lastShort {
			return length + v, nil
		}
		if length += 64 * (v - lastShort); length > r.width {
			return 0, errCode
		}
	}
}

func (r *Reader) oneDimension() error {
	for at, color := 0, 0; at < r.width; color ^= 1 {
		length, err := r.run(color)
		if err != nil {
			return err
		}
		at += length
		if err := r.change(at); err != nil {
			return err
		}
	}
	return nil
}

// twoDimensions decodes a row by its difference from the one above (T.4, section
// 4.2). In the names of the recommendation, at is a0 and b1 and b2 are changes above.
func (r *Reader) twoDimensions() error {
	at, color, start := 0, 0, true
	for i := 0; at < r.width; {
		// b1 is the first change above to the right of at from this color.
		for ; i > 0 && r.above[i-1] > at; i-- {
		}
		for ; i < len(r.above) && (r.above[i] <= at && !start || i%2 != color); i++ {
		}
		b1, b2 := r.aboveAt(i), r.aboveAt(i+1)
		mode, err := r.next(r.modes)
		if err != nil {
			return err
		}
		start = false
		switch mode {
		case pass:
			at = b2
			continue
		case horizontal:
			for range 2 {
				length, err := r.run(color)
				if err != nil {
					return err
				}
				at += length
				if err := r.change(at); err != nil {
					return err
				}
				color ^= 1
			}
			continue
		}
		offset := mode - vertical
		if offset > 3 {
			offset = 3 - offset
		}
		if b1+offset < at {
			return errCode
		}
		at = b1 + offset
		if err := r.change(at); err != nil {
			return err
		}
		color ^= 1
	}
	return nil
}

// aboveAt returns a change in the row above; after the last they are its end.
func (r *Reader) aboveAt(i int) int {
	if i < len(r.above) {
		return r.above[i]
	}
	return r.width
}

// paint sets the bits of the black runs.
func (r *Reader) paint(row []byte) {
	clear(row)
	for i := 0; i < len(r.changes); i += 2 {
		end := r.width
		if i+1 < len(r.changes) {
			end = r.changes[i+1]
		}
		for x := r.changes[i]; x < end; x++ {
			if x%8 == 0 && x+8 <= end {
				row[x/8] = 0xff
				x += 7
				continue
			}
			row[x/8] |= 0x80 >> (x % 8)
		}
	}
}
