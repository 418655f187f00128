package decode

import (
	"encoding/binary"
	"math"
)

// predicts reports whether rows hold differences, which only these compressions do.
func (p *tiffPage) predicts() bool {
	switch p.compression {
	case lzwStrips, adobeDeflate, pkDeflate, lzmaStrips, zstdStrips:
		return p.predictor > 1
	}
	return false
}

// undoPredictor makes samples of the differences in a row (TIFF 6.0, section 14, and
// Adobe's technical note 3 for floating point).
func (p *tiffPage) undoPredictor(row []byte) {
	step := p.stored()
	if p.predictor == 3 {
		undoFloats(p, row, step)
		return
	}
	switch p.bits {
	case 8:
		for i := step; i < len(row); i++ {
			row[i] += row[i-step]
		}
	case 16:
		for i := 2 * step; i+2 <= len(row); i += 2 {
			p.Order.PutUint16(row[i:], p.Order.Uint16(row[i:])+p.Order.Uint16(row[i-2*step:]))
		}
	case 32:
		for i := 4 * step; i+4 <= len(row); i += 4 {
			p.Order.PutUint32(row[i:], p.Order.Uint32(row[i:])+p.Order.Uint32(row[i-4*step:]))
		}
	case 64:
		for i := 8 * step; i+8 <= len(row); i += 8 {
			p.Order.PutUint64(row[i:], p.Order.Uint64(row[i:])+p.Order.Uint64(row[i-8*step:]))
		}
	}
}

// undoFloats joins the bytes of floating-point samples, which are stored from the
// highest on for the whole row.
func undoFloats(p *tiffPage, row []byte, step int) {
	for i := step; i < len(row); i++ {
		row[i] += row[i-step]
	}
	size := p.bits / 8
	count := len(row) / size
	joined := make([]byte, len(row))
	for i := range count {
		for b := range size {
			at := b
			if p.Order == binary.ByteOrder(binary.LittleEndian) {
				at = size - 1 - b
			}
			joined[i*size+at] = row[b*count+i]
		}
	}
	copy(row, joined)
}

// unpack writes count samples of a row, every step-th from the start of out. Samples of
// odd depths are scaled.
func unpack[T sample](p *tiffPage, raw []byte, out []T, count, step int) {
	full := uint64(^T(0))
	if p.format == floats {
		for i := range count {
			out[i*step] = T(min(max(floatOf(p, raw, i), 0), 1)*float64(full) + 0.5)
		}
		return
	}
	switch {
	case p.bits == 8:
		for i, v := range raw[:count] {
			out[i*step] = T(v)
		}
	case p.bits == 16:
		for i := range count {
			out[i*step] = T(p.Order.Uint16(raw[2*i:]))
		}
	case p.bits == 24 || p.bits == 32:
		// The two highest bytes are kept.
		size, high := p.bits/8, 0
		if p.Order == binary.ByteOrder(binary.LittleEndian) {
			high = size - 2
		}
		for i := range count {
			out[i*step] = T(p.Order.Uint16(raw[i*size+high:]))
		}
	default:
		p.unpackBits(raw, count, func(i int, v uint64) {
			most := uint64(1)<<p.bits - 1
			out[i*step] = T((v*full + most/2) / most)
		})
	}
}

// unpackBits calls set for samples that are packed from the highest bit on.
func (p *tiffPage) unpackBits(raw []byte, count int, set func(i int, v uint64)) {
	held, n := uint64(0), 0
	for i := range count {
		for ; n < p.bits; n += 8 {
			held, raw = held<<8|uint64(raw[0]), raw[1:]
		}
		n -= p.bits
		set(i, held>>n&(1<<p.bits-1))
	}
}

// floatOf returns the i-th floating-point sample, 0 for a NaN.
func floatOf(p *tiffPage, raw []byte, i int) float64 {
	v := 0.0
	switch p.bits {
	case 16:
		v = half(p.Order.Uint16(raw[2*i:]))
	case 32:
		v = float64(math.Float32frombits(p.Order.Uint32(raw[4*i:])))
	case 64:
		v = math.Float64frombits(p.Order.Uint64(raw[8*i:]))
	}
	if math.IsNaN(v) {
		return 0
	}
	return v
}

// half returns an IEEE 754 number of 16 bits.
func half(bits uint16) float64 {
	exponent, fraction := int(bits>>10&31), float64(bits&1023)/1024
	v := math.Ldexp(1+fraction, exponent-15)
	switch exponent {
	case 0:
		v = math.Ldexp(fraction, -14)
	case 31:
		if v = math.Inf(1); fraction > 0 {
			v = math.NaN()
		}
	}
	if bits>>15 == 1 {
		return -v
	}
	return v
}
