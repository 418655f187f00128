package jpeg

import (
	"bytes"
	"encoding/binary"
	"io"
)

// Markers of T.81, table B.1.
const (
	sof0 = 0xc0
	sof2 = 0xc2
	dht  = 0xc4
	jpg  = 0xc8
	dac  = 0xcc
	sof9 = 0xc9
	sofA = 0xca
	sofF = 0xcf
	rst0 = 0xd0
	soi  = 0xd8
	eoi  = 0xd9
	sos  = 0xda
	dqt  = 0xdb
	dnl  = 0xdc // the height, after the first scan
	dri  = 0xdd

	jpegLS = 0xf7
)

// maxScans bounds the passes over an image. Encoders use about ten; a hostile file
// can demand thousands of full passes in a few bytes.
const maxScans = 100

// tables are the decoder's settings that segments before a scan change.
type tables struct {
	quantizers   [4]*[64]uint16
	huffman      [2][4]*huffman // DC and AC
	conditioning [2][16]byte    // of arithmetic coding, as in DAC
	restart      int            // MCUs between restart markers, 0 for none
}

// scan is one pass over the pixels of some components.
type scan struct {
	tables
	components  []int
	dc, ac      []byte // table selectors of the components
	first, last int    // spectral selection
	high, low   uint   // successive approximation
	data        []byte
}

type parser struct {
	*File
	tables tables
	each   func(marker byte, payload []byte)
}

// Parse reads the file's structure, without decoding pixels. It calls each for
// application segments and comments before the first scan. shared, unless nil, is an
// abbreviated file of tables, as TIFF has. Tables that are missing are the ones of
// T.81, annex K, as in the frames of cameras.
func Parse(data, shared []byte, each func(marker byte, payload []byte)) (*File, error) {
	p := parser{File: &File{}, each: each}
	for i := range p.tables.conditioning[0] {
		p.tables.conditioning[0][i], p.tables.conditioning[1][i] = 0x10, 5
	}
	for i, spec := range Standard() {
		p.tables.huffman[i%2][i/2] = newHuffman(spec)
	}
	if shared != nil {
		if err := p.walk(shared); err != nil && err != io.ErrUnexpectedEOF {
			return nil, err
		}
		p.Ended, p.Rest = false, nil
	}
	if err := p.walk(data); err != nil && len(p.scans) == 0 {
		return nil, err
	} else if err != nil && err != io.ErrUnexpectedEOF {
		return nil, err
	}
	if len(p.scans) == 0 {
		return nil, io.ErrUnexpectedEOF
	}
	return p.File, nil
}

// walk reads segments up to the end marker or, failing that, the end of data.
func (p *parser) walk(data []byte) error {
	for at := 2; ; {
		marker, next := nextMarker(data, at)
		switch {
		case next < 0:
			return io.ErrUnexpectedEOF
		case marker == eoi:
			p.Ended, p.Rest = true, data[next:]
			return nil
		case marker >= rst0 && marker <= soi || marker == 1:
			at = next
			continue
		case next+2 > len(data):
			return io.ErrUnexpectedEOF
		}
		length := int(binary.BigEndian.Uint16(data[next:]))
		if length < 2 {
			return Damaged("segment length below 2")
		}
		at = next + length
		if at > len(data) {
			return io.ErrUnexpectedEOF
		}
		payload := data[next+2 : at]
		if marker != sos {
			if err := p.segment(marker, payload); err != nil {
				return err
			}
			continue
		}
		end := scanEnd(data, at)
		if err := p.scan(payload, data[at:end]); err != nil {
			return err
		}
		at = end
	}
}

// nextMarker returns the first marker from at on and the offset after it, which is
// negative if there is none. Stray bytes are skipped, as by libjpeg.
func nextMarker(data []byte, at int) (marker byte, next int) {
	for at < len(data) {
		skip := bytes.IndexByte(data[at:], 0xff)
		if skip < 0 {
			break
		}
		for at += skip; at < len(data) && data[at] == 0xff; at++ {
		}
		if at < len(data) && data[at] != 0 {
			return data[at], at + 1
		}
	}
	return 0, -1
}

// scanEnd returns the offset of the first marker that is no restart marker.
func scanEnd(data []byte, at int) int {
	for {
		marker, next := nextMarker(data, at)
		if next < 0 {
			return len(data)
		}
		if marker&^7 != rst0 {
			for next -= 2; next > at && data[next-1] == 0xff; next-- {
			}
			return next
		}
		at = next
	}
}

