package align

import "math"

// affine maps (x, y) to (xx*x + xy*y + x, yx*x + yy*y + y). It is a similarity
// but for a picture that was not enlarged alike in both directions.
type affine struct{ xx, xy, x, yx, yy, y float64 }

func (a affine) apply(x, y float64) (float64, float64) {
	return a.xx*x + a.xy*y + a.x, a.yx*x + a.yy*y + a.y
}

// around is a in coordinates in which an ellipse of its target is the unit
// circle.
func (a affine) around(centreX, centreY, radiusX, radiusY float64) affine {
	return affine{
		xx: a.xx / radiusX, xy: a.xy / radiusX, x: (a.x - centreX) / radiusX,
		yx: a.yx / radiusY, yy: a.yy / radiusY, y: (a.y - centreY) / radiusY,
	}
}

// farthest keeps what is far outside of any picture an int on every machine.
const farthest = 1 << 30

func whole(v float64) int { return int(min(max(v, -farthest), farthest)) }

// circle bounds the pixels whose centres a maps into the unit circle.
func (a affine) circle() (left, top, right, bottom int) {
	determinant := a.xx*a.yy - a.xy*a.yx
	centreX := (a.xy*a.y - a.yy*a.x) / determinant
	centreY := (a.yx*a.x - a.xx*a.y) / determinant
	// The rows of the inverse matrix are as long as the ellipse reaches.
	reachX := math.Abs(math.Hypot(a.yy, a.xy) / determinant)
	reachY := math.Abs(math.Hypot(a.yx, a.xx) / determinant)
	return whole(math.Floor(centreX - reachX)), whole(math.Floor(centreY - reachY)),
		whole(math.Ceil(centreX + reachX)), whole(math.Ceil(centreY + reachY))
}

// chord bounds the pixels of one row whose centres a maps into the unit
// circle: the points (x, y) with |a(x, y)| = 1 are the roots of a square
// equation in x.
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
