package encode

// mcuRowBytes codes one row of MCUs as a restart interval.
func (e *jpegEncoder) mcuRowBytes(pixels []byte) []byte {
	width, side := e.header.Width, e.mcu()
	w := bitWriter{out: make([]byte, 0, len(pixels)/4)}
	var previous [3]int32
	var planes [3][256]float32 // an MCU's components at full resolution
	for x0 := 0; x0 < width; x0 += side {
		if e.header.Channels == 1 {
			grayMCU(&planes[0], pixels, x0, width)
			previous[0] = e.tables.block(&w, &planes[0], 8, 0, previous[0])
			continue
		}
		colorMCU(&planes, pixels, x0, width, side)
		for y := 0; y < side; y += 8 {
			for x := 0; x < side; x += 8 {
				var block [256]float32
				for row := range 8 {
					copy(block[row*8:row*8+8], planes[0][(y+row)*side+x:])
				}
				previous[0] = e.tables.block(&w, &block, 8, 0, previous[0])
			}
		}
		for c := 1; c < 3; c++ {
			if side == 16 {
				halve(&planes[c])
			}
			previous[c] = e.tables.block(&w, &planes[c], 8, 1, previous[c])
		}
	}
	return w.finish()
}

func grayMCU(out *[256]float32, pixels []byte, x0, width int) {
	for y := range 8 {
		row := pixels[y*width : (y+1)*width]
		for x := range 8 {
			out[y*8+x] = float32(row[min(x0+x, width-1)]) - 128
		}
	}
}

// colorMCU converts to YCbCr (JFIF, BT.601 full range), less the level shift.
func colorMCU(out *[3][256]float32, pixels []byte, x0, width, side int) {
	for y := range side {
		row := pixels[y*width*3 : (y+1)*width*3]
		for x := range side {
			p := row[3*min(x0+x, width-1):]
			r, g, b := float32(p[0]), float32(p[1]), float32(p[2])
			i := y*side + x
			out[0][i] = 0.299*r + 0.587*g + 0.114*b - 128
			out[1][i] = -0.168735892*r - 0.331264108*g + 0.5*b
			out[2][i] = 0.5*r - 0.418687589*g - 0.081312411*b
		}
	}
}

// halve averages 2x2 samples of a 16x16 plane into its first 64.
func halve(p *[256]float32) {
	var small [64]float32
	for y := range 8 {
		for x := range 8 {
			i := 2*y*16 + 2*x
			small[y*8+x] = (p[i] + p[i+1] + p[i+16] + p[i+17]) / 4
		}
	}
	copy(p[:64], small[:])
}

// block transforms, quantises and codes the 8x8 samples at the start of p and
// returns the DC value for the next block's difference. kind is 0 for luma, 1
// for chroma.
func (t *jpegTables) block(w *bitWriter, p *[256]float32, stride, kind int, previous int32) int32 {
	for y := range 8 {
		dct(p[y*stride:], 1)
	}
	for x := range 8 {
		dct(p[x:], stride)
	}
	reciprocal := &t.reciprocal[kind]
	quantised := func(at uint8) int32 {
		v := p[at] * reciprocal[at]
		if v < 0 {
			return int32(v - 0.5)
		}
		return int32(v + 0.5)
	}
	dc := quantised(0)
	w.value(&t.codes[2*kind], 0, dc-previous)
	ac, zeros := &t.codes[2*kind+1], 0
	for _, at := range zigzag[1:] {
		v := max(-1023, min(1023, quantised(at))) // the tables' largest category
		if v == 0 {
			zeros++
			continue
		}
		for ; zeros > 15; zeros -= 16 {
			w.code(ac[0xf0])
		}
		w.value(ac, zeros, v)
		zeros = 0
	}
	if zeros > 0 {
		w.code(ac[0])
	}
	return dc
}

// dct is the scaled forward transform of eight samples by Arai, Agui and
// Nakajima (1988); its scale factors are part of the quantiser.
func dct(p []float32, step int) {
	_ = p[7*step]
	s0, s7 := p[0]+p[7*step], p[0]-p[7*step]
	s1, s6 := p[step]+p[6*step], p[step]-p[6*step]
	s2, s5 := p[2*step]+p[5*step], p[2*step]-p[5*step]
	s3, s4 := p[3*step]+p[4*step], p[3*step]-p[4*step]

	e0, e3 := s0+s3, s0-s3
	e1, e2 := s1+s2, s1-s2
	z := (e2 + e3) * 0.707106781
	p[0], p[4*step] = e0+e1, e0-e1
	p[2*step], p[6*step] = e3+z, e3-z

	o0, o1, o2 := s4+s5, s5+s6, s6+s7
	z5 := (o0 - o2) * 0.382683433
	z2 := 0.541196100*o0 + z5
	z4 := 1.306562965*o2 + z5
	z3 := o1 * 0.707106781
	high, low := s7+z3, s7-z3
	p[5*step], p[3*step] = low+z2, low-z2
	p[step], p[7*step] = high+z4, high-z4
}

// bitWriter collects Huffman codes, stuffing a zero behind each 0xff byte.
type bitWriter struct {
	out  []byte
	bits uint64
	n    uint
}

func (w *bitWriter) put(bits uint32, n uint) {
	w.bits = w.bits<<n | uint64(bits)
	for w.n += n; w.n >= 8; w.n -= 8 {
		b := byte(w.bits >> (w.n - 8))
		w.out = append(w.out, b)
		if b == 0xff {
			w.out = append(w.out, 0)
		}
	}
}

func (w *bitWriter) code(c huffmanCode) { w.put(uint32(c.bits), uint(c.length)) }

// value codes a coefficient behind a run of zeros (T.81, F.1.2).
func (w *bitWriter) value(codes *[256]huffmanCode, zeros int, v int32) {
	a, b := v, v
	if v < 0 {
		a, b = -v, v-1
	}
	size := uint(0)
	for ; a > 0; a >>= 1 {
		size++
	}
	w.code(codes[zeros<<4|int(size)])
	if size > 0 {
		w.put(uint32(b)&(1<<size-1), size)
	}
}

// finish pads the last byte with ones.
func (w *bitWriter) finish() []byte {
	if w.n > 0 {
		w.put(1<<(8-w.n)-1, 8-w.n)
	}
	return w.out
}
