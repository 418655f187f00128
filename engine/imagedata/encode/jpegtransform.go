package encode

import (
	"encoding/binary"
	"math"
	"math/bits"

	"upscaled/engine/imagedata/jpeg"
)

// transform is the forward DCT by Arai, Agui and Nakajima (1988) on rows, then
// columns. Its scale factors are part of the quantizer.
func (b *block) transform() {
	for y := range 8 {
		p := (*[8]float32)(b[8*y:])
		p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7] = dct(p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7])
	}
	for x := range 8 {
		p := (*[57]float32)(b[x:])
		p[0], p[8], p[16], p[24], p[32], p[40], p[48], p[56] = dct(p[0], p[8], p[16], p[24], p[32], p[40], p[48], p[56])
	}
}

// dct transforms eight samples.
func dct(a, b, c, d, e, f, g, h float32) (_, _, _, _, _, _, _, _ float32) {
	s0, s7 := a+h, a-h
	s1, s6 := b+g, b-g
	s2, s5 := c+f, c-f
	s3, s4 := d+e, d-e

	e0, e3 := s0+s3, s0-s3
	e1, e2 := s1+s2, s1-s2
	z := (e2 + e3) * 0.707106781

	o0, o1, o2 := s4+s5, s5+s6, s6+s7
	z5 := (o0 - o2) * 0.382683433
	z2 := 0.541196100*o0 + z5
	z4 := 1.306562965*o2 + z5
	z3 := o1 * 0.707106781
	high, low := s7+z3, s7-z3
	return e0 + e1, high + z4, e3 + z, low - z2, e0 - e1, low + z2, e3 - z, high - z4
}

// quantize divides and rounds the coefficients into coded order. The result has
// a bit for each nonzero one.
func (t *jpegTables) quantize(kind int, in *block, out *[64]int32) (present uint64) {
	// Adding 1.5*2^23 leaves the nearest integer in the lowest bits of the
	// float, without branches; it is valid up to 2^22.
	const rounding = 3 << 22
	bias := int32(math.Float32bits(rounding))
	reciprocal := &t.reciprocal[kind]
	for i, at := range jpeg.Zigzag {
		v := int32(math.Float32bits(in[at&63]*reciprocal[i]+rounding)) - bias
		out[i] = v
		if v != 0 {
			present |= 1 << i
		}
	}
	return present
}

// bitWriter collects codes, highest bit first, and stuffs a zero after each 0xff
// byte.
type bitWriter struct {
	bytes []byte
	bits  uint64 // the lowest n are not written yet
	n     uint
}

// put adds up to 32 bits.
func (w *bitWriter) put(code uint32, length uint) {
	w.bits = w.bits<<length | uint64(code)
	if w.n += length; w.n >= 32 {
		w.flush()
	}
}

// flush writes 32 bits.
func (w *bitWriter) flush() {
	w.n -= 32
	word := uint32(w.bits >> w.n)
	if (^word-0x01010101)&word&0x80808080 == 0 { // no byte is 0xff
		w.bytes = binary.BigEndian.AppendUint32(w.bytes, word)
		return
	}
	for shift := 24; shift >= 0; shift -= 8 {
		w.byte(byte(word >> shift))
	}
}

func (w *bitWriter) byte(b byte) {
	w.bytes = append(w.bytes, b)
	if b == 0xff {
		w.bytes = append(w.bytes, 0)
	}
}

func (w *bitWriter) code(c huffmanCode) { w.put(uint32(c.bits), uint(c.length)) }

// value codes a coefficient of up to 11 bits after a run of zeros (T.81, section
// F.1.2): the code of both sizes, then the bits, of negative numbers minus one.
func (w *bitWriter) value(codes *[256]huffmanCode, zeros int, v int32) {
	sign := v >> 31
	size := uint(bits.Len32(uint32((v ^ sign) - sign)))
	c := codes[(zeros<<4|int(size))&255]
	w.put(uint32(c.bits)<<size|uint32(v+sign)&(1<<size-1), uint(c.length)+size)
}

// finish pads the last byte with ones.
func (w *bitWriter) finish() []byte {
	for ; w.n >= 8; w.n -= 8 {
		w.byte(byte(w.bits >> (w.n - 8)))
	}
	if w.n > 0 {
		w.byte(byte(w.bits<<(8-w.n)) | 1<<(8-w.n) - 1)
	}
	return w.bytes
}