func (p *parser) segment(marker byte, payload []byte) error {
	switch {
	case marker == dqt:
		return p.quantizers(payload)
	case marker == dht:
		return p.huffman(payload)
	case marker == dac:
		for ; len(payload) >= 2; payload = payload[2:] {
			p.tables.conditioning[payload[0]>>4&1][payload[0]&15] = payload[1]
		}
	case marker == dnl:
		if len(payload) < 2 || p.Components == nil || p.Height != 0 {
			return Damaged("number of lines")
		}
		p.Height = int(binary.BigEndian.Uint16(payload))
		p.measure()
	case marker == jpegLS:
		return Unsupported("JPEG-LS files cannot be read")
	case marker == dri:
		if len(payload) < 2 {
			return Damaged("restart interval")
		}
		p.tables.restart = int(binary.BigEndian.Uint16(payload))
	case marker >= sof0 && marker <= sofF && marker != jpg:
		return p.frame(marker, payload)
	case (marker >= 0xe0 && marker <= 0xef || marker == 0xfe) && len(p.scans) == 0 && p.each != nil:
		p.each(marker, payload)
	}
	return nil
}

func (p *parser) quantizers(payload []byte) error {
	for len(payload) > 0 {
		wide, id := payload[0]>>4 != 0, payload[0]&15
		size := 64
		if wide {
			size = 128
		}
		if id > 3 || len(payload) < 1+size {
			return Damaged("quantization table")
		}
		var table [64]uint16
		for i, at := range Zigzag {
			if wide {
				table[at] = binary.BigEndian.Uint16(payload[1+2*i:])
			} else {
				table[at] = uint16(payload[1+i])
			}
		}
		p.tables.quantizers[id] = &table
		payload = payload[1+size:]
	}
	return nil
}

func (p *parser) huffman(payload []byte) error {
	for len(payload) > 0 {
		if len(payload) < 17 || payload[0]>>4 > 1 || payload[0]&15 > 3 {
			return Damaged("Huffman table")
		}
		spec := Table{Counts: [16]byte(payload[1:17])}
		total, codes := 0, 0
		for length, count := range spec.Counts {
			total += int(count)
			codes += int(count) << (15 - length)
		}
		if total > 256 || len(payload) < 17+total || codes > 1<<16 {
			return Damaged("Huffman table")
		}
		spec.Values = payload[17 : 17+total]
		p.tables.huffman[payload[0]>>4][payload[0]&15] = newHuffman(spec)
		payload = payload[17+total:]
	}
	return nil
}

// frame reads the frame header (T.81, B.2.2).
func (p *parser) frame(marker byte, payload []byte) error {
	switch marker {
	case sof0, sof0 + 1, sof2, sof9, sofA:
	default:
		return Unsupported("Lossless and hierarchical JPEG files cannot be read")
	}
	if len(payload) < 6 || p.Components != nil {
		return Damaged("frame header")
	}
	count := int(payload[5])
	switch {
	case payload[0] != 8:
		return Unsupported("JPEG files with 12 bits per sample cannot be read")
	case count < 1 || count > 4:
		return Unsupported("JPEG files with more than 4 components cannot be read")
	case len(payload) < 6+3*count:
		return Damaged("frame header")
	}
	p.Progressive = marker == sof2 || marker == sofA
	p.Arithmetic = marker >= sof9
	p.Height = int(binary.BigEndian.Uint16(payload[1:]))
	p.Width = int(binary.BigEndian.Uint16(payload[3:]))
	p.Components = make([]Component, count)
	for i := range p.Components {
		field := payload[6+3*i:]
		c := Component{ID: field[0], H: int(field[1] >> 4), V: int(field[1] & 15), quantizer: field[2]}
		if c.H < 1 || c.V < 1 || c.H > 4 || c.V > 4 || c.quantizer > 3 {
			return Damaged("sampling factors")
		}
		p.MaxH, p.MaxV = max(p.MaxH, c.H), max(p.MaxV, c.V)
		p.Components[i] = c
	}
	p.measure()
	return nil
}

func (f *File) measure() {
	ceil := func(a, b int) int { return (a + b - 1) / b }
	f.mcusX, f.mcusY = ceil(f.Width, 8*f.MaxH), ceil(f.Height, 8*f.MaxV)
	for i := range f.Components {
		c := &f.Components[i]
		c.width, c.height = ceil(f.Width*c.H, f.MaxH), ceil(f.Height*c.V, f.MaxV)
		c.across, c.down = ceil(c.width, 8), ceil(c.height, 8)
		c.blocks = f.mcusX * c.H
	}
}
