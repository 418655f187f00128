package encode

import "encoding/binary"

// The filters of PNG, section 9.
const (
	filterNone = iota
	filterSub
	filterUp
	filterAverage
	filterPaeth
)

// applyFilter writes the residuals of a row; all three rows have equal length and
// do not overlap. The left neighbors of the first pixel are zero.
func applyFilter(filter byte, out, row, above []byte, pixel int) {
	switch filter {
	case filterNone:
		copy(out, row)
	case filterSub:
		copy(out[:pixel], row)
		subtract(out[pixel:], row[pixel:], row)
	case filterUp:
		subtract(out, row, above)
	case filterAverage:
		for i := range pixel {
			out[i] = row[i] - above[i]/2
		}
		subtractMean(out[pixel:], row[pixel:], row, above[pixel:])
	case filterPaeth:
		for i := range pixel {
			out[i] = row[i] - above[i]
		}
		subtractPaeth(out[pixel:], row[pixel:], row, above[pixel:], above)
	}
}

// Eight bytes are computed at once in 64-bit integers.
const (
	topBits = 0x8080808080808080
	lowBits = 0xfefefefefefefefe // all but the lowest bit of each byte
)

// subtractEight returns the differences of the bytes of two words: the top bits,
// set in one and cleared in the other, confine borrows to their bytes.
func subtractEight(v, w uint64) uint64 {
	return (v | topBits) - (w &^ topBits) ^ (v^^w)&topBits
}

// subtract writes values minus predictions.
func subtract(out, values, predictions []byte) {
	i := 0
	for ; i+8 <= len(values); i += 8 {
		v, p := binary.LittleEndian.Uint64(values[i:]), binary.LittleEndian.Uint64(predictions[i:])
		binary.LittleEndian.PutUint64(out[i:], subtractEight(v, p))
	}
	for ; i < len(values); i++ {
		out[i] = values[i] - predictions[i]
	}
}

// subtractMean writes values minus the means of two neighbors, rounded down.
func subtractMean(out, values, left, up []byte) {
	i := 0
	for ; i+8 <= len(values); i += 8 {
		a, b := binary.LittleEndian.Uint64(left[i:]), binary.LittleEndian.Uint64(up[i:])
		mean := a&b + (a^b)&lowBits>>1
		binary.LittleEndian.PutUint64(out[i:], subtractEight(binary.LittleEndian.Uint64(values[i:]), mean))
	}
	for ; i < len(values); i++ {
		out[i] = values[i] - byte((uint(left[i])+uint(up[i]))/2)
	}
}

// subtractPaeth writes values minus the predictions of paeth.
func subtractPaeth(out, values, left, up, corner []byte) {
	i := 0
	for ; i+8 <= len(values); i += 8 {
		a, b, c := binary.LittleEndian.Uint64(left[i:]), binary.LittleEndian.Uint64(up[i:]), binary.LittleEndian.Uint64(corner[i:])
		p := paethFour(a&evenBytes, b&evenBytes, c&evenBytes) | paethFour(a>>8&evenBytes, b>>8&evenBytes, c>>8&evenBytes)<<8
		binary.LittleEndian.PutUint64(out[i:], subtractEight(binary.LittleEndian.Uint64(values[i:]), p))
	}
	for ; i < len(values); i++ {
		out[i] = values[i] - paeth(left[i], up[i], corner[i])
	}
}

// Four bytes are in lanes of 16 bits.
const (
	evenBytes = 0x00ff00ff00ff00ff
	topOfLane = 0x8000800080008000
)

// paethFour is paeth of four lanes.
func paethFour(left, up, corner uint64) uint64 {
	toLeft, toUp := distances(up, corner), distances(left, corner)
	toCorner := distances(left+up, 2*corner)
	// Ties go to left, then up, as the standard requires.
	leftWins := atLeast(toUp, toLeft) & atLeast(toCorner, toLeft)
	upWins := atLeast(toCorner, toUp)
	other := corner ^ (corner^up)&upWins
	return other ^ (other^left)&leftWins
}

// atLeast sets all bits of the lanes whose x, below 2^15, is not less than y.
func atLeast(x, y uint64) uint64 {
	m := ((x | topOfLane) - y) & topOfLane >> 15
	return m<<16 - m
}

// distances returns |x-y| of each lane.
func distances(x, y uint64) uint64 {
	d := (x | topOfLane) - y // 2^15 above the difference
	m := d & topOfLane >> 15 // 1 if it is not negative
	negative := ^(m<<16 - m) // all bits of the other lanes
	return (d ^ topOfLane ^ negative) + (^m & (topOfLane >> 15))
}

// chooseFilter returns the filter with the smallest sum of absolute residuals, the
// usual measure, over 32 bytes of every 512 (more of short rows).
func chooseFilter(row, above []byte, pixel int) byte {
	const part = 32
	var sums [5]int
	n := len(row) - pixel
	for start := 0; start < n; start += min(512, max(part, n/16)) {
		size := min(part, n-start)
		value, up := row[pixel+start:][:size], above[pixel+start:][:size]
		left, corner := row[start:][:size], above[start:][:size]
		for i, v := range value {
			sums[filterNone] += magnitude(v)
			sums[filterSub] += magnitude(v - left[i])
			sums[filterUp] += magnitude(v - up[i])
			sums[filterAverage] += magnitude(v - byte((uint(left[i])+uint(up[i]))/2))
			sums[filterPaeth] += magnitude(v - paeth(left[i], up[i], corner[i]))
		}
	}
	best := byte(filterNone)
	for f := byte(filterSub); f <= filterPaeth; f++ {
		if sums[f] < sums[best] {
			best = f
		}
	}
	return best
}

// magnitude returns the absolute value of a residual as a signed byte.
func magnitude(v byte) int {
	m := int(int8(v))
	return max(m, -m)
}

// paeth predicts from the neighbor nearest to left+up-corner. It has no branches
// that depend on pixels (the conditions compile to conditional moves), which is
// twice as fast.
func paeth(left, up, corner byte) byte {
	a, b, c := int32(left), int32(up), int32(corner)
	nearest, other := b-c, a-c
	third := nearest + other
	sign := nearest >> 31
	nearest = (nearest ^ sign) - sign
	sign = other >> 31
	other = (other ^ sign) - sign
	sign = third >> 31
	third = (third ^ sign) - sign
	if other < nearest {
		a, nearest = b, other
	}
	if third < nearest {
		a = c
	}
	return byte(a)
}
