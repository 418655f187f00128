package encode

// The filters of PNG, section 9.
const (
	filterNone = iota
	filterSub
	filterUp
	filterAverage
	filterPaeth
)

// appendFiltered adds a row with the filter that promises the smallest
// residuals, judged on a part of the row (the usual minimum sum of absolute
// differences, at an eighth of its cost).
func appendFiltered(out, row, above []byte, pixel int) []byte {
	filter := chooseFilter(row, above, pixel)
	at := len(out) + 1
	out = append(out, filter)
	out = append(out, row...)
	residuals := out[at:]
	switch filter {
	case filterSub:
		for i := len(row) - 1; i >= pixel; i-- {
			residuals[i] -= row[i-pixel]
		}
	case filterUp:
		for i, v := range above {
			residuals[i] -= v
		}
	case filterAverage:
		for i := range residuals {
			left := byte(0)
			if i >= pixel {
				left = row[i-pixel]
			}
			residuals[i] = row[i] - byte((uint(left)+uint(above[i]))/2)
		}
	case filterPaeth:
		for i := range min(pixel, len(row)) {
			residuals[i] -= above[i]
		}
		for i := pixel; i < len(row); i++ {
			residuals[i] = row[i] - paeth(row[i-pixel], above[i], above[i-pixel])
		}
	}
	return out
}

// chooseFilter samples 32 bytes of every 256.
func chooseFilter(row, above []byte, pixel int) byte {
	var sums [5]int
	for start := pixel; start < len(row); start += 256 {
		for i := start; i < min(start+32, len(row)); i++ {
			v, left, up, corner := row[i], row[i-pixel], above[i], above[i-pixel]
			sums[filterNone] += magnitude(v)
			sums[filterSub] += magnitude(v - left)
			sums[filterUp] += magnitude(v - up)
			sums[filterAverage] += magnitude(v - byte((uint(left)+uint(up))/2))
			sums[filterPaeth] += magnitude(v - paeth(left, up, corner))
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
	if m < 0 {
		return -m
	}
	return m
}

// paeth predicts from the neighbour nearest to left+up-corner.
func paeth(left, up, corner byte) byte {
	a, b, c := int(left), int(up), int(corner)
	pa, pb := b-c, a-c
	pc := pa + pb
	if pa < 0 {
		pa = -pa
	}
	if pb < 0 {
		pb = -pb
	}
	if pc < 0 {
		pc = -pc
	}
	switch {
	case pa <= pb && pa <= pc:
		return left
	case pb <= pc:
		return up
	}
	return corner
}
