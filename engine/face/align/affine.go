package align

import "math"

// affine maps (x, y) to (xx*x + xy*y + x, yx*x + yy*y + y). It is a similarity
// unless an image was upscaled differently in the two directions.
type affine struct{ xx, xy, x, yx, yy, y float64 }

func (a affine) apply(x, y float64) (float64, float64) {
	return a.xx*x + a.xy*y + a.x, a.yx*x + a.yy*y + a.y
}

// around returns a in coordinates in which an ellipse of its target is the unit
// circle.
func (a affine) around(centerX, centerY, radiusX, radiusY float64) affine {
	return affine{
		xx: a.xx / radiusX, xy: a.xy / radiusX, x: (a.x - centerX) / radiusX,
		yx: a.yx / radiusY, yy: a.yy / radiusY, y: (a.y - centerY) / radiusY,
	}
}

// farthest is outside any image but fits an int on every machine.
const farthest = 1 << 30

func whole(v float64) int { return int(min(max(v, -farthest), farthest)) }

// circle bounds the pixels whose centers a maps into the unit circle.
func (a affine) circle() (left, top, right, bottom int) {
	determinant := a.xx*a.yy - a.xy*a.yx
	centerX := (a.xy*a.y - a.yy*a.x) / determinant
	centerY := (a.yx*a.x - a.xx*a.y) / determinant
	// The norms of the inverse matrix's rows are the ellipse's half extents.
	reachX := math.Abs(math.Hypot(a.yy, a.xy) / determinant)
	reachY := math.Abs(math.Hypot(a.yx, a.xx) / determinant)
	return whole(math.Floor(centerX - reachX)), whole(math.Floor(centerY - reachY)),
		whole(math.Ceil(centerX + reachX)), whole(math.Ceil(centerY + reachY))
}

// chord bounds the pixels of one row whose centers a maps into the unit circle:
// the points (x, y) with |a(x, y)| = 1 are the roots of a quadratic equation in
// x.
func (a affine) chord(y float64) (from, end int) {
	startX, startY := a.apply(0, y)
	square := a.xx*a.xx + a.yx*a.yx
	half := (startX*a.xx + startY*a.yx) / square
	root := half*half - (startX*startX+startY*startY-1)/square
	if !(root > 0) {
		return 0, 0
	}
	root = math.Sqrt(root)
	return whole(math.Floor(-half - root)), whole(math.Ceil(-half + root))
}
