package jpeg

import "encoding/binary"

// lookBits is the size of the table by which short codes are decoded at once.
const lookBits = 9

// huffman decodes one table's codes.
type huffman struct {
	// look has a code's length in the high byte and its value, 0 for longer codes.
	look [1 << lookBits]uint16
	// fast has a whole coefficient if code and bits fit: its value from bit 8 on,
	// the run of zeros from bit 4 on and the length.
	fast [1 << lookBits]int16
	// limit of the codes of a length, aligned to 16 bits, and the difference of
	// index and code.
	limit  [18]uint32
	offset [17]int32
	values [256]byte
}

func newHuffman(spec Table) *huffman {
	h := &huffman{}
	copy(h.values[:], spec.Values)
	code, index := 0, 0
	for length := 1; length <= 16; length++ {
		h.offset[length] = int32(index - code)
		for range spec.Counts[length-1] {
			if length <= lookBits {
				for i := range 1 << (lookBits - length) {
					h.look[(code<<(lookBits-length)|i)&(1<<lookBits-1)] = uint16(length)<<8 | uint16(h.values[index])
				}
			}
			code++
			index++
		}
		h.limit[length] = uint32(code) << (16 - length)
		code <<= 1
	}
	h.limit[17] = 1<<32 - 1
	for i, entry := range h.look {
		length, run, size := int(entry>>8), int(entry>>4&15), int(entry&15)
		if length == 0 || size == 0 || length+size > lookBits {
			continue
		}
		v := extend(uint64(i)>>(lookBits-length-size)&(1<<size-1), size)
		if v >= -128 && v < 128 {
			h.fast[i] = int16(v<<8 | run<<4 | (length + size))
		}
	}
	return h
}

// extend makes a signed number of its bits (T.81, F.2.2.1).
func extend(v uint64, size int) int {
	if v < 1<<(size-1) {
		return int(v) - 1<<size + 1
	}
	return int(v)
}

// bits reads the bits of an interval from the highest of acc on.
type bits struct {
	data []byte
	at   int
	acc  uint64
	n    int // valid bits of acc
	pad  int // zeros among them that are not in data
}

// refill makes at least 56 bits available. After the end they are zeros.
func (b *bits) refill() {
	if b.at+8 <= len(b.data) {
		v := binary.BigEndian.Uint64(b.data[b.at:])
		// No byte is 0xff, after which a zero is to be skipped.
		if (^v-0x0101010101010101)&v&0x8080808080808080 == 0 {
			b.acc |= v >> b.n
			b.at += (63 - b.n) >> 3
			b.n |= 56
			return
		}
	}
	for b.n <= 56 {
		if b.at < len(b.data) {
			v := b.data[b.at]
			b.at++
			if v == 0xff {
				if b.at == len(b.data) || b.data[b.at] != 0 {
					b.at, b.data = len(b.data), b.data[:b.at] // a marker
					continue
				}
				b.at++
			}
			b.acc |= uint64(v) << (56 - b.n)
		} else {
			b.pad += 8
		}
		b.n += 8
	}
}

func (b *bits) exhausted() bool { return b.pad > b.n }

// take returns the next size bits, at most 16.
func (b *bits) take(size int) uint64 {
	if b.n < size {
		b.refill()
	}
	v := b.acc >> (64 - size)
	b.acc <<= size
	b.n -= size
	return v
}

const errCode = Damaged("Huffman code")

// symbol decodes one code.
func (b *bits) symbol(h *huffman) (byte, error) {
	if b.n < 16 {
		b.refill()
	}
	if entry := h.look[b.acc>>(64-lookBits)]; entry != 0 {
		b.acc <<= entry >> 8
		b.n -= int(entry >> 8)
		return byte(entry), nil
	}
	code, length := uint32(b.acc>>48), lookBits+1
	for code >= h.limit[length] {
		length++
	}
	if length > 16 {
		return 0, errCode
	}
	b.acc <<= length
	b.n -= length
	return h.values[uint8(int32(code>>(16-length))+h.offset[length])], nil
}

// huffmanScan decodes the blocks of a Huffman-coded scan.
type huffmanScan struct {
	bits
	*scan
	before [4]int // DC of the last block of each component
	run    int    // blocks that are finished in this band
	kind   func(i int, b *[64]int16) error
}

func newHuffmanScan(s *scan, progressive bool) *huffmanScan {
	h := &huffmanScan{scan: s}
	switch {
	case !progressive:
		h.kind = h.sequential
	case s.first == 0 && s.high == 0:
		h.kind = h.firstDC
	case s.first == 0:
		h.kind = h.refineDC
	case s.high == 0:
		h.kind = h.firstAC
	default:
		h.kind = h.refineAC
	}
	return h
}

func (h *huffmanScan) start(data []byte) {
	h.bits, h.before, h.run = bits{data: data}, [4]int{}, 0
}

func (h *huffmanScan) block(i int, b *[64]int16) error { return h.kind(i, b) }

func (h *huffmanScan) firstDC(i int, b *[64]int16) error {
	table := h.huffman[0][h.dc[i]]
	if table == nil {
		return errCode
	}
	size, err := h.symbol(table)
	if err != nil || size > 16 {
		return errCode
	}
	if size > 0 {
		h.before[i] += extend(h.take(int(size)), int(size))
	}
	b[0] = int16(h.before[i] << h.low)
	return nil
}

func (h *huffmanScan) refineDC(_ int, b *[64]int16) error {
	b[0] |= int16(h.take(1)) << h.low
	return nil
}

func (h *huffmanScan) sequential(i int, b *[64]int16) error {
	table := h.huffman[1][h.ac[i]]
	if err := h.firstDC(i, b); err != nil || table == nil {
		return errCode
	}
	for k := 1; k < 64; k++ {
		if h.n < 32 {
			h.refill()
		}
		if entry := h.fast(table); entry != 0 {
			k += int(entry >> 4 & 15)
			b[Zigzag[k&63]] = entry >> 8
			continue
		}
		symbol, err := h.symbol(table)
		if err != nil {
			return err
		}
		run, size := int(symbol>>4), int(symbol&15)
		if size == 0 {
			if run < 15 {
				break
			}
			k += 15
			continue
		}
		if k += run; k > 63 {
			return errCode
		}
		b[Zigzag[k]] = int16(extend(h.take(size), size))
	}
	return nil
}

// fast decodes a short coefficient whole, and returns 0 for others.
func (h *huffmanScan) fast(table *huffman) int16 {
	entry := table.fast[h.acc>>(64-lookBits)]
	h.acc <<= entry & 15
	h.n -= int(entry & 15)
	return entry
}
