package detect

import (
	"math"

	"upscaled/engine/face"
)

// template returns an average upright face with eye distance 1 and the midpoint
// of the eyes at the origin, made from GFPGAN's template for 512x512 squares.
func template() [5]spot {
	return [5]spot{{0, -0.5}, {0, 0.5}, {0.587, 0.0055}, {1.043, -0.4345}, {1.041, 0.4535}}
}

// misfit fits the template to points by the least-squares similarity (scale,
// roll, shift). It returns the root mean square distance that remains, in eye
// distances of the fitted template, and the template's scale in samples.
func misfit(points [5]spot) (residual, scale float64) {
	model := template()
	var pr, pc, mr, mc float64
	for i := range points {
		pr, pc = pr+points[i].row/5, pc+points[i].column/5
		mr, mc = mr+model[i].row/5, mc+model[i].column/5
	}
	// With points as complex numbers the best factor is sum(p*conj(m))/sum(|m|^2).
	var along, across, norm, total float64
	for i := range points {
		y, x := points[i].row-pr, points[i].column-pc
		v, u := model[i].row-mr, model[i].column-mc
		along += x*u + y*v
		across += y*u - x*v
		norm += u*u + v*v
		total += x*x + y*y
	}
	scale = math.Hypot(along, across) / norm
	if scale == 0 {
		return math.Inf(1), 0
	}
	return math.Sqrt(math.Max(0, total-scale*scale*norm)/5) / scale, scale
}

// Limits that separate faces from chance patterns, chosen on about thirty faces
// of group photos and on the false detections in them: faces stay well inside,
// most false detections violate at least one.
const (
	// Eye distance relative to the face's window; 0.27..0.43 on faces.
	leastEyeDistance, mostEyeDistance = 0.2, 0.55
	// Tangent of the angle between the eyes' line and the crop: 27 degrees.
	steepestEyes = 0.5
	// Misfit; faces turned half aside reach 0.17.
	worstMisfit = 0.25
	// Fitted scale relative to the eye distance; 0.85..1.2 on faces.
	leastScale, mostScale = 0.65, 1.5
	// Scatter; faces reach 0.12, where false detections start.
	worstScatter = 0.14
)

func eyesPlausible(e examined) bool {
	left, right := e.points[face.LeftEye], e.points[face.RightEye]
	across := right.column - left.column
	return across > leastEyeDistance*cropWindow && across < mostEyeDistance*cropWindow &&
		math.Abs(right.row-left.row) < steepestEyes*across
}

// plausible reports whether five points, in a crop with level eyes, form a face.
func plausible(e examined) bool {
	left, right, nose := e.points[face.LeftEye], e.points[face.RightEye], e.points[face.Nose]
	mouthLeft, mouthRight := e.points[face.LeftMouth], e.points[face.RightMouth]
	distance := right.column - left.column
	eyeRow, mouthRow := (left.row+right.row)/2, (mouthLeft.row+mouthRight.row)/2
	if !eyesPlausible(e) ||
		nose.row < eyeRow+0.15*distance || mouthRow < nose.row+0.05*distance ||
		mouthRight.column < mouthLeft.column+0.3*distance {
		return false
	}
	residual, scale := misfit(e.points)
	return residual < worstMisfit && scale > leastScale*distance && scale < mostScale*distance &&
		scatter(e) < worstScatter
}

// scatter sums the spreads of the points: the mean of the eyes' plus the others',
// which are more precise.
func scatter(e examined) float64 {
	s := e.spreads
	return (s[face.LeftEye]+s[face.RightEye])/2 + s[face.Nose] + s[face.LeftMouth] + s[face.RightMouth]
}
