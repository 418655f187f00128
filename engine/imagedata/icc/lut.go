package icc

import (
	"encoding/binary"

	"upscaled/engine/parallel"
)

// lut is a conversion by lookup tables (ICC.1:2022, sections 10.10 to 10.12): curves,
// a grid of colors, and further curves around a matrix.
type lut struct {
	channels int // of the device: 1 gray, 3 RGB, 4 CMYK
	input    []toneCurve
	grid     []int // points per channel; nil without a grid
	table    []byte
	wide     bool // table has 16-bit numbers
	middle   []toneCurve
	matrix   [12]float64 // 3x3, then an offset; zero without one
	output   []toneCurve
	toXYZ    func([3]float64) [3]float64
}

// parseLUT reads a tag of type mft1, mft2 or mAB.
func parseLUT(tag []byte, channels int, connection string) (*lut, bool) {
	if len(tag) < 32 || channels == 0 || int(tag[8]) != channels || tag[9] != 3 {
		return nil, false
	}
	l := &lut{channels: channels}
	kind := string(tag[:4])
	switch {
	case connection == "XYZ ":
		l.toXYZ = func(v [3]float64) [3]float64 {
			const most = 1 + 32767.0/32768
			return [3]float64{v[0] * most, v[1] * most, v[2] * most}
		}
	case connection != "Lab ":
		return nil, false
	case kind == "mft2":
		// The 16-bit encoding of version 2: 0xff00 is L* 100, 0x8000 no color.
		const unit = 65535.0 / 65280
		l.toXYZ = func(v [3]float64) [3]float64 {
			return labToXYZ(v[0]*100*unit, v[1]*255*unit-128, v[2]*255*unit-128)
		}
	default:
		l.toXYZ = func(v [3]float64) [3]float64 { return labToXYZ(v[0]*100, v[1]*255-128, v[2]*255-128) }
	}
	switch kind {
	case "mft1", "mft2":
		return l, l.parseTables(tag, kind == "mft2")
	case "mAB ":
		return l, l.parseStages(tag)
	}
	return nil, false
}

// parseTables reads the older types. Their matrix applies to XYZ only, which no device
// has.
func (l *lut) parseTables(tag []byte, wide bool) bool {
	points, entries, results, rest := int(tag[10]), 256, 256, tag[min(len(tag), 48):]
	if l.wide = wide; wide {
		if len(tag) < 52 {
			return false
		}
		entries, results = int(binary.BigEndian.Uint16(tag[48:])), int(binary.BigEndian.Uint16(tag[50:]))
		rest = tag[52:]
	}
	if entries < 2 || results < 2 || points < 2 {
		return false
	}
	var ok bool
	if l.input, rest, ok = l.curves(rest, l.channels, entries); !ok {
		return false
	}
	for range l.channels {
		l.grid = append(l.grid, points)
	}
	size := l.gridSize()
	if size > len(rest) {
		return false
	}
	l.table, rest = rest[:size], rest[size:]
	l.output, _, ok = l.curves(rest, 3, results)
	return ok
}

// curves reads tables of numbers as curves.
func (l *lut) curves(rest []byte, count, entries int) ([]toneCurve, []byte, bool) {
	size := entries
	if l.wide {
		size *= 2
	}
	if count*size > len(rest) {
		return nil, nil, false
	}
	curves := make([]toneCurve, count)
	for i := range curves {
		values := rest[i*size : (i+1)*size]
		if !l.wide {
			wider := make([]byte, 0, 2*entries)
			for _, v := range values {
				wider = append(wider, v, v) // 255 becomes 65535
			}
			values = wider
		}
		curves[i], _ = sampledCurve(values, int64(entries))
	}
	return curves, rest[count*size:], true
}

// gridSize returns the bytes of the grid, more than any profile has for absurd ones.
func (l *lut) gridSize() int {
	size := 3
	if l.wide {
		size = 6
	}
	for _, points := range l.grid {
		if size *= points; size > 1<<30 {
			return 1 << 30
		}
	}
	return size
}

// parseStages reads the type of version 4, in which most parts are optional.
func (l *lut) parseStages(tag []byte) bool {
	offset := func(i int) int64 { return int64(binary.BigEndian.Uint32(tag[12+4*i:])) }
	part := func(i int) []byte {
		if at := offset(i); at >= 32 && at < int64(len(tag)) {
			return tag[at:]
		}
		return nil
	}
	ok := true
	list := func(i, count int) []toneCurve {
		if offset(i) == 0 || !ok {
			return nil
		}
		var curves []toneCurve
		curves, ok = curveList(part(i), count)
		return curves
	}
	l.output, l.middle, l.input = list(0, 3), list(2, 3), list(4, l.channels)
	if matrix := part(1); offset(1) > 0 {
		if len(matrix) < 48 {
			return false
		}
		for i := range l.matrix {
			l.matrix[i] = fixed(matrix[4*i:])
		}
	}
	grid := part(3)
	if offset(3) == 0 {
		return ok && l.channels == 3
	}
	if len(grid) < 20 {
		return false
	}
	for i := range l.channels {
		if grid[i] < 2 {
			return false
		}
		l.grid = append(l.grid, int(grid[i]))
	}
	l.wide = grid[16] == 2
	l.table = grid[20:]
	return ok && l.gridSize() <= len(l.table)
}

