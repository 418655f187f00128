package decode

import "encoding/binary"

// jpegFixture describes a JPEG file of 8x8 blocks of one value each, which
// need no cosine transform: only their DC coefficient differs from zero.
type jpegFixture struct {
	width, height int
	progressive   bool
	// sampling has one byte a component, horizontal factor in the high half.
	sampling []byte
	ids      []byte
	// segments come before the frame header, markers and lengths included.
	segments []byte
	// value of a component's block.
	value func(component, blockX, blockY int) uint8
}

// appSegment frames a payload.
func appSegment(marker byte, payload ...[]byte) []byte {
	segment := []byte{0xff, marker, 0, 0}
	for _, part := range payload {
		segment = append(segment, part...)
	}
	binary.BigEndian.PutUint16(segment[2:], uint16(len(segment)-2))
	return segment
}

// adobe is the APP14 segment; transform 0 is RGB or CMYK, 1 YCbCr, 2 YCCK.
func adobe(transform byte) []byte {
	return appSegment(0xee, []byte("Adobe"), []byte{0, 100, 0, 0, 0, 0, transform})
}

func (f jpegFixture) encode() []byte {
	n := len(f.sampling)
	out := append([]byte{0xff, 0xd8}, f.segments...)
	table := make([]byte, 65)
	for i := range table[1:] {
		table[1+i] = 1
	}
	out = append(out, appSegment(0xdb, table)...)
	frame := []byte{8, byte(f.height >> 8), byte(f.height), byte(f.width >> 8), byte(f.width), byte(n)}
	scan := []byte{byte(n)}
	for i, factors := range f.sampling {
		id := byte(i + 1)
		if f.ids != nil {
			id = f.ids[i]
		}
		frame = append(frame, id, factors, 0)
		scan = append(scan, id, 0)
	}
	marker, lastCoefficient := byte(0xc0), byte(63)
	if f.progressive {
		marker, lastCoefficient = 0xc2, 0
	}
	out = append(out, appSegment(marker, frame)...)
	// DC: twelve codes of four bits, one a magnitude. AC: one code of one bit,
	// the end of the block.
	dc := append([]byte{0x00, 0, 0, 0, 12}, make([]byte, 12)...)
	out = append(out, appSegment(0xc4, dc, []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11})...)
	out = append(out, appSegment(0xc4, append([]byte{0x10, 1}, make([]byte, 15)...), []byte{0})...)
	out = append(out, appSegment(0xda, scan, []byte{0, lastCoefficient, 0})...)
	w := bitWriter{out: out}
	f.blocks(&w)
	return append(w.flush(), 0xff, 0xd9)
}

// blocks writes all minimum coded units.
func (f jpegFixture) blocks(w *bitWriter) {
	maxH, maxV := 1, 1
	for _, s := range f.sampling {
		maxH, maxV = max(maxH, int(s>>4)), max(maxV, int(s&15))
	}
	if len(f.sampling) == 1 {
		maxH, maxV = 1, 1
	}
	before := make([]int, len(f.sampling))
	for my := range (f.height + 8*maxV - 1) / (8 * maxV) {
		for mx := range (f.width + 8*maxH - 1) / (8 * maxH) {
			for c, s := range f.sampling {
				h, v := int(s>>4), int(s&15)
				if len(f.sampling) == 1 {
					h, v = 1, 1
				}
				for b := range h * v {
					dc := 8 * (int(f.value(c, mx*h+b%h, my*v+b/h)) - 128)
					w.difference(dc - before[c])
					before[c] = dc
					if !f.progressive {
						w.write(0, 1)
					}
				}
			}
		}
	}
}

// bitWriter writes entropy-coded bits with byte stuffing.
type bitWriter struct {
	out   []byte
	bits  uint32
	count int
}

// difference writes a DC difference: its magnitude's code, then its bits.
func (w *bitWriter) difference(d int) {
	size, bits := 0, d
	if d < 0 {
		bits = d - 1
		d = -d
	}
	for d>>size != 0 {
		size++
	}
	w.write(uint32(size), 4)
	w.write(uint32(bits)&(1<<size-1), size)
}

func (w *bitWriter) write(bits uint32, count int) {
	w.bits = w.bits<<count | bits
	w.count += count
	for w.count >= 8 {
		b := byte(w.bits >> (w.count - 8))
		w.out = append(w.out, b)
		if b == 0xff {
			w.out = append(w.out, 0)
		}
		w.count -= 8
	}
}

func (w *bitWriter) flush() []byte {
	w.write(1<<7-1, 7)
	return w.out
}
