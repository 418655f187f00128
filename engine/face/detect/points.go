package detect

import (
	"math"

	"upscaled/engine/face"
	"upscaled/engine/imagedata"
)

// Position of the eyes in a face's window and size of the window for the pupil
// cascade, relative to the face's window (from pigo's examples).
const (
	eyeAbove  = 0.075
	eyeAside  = 0.18
	eyeWindow = 0.25
)

// Where the search for nose and mouth starts: from between the eyes down and to
// the point's own side, in a window of this side; in eye distances along the
// face's roll (pigo's GetLandmarkPoint).
const (
	landmarkBelow  = 0.25
	landmarkAside  = 0.15
	landmarkWindow = 3.0
)

// usualEyeDistance is an average face's, relative to its window.
const usualEyeDistance = 0.36

// examined holds the points found in a candidate's upright crop.
type examined struct {
	points [5]spot
	// spreads holds the spread of each point; see settle.
	spreads [5]float64
}

// examine locates the five points of a candidate: the eyes determine roll and
// size of a second, better aligned crop. It reports whether this is a face.
func (d *Pigo) examine(p imagedata.Raster, reduced plane, factor int, w window) (face.Face, bool) {
	unit := float64(factor)
	center := face.Point{X: (w.column + 0.5) * unit, Y: (w.row + 0.5) * unit}
	size := w.size * unit
	look := cut(p, reduced, factor, center, size, w.roll)
	first := d.eyes(look)
	if !eyesPlausible(first) {
		return face.Face{}, false
	}
	left, right := look.toImage(first.points[face.LeftEye]), look.toImage(first.points[face.RightEye])
	roll := math.Atan2(right.Y-left.Y, right.X-left.X)
	distance := math.Hypot(right.X-left.X, right.Y-left.Y)
	look = cut(p, reduced, factor, belowEyes(left, right), distance/usualEyeDistance, roll)
	second := d.points(look, look.fromImage(left), look.fromImage(right))
	if !plausible(second) {
		return face.Face{}, false
	}
	f := face.Face{Left: center.X - size/2, Top: center.Y - size/2, Width: size, Height: size, Score: w.score}
	for i, s := range second.points {
		f.Landmarks[i] = look.toImage(s)
	}
	return f, true
}

// belowEyes returns the center of the face's window.
func belowEyes(left, right face.Point) face.Point {
	down := eyeAbove / usualEyeDistance
	return face.Point{
		X: (left.X+right.X)/2 - down*(right.Y-left.Y),
		Y: (left.Y+right.Y)/2 + down*(right.X-left.X),
	}
}

func (d *Pigo) eyes(c crop) examined {
	row := cropMiddle - eyeAbove*cropWindow
	return d.eyesFrom(c, spot{row, cropMiddle - eyeAside*cropWindow}, spot{row, cropMiddle + eyeAside*cropWindow})
}

func (d *Pigo) eyesFrom(c crop, left, right spot) examined {
	var e examined
	side := eyeWindow * cropWindow
	e.points[face.LeftEye], e.spreads[face.LeftEye] = d.pupil.settle(c.plane, left, side, false, true)
	e.points[face.RightEye], e.spreads[face.RightEye] = d.pupil.settle(c.plane, right, side, true, true)
	return e
}

func (d *Pigo) points(c crop, left, right spot) examined {
	e := d.eyesFrom(c, left, right)
	left, right = e.points[face.LeftEye], e.points[face.RightEye]
	distance := math.Hypot(right.column-left.column, right.row-left.row)
	row := (left.row+right.row)/2 + landmarkBelow*distance
	column := (left.column + right.column) / 2
	aside, side := landmarkAside*distance, landmarkWindow*distance
	e.points[face.Nose], e.spreads[face.Nose] = d.nose.settle(c.plane, spot{row, column}, side, false, true)
	e.points[face.LeftMouth], e.spreads[face.LeftMouth] = d.mouth.settle(c.plane, spot{row, column - aside}, side, false, false)
	e.points[face.RightMouth], e.spreads[face.RightMouth] = d.mouth.settle(c.plane, spot{row, column + aside}, side, true, false)
	return e
}