// curveList reads curves that follow each other, padded to 4 bytes.
func curveList(data []byte, count int) ([]toneCurve, bool) {
	curves := make([]toneCurve, count)
	for i := range curves {
		var ok bool
		if curves[i], ok = parseCurve(data); !ok {
			return nil, false
		}
		size := 12 + 2*int(binary.BigEndian.Uint32(data[8:]))
		if string(data[:4]) == "para" {
			size = 12 + 4*[]int{1, 3, 4, 5, 7}[binary.BigEndian.Uint16(data[8:])]
		}
		data = data[min((size+3)&^3, len(data)):]
	}
	return curves, true
}

// xyz converts a color of the device, each sample 0 to 1, to the connection space.
func (l *lut) xyz(device []float64) [3]float64 {
	for i, curve := range l.input {
		device[i] = curve(device[i])
	}
	var v [3]float64
	if l.grid != nil {
		v = l.interpolate(device)
	} else {
		copy(v[:], device)
	}
	for i, curve := range l.middle {
		v[i] = curve(v[i])
	}
	if m := &l.matrix; *m != [12]float64{} {
		v = [3]float64{
			m[0]*v[0] + m[1]*v[1] + m[2]*v[2] + m[9],
			m[3]*v[0] + m[4]*v[1] + m[5]*v[2] + m[10],
			m[6]*v[0] + m[7]*v[1] + m[8]*v[2] + m[11],
		}
	}
	for i, curve := range l.output {
		v[i] = curve(v[i])
	}
	return l.toXYZ(v)
}

// interpolate mixes the corners of a cell of the grid in all dimensions.
func (l *lut) interpolate(device []float64) (sum [3]float64) {
	var steps [4]int
	var weights [4]float64
	base, step := 0, 3
	for i := l.channels - 1; i >= 0; i-- { // the last channel varies fastest
		at := min(max(device[i], 0), 1) * float64(l.grid[i]-1)
		cell := min(int(at), l.grid[i]-2)
		steps[i], weights[i] = step, at-float64(cell)
		base += cell * step
		step *= l.grid[i]
	}
	for corner := range 1 << l.channels {
		weight, at := 1.0, base
		for i := range l.channels {
			if corner>>i&1 == 1 {
				weight, at = weight*weights[i], at+steps[i]
			} else {
				weight *= 1 - weights[i]
			}
		}
		if weight == 0 {
			continue
		}
		for k := range sum {
			if l.wide {
				sum[k] += weight * float64(binary.BigEndian.Uint16(l.table[2*(at+k):])) / 65535
			} else {
				sum[k] += weight * float64(l.table[at+k]) / 255
			}
		}
	}
	return sum
}

// labToXYZ converts CIE L*a*b* with white D50.
func labToXYZ(l, a, b float64) [3]float64 {
	y := (l + 16) / 116
	linear := func(t float64) float64 {
		if t > 6.0/29 {
			return t * t * t
		}
		return (t - 4.0/29) * 108 / 841
	}
	return [3]float64{0.9642 * linear(y+a/500), linear(y), 0.8249 * linear(y-b/200)}
}

// Lab converts a color of CIE L*a*b* with white D50 to sRGB, each sample 0 to 1.
func (c *SRGB) Lab(l, a, b float64) [3]float32 { return c.fromXYZ(labToXYZ(l, a, b)) }

// NewLab returns a conversion for Lab only.
func NewLab() *SRGB {
	c := &SRGB{}
	c.fillEncoding()
	return c
}

func (c *SRGB) fromXYZ(v [3]float64) (out [3]float32) {
	for i, m := range fromD50() {
		out[i] = c.encode(float32(m[0]*v[0] + m[1]*v[1] + m[2]*v[2]))
	}
	return out
}

// Inks converts a row of CMYK, of which 0 is no ink, to sRGB.
func Inks[T uint8 | uint16](c *SRGB, inks, out []T) {
	full := float64(^T(0))
	device := make([]float64, 4)
	var before [4]T
	var last [3]T
	for x := range len(inks) / 4 {
		pixel := [4]T(inks[4*x:])
		if x == 0 || pixel != before {
			for i, v := range pixel {
				device[i] = float64(v) / full
			}
			for i, v := range c.fromXYZ(c.lut.xyz(device)) {
				last[i] = T(float64(v)*full + 0.5)
			}
			before = pixel
		}
		copy(out[3*x:], last[:])
	}
}

// convertLUT converts pixels in place. Gray stays gray.
func convertLUT[T uint8 | uint16](c *SRGB, samples []T, width, rows, channels int) {
	full := float64(^T(0))
	parallel.For(rows, func(y int) {
		device := make([]float64, channels)
		for x := range width {
			pixel := samples[(y*width+x)*channels:][:channels]
			for i, v := range pixel {
				device[i] = float64(v) / full
			}
			xyz := c.lut.xyz(device)
			if channels == 1 {
				pixel[0] = T(float64(c.encode(float32(xyz[1])))*full + 0.5)
				continue
			}
			for i, v := range c.fromXYZ(xyz) {
				pixel[i] = T(float64(v)*full + 0.5)
			}
		}
	})
}
