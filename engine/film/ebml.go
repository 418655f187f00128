package film

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"
	"slices"
)

// Element IDs of Matroska (RFC 9559) that chunks and their join need.
const (
	idEBML            = 0x1A45DFA3
	idDocType         = 0x4282
	idSegment         = 0x18538067
	idInfo            = 0x1549A966
	idTimestampScale  = 0x2AD7B1
	idTracks          = 0x1654AE6B
	idTrackEntry      = 0xAE
	idDefaultDuration = 0x23E383
	idVideo           = 0xE0
	idPixelWidth      = 0xB0
	idPixelHeight     = 0xBA
	idColor           = 0x55B0
	idMaxCLL          = 0x55BC
	idMaxFALL         = 0x55BD
	idMastering       = 0x55D0
	idFirstPrimary    = 0x55D1 // red x; then red y, green, blue, white and both luminances
	idCluster         = 0x1F43B675
	idTimestamp       = 0xE7
	idSimpleBlock     = 0xA3
	idBlockGroup      = 0xA0
	idBlock           = 0xA1
	idBlockDuration   = 0x9B
	idReference       = 0xFB
	idCRC             = 0xBF
)

// unknownSize is the size of an element that ends with its parent.
const unknownSize = math.MaxInt64

var errEBML = errors.New("the encoder's file is not valid Matroska")

// readHeader reads an element's ID and the size of its content.
func readHeader(r *bufio.Reader) (id uint32, size int64, err error) {
	first, err := r.ReadByte()
	if err != nil {
		return 0, 0, err // io.EOF itself between elements
	}
	length := bits.LeadingZeros8(first) + 1
	if length > 4 {
		return 0, 0, errEBML
	}
	id = uint32(first)
	for range length - 1 {
		b, err := r.ReadByte()
		if err != nil {
			return 0, 0, fmt.Errorf("%w: %w", errEBML, err)
		}
		id = id<<8 | uint32(b)
	}
	size, _, err = readNumber(r)
	return id, size, err
}

// readNumber reads a number of variable length, and returns also that length.
func readNumber(r *bufio.Reader) (int64, int, error) {
	first, err := r.ReadByte()
	if err != nil {
		return 0, 0, fmt.Errorf("%w: %w", errEBML, err)
	}
	length := bits.LeadingZeros8(first) + 1
	if length > 8 {
		return 0, 0, errEBML
	}
	value, ones := uint64(first)&(1<<(8-length)-1), true
	ones = value == 1<<(8-length)-1
	for range length - 1 {
		b, err := r.ReadByte()
		if err != nil {
			return 0, 0, fmt.Errorf("%w: %w", errEBML, err)
		}
		value, ones = value<<8|uint64(b), ones && b == 0xff
	}
	if ones {
		return unknownSize, length, nil
	}
	return int64(value), length, nil
}

// element is a Matroska element in memory: a master with children, or data.
type element struct {
	id       uint32
	data     []byte
	children []element
}

// parse reads the elements in data. Those in masters are parsed, too; checksums are
// left out, since the elements are changed.
func parse(data []byte, masters ...uint32) ([]element, error) {
	var all []element
	for r := newBytesReader(data); ; {
		id, size, err := readHeader(r)
		if err == io.EOF {
			return all, nil
		}
		if err != nil || size > int64(len(data)) {
			return nil, errEBML
		}
		content := make([]byte, size)
		if _, err := io.ReadFull(r, content); err != nil {
			return nil, errEBML
		}
		e := element{id: id, data: content}
		if slices.Contains(masters, id) {
			if e.children, err = parse(content, masters...); err != nil {
				return nil, err
			}
			e.data = nil
		}
		if id != idCRC {
			all = append(all, e)
		}
	}
}

// child returns the first child of an ID, adding an empty one if there is none.
func (e *element) child(id uint32) *element {
	for i := range e.children {
		if e.children[i].id == id {
			return &e.children[i]
		}
	}
	e.children = append(e.children, element{id: id})
	return &e.children[len(e.children)-1]
}

// remove removes the children of an ID.
func (e *element) remove(id uint32) {
	e.children = slices.DeleteFunc(e.children, func(c element) bool { return c.id == id })
}

// bytes returns the element as it is stored.
func (e *element) bytes() []byte {
	content := e.data
	for i := range e.children {
		content = append(content, e.children[i].bytes()...)
	}
	return append(header(e.id, int64(len(content))), content...)
}

// header returns an element's header; sizes take eight bytes.
func header(id uint32, size int64) []byte {
	var out []byte
	for shift := 24; shift >= 0; shift -= 8 {
		if b := byte(id >> shift); b != 0 || len(out) > 0 {
			out = append(out, b)
		}
	}
	const long = 1 << 56
	if size == unknownSize {
		size = long - 1
	}
	return binary.BigEndian.AppendUint64(out, uint64(size)|long)
}

func unsigned(id uint32, value uint64) element {
	return element{id: id, data: binary.BigEndian.AppendUint64(nil, value)}
}

func float(id uint32, value float64) element {
	return element{id: id, data: binary.BigEndian.AppendUint64(nil, math.Float64bits(value))}
}

func number(data []byte) (value uint64) {
	for _, b := range data {
		value = value<<8 | uint64(b)
	}
	return value
}
