package detect

import (
	"math"

	"upscaled/engine/face"
	"upscaled/engine/imagedata"
)

// Where the eyes of a face lie in its window and how large a window the pupil
// cascade wants, in parts of the face's window (pigo's example programs).
const (
	eyeAbove  = 0.075
	eyeAside  = 0.18
	eyeWindow = 0.25
)

// Where nose and mouth are looked for: from between the eyes this far down and
// to the point's own side, in a window this wide; in eye distances, turned
// with the face (pigo's GetLandmarkPoint).
const (
	landmarkBelow  = 0.25
	landmarkAside  = 0.15
	landmarkWindow = 3.0
)

// usualEyeDistance is that of an average face, in parts of its window.
const usualEyeDistance = 0.36

// examined is what was seen of a candidate in its upright crop.
type examined struct {
	points [5]spot
	// spreads is how much each point scattered; see settle.
	spreads [5]float64
}

// examine locates the five points of a candidate: the eyes give the roll and
// size for a second, better aligned look. It says whether this is a face.
func (d *Pigo) examine(p imagedata.Raster, reduced plane, factor int, w window) (face.Face, bool) {
	unit := float64(factor)
	centre := face.Point{X: (w.column + 0.5) * unit, Y: (w.row + 0.5) * unit}
	size := w.size * unit
	look := cut(p, reduced, factor, centre, size, w.roll)
	first := d.eyes(look)
	if !eyesPlausible(first) {
		return face.Face{}, false
	}
	left, right := look.toPicture(first.points[face.LeftEye]), look.toPicture(first.points[face.RightEye])
	roll := math.Atan2(right.Y-left.Y, right.X-left.X)
	distance := math.Hypot(right.X-left.X, right.Y-left.Y)
	look = cut(p, reduced, factor, belowEyes(left, right), distance/usualEyeDistance, roll)
	second := d.points(look, look.fromPicture(left), look.fromPicture(right))
	if !plausible(second) {
		return face.Face{}, false
	}
	f := face.Face{Left: centre.X - size/2, Top: centre.Y - size/2, Width: size, Height: size, Score: w.score}
	for i, s := range second.points {
		f.Landmarks[i] = look.toPicture(s)
	}
	return f, true
}

// belowEyes is where the middle of the face's window belongs.
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
