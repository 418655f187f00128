package encode

// The filters of PNG, section 9.
const (
	filterNone = iota
	filterSub
	filterUp
	filterAverage
	filterPaeth
)

// applyFilter writes the residuals of a row; all three have its length and do
// not overlap. Slices of one length let the compiler drop bounds checks.
func applyFilter(filter byte, out, row, above []byte, pixel int) {
	n := len(row) - pixel
	residual, value, up := out[pixel:][:n], row[pixel:][:n], above[pixel:][:n]
	left, corner := row[:n], above[:n]
	switch filter {
	case filterNone:
		copy(out, row)
	case filterSub:
		copy(out[:pixel], row)
		for i, v := range value {
			residual[i] = v - left[i]
		}
	case filterUp:
		for i, v := range row {
			out[i] = v - above[i]
		}
	case filterAverage:
		for i := range pixel {
			out[i] = row[i] - above[i]/2
		}
		for i, v := range value {
			residual[i] = v - byte((uint(left[i])+uint(up[i]))/2)
		}
	case filterPaeth:
		for i := range pixel {
			out[i] = row[i] - above[i]
		}
		for i, v := range value {
			residual[i] = v - paeth(left[i], up[i], corner[i])
		}
	}
}

// chooseFilter finds the filter with the smallest sum of absolute residuals,
// the usual measure, over 32 bytes of every 512 (more of short rows).
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

// magnitude of a residual as a signed byte.
func magnitude(v byte) int {
	m := int(int8(v))
	return max(m, -m)
}

// paeth predicts from the neighbour nearest to left+up-corner. It is written
// without branches that depend on the pixels (the conditions become
// conditional moves), which is twice as fast.
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
