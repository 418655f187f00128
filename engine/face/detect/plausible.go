package detect

import (
	"math"

	"upscaled/engine/face"
)

// template is an average upright face with its eyes one apart and the middle
// between them at the origin, made of GFPGAN's template for 512x512 squares.
func template() [5]spot {
	return [5]spot{{0, -0.5}, {0, 0.5}, {0.587, 0.0055}, {1.043, -0.4345}, {1.041, 0.4535}}
}

// misfit fits the template to points by the similarity (scale, roll, shift)
// with the least squares, and gives the root of the mean square distance that
// remains, in eye distances of the fitted template, and its scale in samples.
func misfit(points [5]spot) (residual, scale float64) {
	model := template()
	var pr, pc, mr, mc float64
	for i := range points {
		pr, pc = pr+points[i].row/5, pc+points[i].column/5
		mr, mc = mr+model[i].row/5, mc+model[i].column/5
	}
	// With places as complex numbers the best factor is sum(p*conj(m))/sum(|m|^2).
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

// Limits that tell faces from chance patterns. They were chosen on some thirty
// faces of group photographs and on what the cascades found elsewhere in them:
// faces stay well inside, most false finds break at least one.
const (
	// Eye distance in parts of the face's window; 0.27..0.43 on faces.
	leastEyeDistance, mostEyeDistance = 0.2, 0.55
	// Of the eyes' line against the crop, as the tangent: 27 degrees.
	steepestEyes = 0.5
	// Of misfit; faces turned half aside reach 0.17.
	worstMisfit = 0.25
	// Of the fitted scale against the eye distance; 0.85..1.2 on faces.
	leastScale, mostScale = 0.65, 1.5
	// Of scatter; faces reach 0.12, other finds start there.
	worstScatter = 0.14
)

func eyesPlausible(e examined) bool {
	left, right := e.points[face.LeftEye], e.points[face.RightEye]
	across := right.column - left.column
	return across > leastEyeDistance*cropWindow && across < mostEyeDistance*cropWindow &&
		math.Abs(right.row-left.row) < steepestEyes*across
}

// plausible says whether five points, in a crop with level eyes, are a face's.
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

// scatter sums up how much the points scattered: the mean of the eyes' plus
// the sum of the others', which are finer.
func scatter(e examined) float64 {
	s := e.spreads
	return (s[face.LeftEye]+s[face.RightEye])/2 + s[face.Nose] + s[face.LeftMouth] + s[face.RightMouth]
}
