package icc

import (
	"encoding/binary"
	"math"
)

// toneCurve makes a sample in 0..1 linear.
type toneCurve func(float64) float64

// parseCurve reads a curve of type curv or para (ICC.1:2022, sections 10.6 and
// 10.18).
func parseCurve(tag []byte) (toneCurve, bool) {
	if len(tag) < 12 {
		return nil, false
	}
	switch string(tag[:4]) {
	case "curv":
		return sampledCurve(tag[12:], int64(binary.BigEndian.Uint32(tag[8:])))
	case "para":
		return parametricCurve(tag[12:], int(binary.BigEndian.Uint16(tag[8:])))
	}
	return nil, false
}

func sampledCurve(values []byte, count int64) (toneCurve, bool) {
	if count > int64(len(values)/2) {
		return nil, false
	}
	value := func(i int) float64 { return float64(binary.BigEndian.Uint16(values[2*i:])) }
	switch count {
	case 0:
		return func(x float64) float64 { return x }, true
	case 1:
		gamma := value(0) / 256
		return func(x float64) float64 { return math.Pow(max(x, 0), gamma) }, true
	}
	return func(x float64) float64 {
		at := min(max(x, 0), 1) * float64(count-1)
		i := min(int(at), int(count-2))
		low, high := value(i), value(i+1)
		return (low + (at-float64(i))*(high-low)) / 65535
	}, true
}

// parametricCurve reads the parameters g, a, b, c, d, e, f, of which each kind
// stores the first few.
func parametricCurve(values []byte, kind int) (toneCurve, bool) {
	stored := []int{1, 3, 4, 5, 7}
	if kind >= len(stored) || len(values) < 4*stored[kind] {
		return nil, false
	}
	p := [7]float64{1, 1, 0, 0, math.Inf(-1), 0, 0}
	for i := range stored[kind] {
		p[i] = fixed(values[4*i:])
	}
	g, a, b, c, d, e, f := p[0], p[1], p[2], p[3], p[4], p[5], p[6]
	if kind == 1 || kind == 2 {
		// Below -b/a the curve is the constant c, 0 for kind 1.
		e, f, c, d = c, c, 0, -b/a
	}
	return func(x float64) float64 {
		y := c*x + f
		if x >= d {
			y = math.Pow(a*x+b, g) + e
		}
		if math.IsNaN(y) {
			return 0
		}
		return min(max(y, 0), 1)
	}, true
}
