package resize

import (
	"encoding/binary"
	"math"
)

// Two 8-bit samples are computed at a time in one 64-bit integer: a product of a
// weight with first|second<<32 is both products, and so is a sum of them. A
// negative lower half borrows from the upper one; unpack corrects this. Weights
// have 21 fractional bits: sums reach 255 times the sum of the weights' magnitudes,
// which is below 2 for this filter, and so stay within 31 bits.
const (
	fixedBits = 21
	// halves rounds both sums to the nearest sample.
	halves = 1<<(fixedBits-1) | 1<<(fixedBits-1+32)
	// evens selects samples 0 and 4 of eight.
	evens = 0x000000ff_000000ff
)

// fixed rounds weights so that their sum stays exactly 1 and constant areas stay
// constant.
func fixed(weights []float64, to []int64) {
	sum, largest := int64(0), 0
	for i, w := range weights {
		to[i] = int64(math.Round(w * (1 << fixedBits)))
		sum += to[i]
		if to[i] > to[largest] {
			largest = i
		}
	}
	to[largest] += 1<<fixedBits - sum
}

// unpack returns the samples of a pair of sums.
func unpack(sums int64) (first, second uint8) {
	low := int64(int32(sums))
	return sampleOf(low), sampleOf((sums - low) >> 32)
}

func sampleOf(sum int64) uint8 { return uint8(max(0, min(255, sum>>fixedBits))) }

// across8 resizes rows horizontally, two at a time. scratch holds a row's samples.
func across8(out, in []uint8, columns []taps[int64], stride, channels int, scratch []int64) {
	outStride := len(columns) * channels
	for len(in) > 0 {
		upper, lower := in[:stride], in[len(in)-stride:]
		outUpper, outLower := out[:outStride], out[len(out)-outStride:]
		if rest := in[stride:]; len(rest) > 0 {
			lower, outLower = rest[:stride], out[outStride:2*outStride]
			in, out = rest[stride:], out[2*outStride:]
		} else {
			in = nil // the last row alone is both
		}
		packed := scratch[:len(upper)]
		lower = lower[:len(upper)]
		for i, v := range upper {
			packed[i] = int64(v) | int64(lower[i])<<32
		}
		if channels == 3 {
			across8Color(outUpper, outLower, packed, columns)
		} else {
			across8Gray(outUpper, outLower, packed, columns)
		}
	}
}

func across8Color(upper, lower []uint8, packed []int64, columns []taps[int64]) {
	for x, t := range columns {
		red, green, blue := colorSums(packed[3*t.first:3*t.end()], t.weights)
		a, b := upper[3*x:][:3], lower[3*x:][:3]
		a[0], b[0] = unpack(red)
		a[1], b[1] = unpack(green)
		a[2], b[2] = unpack(blue)
	}
}

// colorSums weighs pixels. It is a function of its own, and takes four pixels
// at a time, so that everything stays in registers and few bounds are checked.
//
//go:noinline
func colorSums(pixels, weights []int64) (red, green, blue int64) {
	red, green, blue = halves, halves, halves
	for len(weights) >= 4 && len(pixels) >= 12 {
		p, w := (*[12]int64)(pixels), (*[4]int64)(weights)
		red += w[0]*p[0] + w[1]*p[3] + w[2]*p[6] + w[3]*p[9]
		green += w[0]*p[1] + w[1]*p[4] + w[2]*p[7] + w[3]*p[10]
		blue += w[0]*p[2] + w[1]*p[5] + w[2]*p[8] + w[3]*p[11]
		pixels, weights = pixels[12:], weights[4:]
	}
	for i, w := range weights {
		p := pixels[3*i:][:3]
		red, green, blue = red+w*p[0], green+w*p[1], blue+w*p[2]
	}
	return red, green, blue
}

func across8Gray(upper, lower []uint8, packed []int64, columns []taps[int64]) {
	for x, t := range columns {
		sums := int64(halves)
		for i, v := range packed[t.first:t.end()] {
			sums += t.weights[i] * v
		}
		upper[x], lower[x] = unpack(sums)
	}
}

// down8 computes one row from the rows that the taps start at.
func down8(out, rows []uint8, t taps[int64]) {
	stride := len(out)
	x := 0
	for ; x+8 <= stride; x += 8 {
		a, b, c, d := eightSums(rows[x:], t.weights, stride)
		p := out[x:][:8]
		p[0], p[4] = unpack(a)
		p[1], p[5] = unpack(b)
		p[2], p[6] = unpack(c)
		p[3], p[7] = unpack(d)
	}
	for ; x < stride; x++ {
		sum := int64(halves)
		for i, w := range t.weights {
			sum += w * int64(rows[i*stride+x])
		}
		out[x], _ = unpack(sum)
	}
}

// eightSums weighs the first eight samples of rows: 0 and 4, 1 and 5, 2 and 6,
// 3 and 7.
//
//go:noinline
func eightSums(rows []uint8, weights []int64, stride int) (a, b, c, d int64) {
	a, b, c, d = halves, halves, halves, halves
	at := 0
	for _, w := range weights {
		v := binary.LittleEndian.Uint64(rows[at:])
		a += w * int64(v&evens)
		b += w * int64(v>>8&evens)
		c += w * int64(v>>16&evens)
		d += w * int64(v>>24&evens)
		at += stride
	}
	return a, b, c, d
}
