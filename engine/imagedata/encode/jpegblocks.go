package encode

import "math/bits"

// block holds 8x8 samples or coefficients in row-major order.
type block [64]float32

// mcu is the memory for coding MCUs: up to four luma blocks, then chroma.
type mcu struct {
	luma         [4]block
	chroma       [2]block
	quarter      [2]block          // chroma of one luma block, before halving
	edge         [16 * 16 * 3]byte // an MCU that the image does not fill
	coefficients [64]int32         // quantized, in coded order
	previous     [3]int32          // DC of the last block of each component
	out          bitWriter
}

// code codes one row of MCUs, given its pixels, as a restart interval.
func (e *jpegEncoder) code(pixels []byte) []byte {
	width, side, channels := e.header.Width, e.side(), e.header.Channels
	m := &mcu{}
	m.out.bytes = make([]byte, 0, len(pixels)/6)
	for x := 0; x < width; x += side {
		part, stride := pixels[x*channels:], width*channels
		if x+side > width {
			m.fill(part, stride, width-x, side, channels)
			part, stride = m.edge[:], side*channels
		}
		switch {
		case channels == 1:
			m.gray(part, stride)
		case side == 8:
			toYCbCr(part, stride, &m.luma[0], &m.chroma[0], &m.chroma[1])
		default:
			m.halved(part, stride)
		}
		for i := range e.sampling * e.sampling {
			m.put(&e.tables, 0, 0, &m.luma[i])
		}
		for c := 1; c < channels; c++ {
			m.put(&e.tables, c, 1, &m.chroma[c-1])
		}
	}
	return m.out.finish()
}

// fill repeats the last column up to the MCU's side.
func (m *mcu) fill(pixels []byte, stride, columns, side, channels int) {
	for y := range side {
		row, out := pixels[y*stride:][:columns*channels], m.edge[y*side*channels:][:side*channels]
		for n := copy(out, row); n < len(out); {
			n += copy(out[n:], row[len(row)-channels:])
		}
	}
}

func (m *mcu) gray(pixels []byte, stride int) {
	for y := range 8 {
		row := pixels[y*stride:][:8]
		for x, v := range row {
			m.luma[0][y*8+x] = float32(v) - 128
		}
	}
}

// halved converts 16x16 pixels; chroma is the mean of 2x2.
func (m *mcu) halved(pixels []byte, stride int) {
	for i := range 4 {
		x, y := i%2, i/2
		toYCbCr(pixels[y*8*stride+x*24:], stride, &m.luma[i], &m.quarter[0], &m.quarter[1])
		for c := range m.quarter {
			full, half := &m.quarter[c], m.chroma[c][y*32+x*4:]
			for j := range 4 {
				a, b := full[j*16:][:8], full[j*16+8:][:8]
				for k := range 4 {
					half[j*8+k] = (a[2*k] + a[2*k+1] + b[2*k] + b[2*k+1]) / 4
				}
			}
		}
	}
}

// toYCbCr converts 8x8 pixels as JFIF requires (BT.601, full range), with luma
// shifted by -128.
func toYCbCr(pixels []byte, stride int, luma, blue, red *block) {
	for y := range 8 {
		row := pixels[y*stride:][:24]
		for x := range 8 {
			r, g, b := float32(row[3*x]), float32(row[3*x+1]), float32(row[3*x+2])
			luma[y*8+x] = 0.299*r + 0.587*g + 0.114*b - 128
			blue[y*8+x] = -0.168735892*r - 0.331264108*g + 0.5*b
			red[y*8+x] = 0.5*r - 0.418687589*g - 0.081312411*b
		}
	}
}

// put transforms, quantizes and codes a block (T.81, section F.1.2). kind is 0
// for the luma tables, 1 for chroma.
func (m *mcu) put(t *jpegTables, component, kind int, samples *block) {
	samples.transform()
	present := t.quantize(kind, samples, &m.coefficients)
	dc := m.coefficients[0]
	m.out.value(&t.codes[2*kind], 0, dc-m.previous[component])
	m.previous[component] = dc
	codes, last := &t.codes[2*kind+1], 0
	for rest := present &^ 1; rest != 0; rest &= rest - 1 {
		at := bits.TrailingZeros64(rest)
		zeros := at - last - 1
		last = at
		for ; zeros > 15; zeros -= 16 {
			m.out.code(codes[0xf0])
		}
		// The tables end at ten bits.
		m.out.value(codes, zeros, max(-1023, min(1023, m.coefficients[at])))
	}
	if last < 63 {
		m.out.code(codes[0]) // only zeros follow
	}
}
