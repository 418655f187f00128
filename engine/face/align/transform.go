package align

import (
	"math"

	"upscaled/engine/face"
)

// templateSide is the square that the template's numbers refer to.
const templateSide = 512

// Template returns the positions of the five landmarks of an aligned face in a
// square of size x size pixels: facexlib's template for 512, scaled.
func Template(size int) face.Landmarks {
	points := face.Landmarks{
		face.LeftEye:    {X: 192.98138, Y: 239.94708},
		face.RightEye:   {X: 318.90277, Y: 240.1936},
		face.Nose:       {X: 256.63416, Y: 314.01935},
		face.LeftMouth:  {X: 201.26117, Y: 371.41043},
		face.RightMouth: {X: 313.08905, Y: 371.15118},
	}
	for i := range points {
		points[i].X *= float64(size) / templateSide
		points[i].Y *= float64(size) / templateSide
	}
	return points
}

// Transform is a similarity: x' = A*x - B*y + X, y' = B*x + A*y + Y. It rotates,
// scales by the norm of (A, B) and translates; it never mirrors.
type Transform struct{ A, B, X, Y float64 }

// Apply maps one point.
func (t Transform) Apply(p face.Point) face.Point {
	return face.Point{X: t.A*p.X - t.B*p.Y + t.X, Y: t.B*p.X + t.A*p.Y + t.Y}
}

// Inverse returns the inverse of t, whose scale must not be 0.
func (t Transform) Inverse() Transform {
	square := t.A*t.A + t.B*t.B
	a, b := t.A/square, -t.B/square
	return Transform{A: a, B: b, X: -(a*t.X - b*t.Y), Y: -(b*t.X + a*t.Y)}
}

// ScaleBy returns t into a square that is factor times as large.
func (t Transform) ScaleBy(factor float64) Transform {
	return Transform{A: t.A * factor, B: t.B * factor, X: t.X * factor, Y: t.Y * factor}
}

// scale returns the length that a step of 1 is mapped to.
func (t Transform) scale() float64 { return math.Hypot(t.A, t.B) }

// Limits: a face is at most a million times larger or smaller than its square,
// and pixels are counted in ints.
const (
	mostScale = 1e6
	mostShift = 1e12
)

// usable reports whether t and its inverse are finite and within the limits.
func (t Transform) usable() bool {
	i := t.Inverse()
	return t.scale() < mostScale && i.scale() < mostScale &&
		math.Hypot(t.X, t.Y) < mostShift && math.Hypot(i.X, i.Y) < mostShift
}
