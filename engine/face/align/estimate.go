package align

import (
	"cmp"
	"math"
	"slices"

	"upscaled/engine/face"
	"upscaled/models/fault"
)

const (
	// outlierFloor is the deviation that a point is always allowed, relative to
	// the spread (root mean square distance from the centroid) of the target
	// points: 0.3 pixels in the template for 512. Keeping such a point moves no
	// landmark by more than half of it.
	outlierFloor = 0.004
	// outlierGate is the deviation that the worst point is allowed, in standard
	// deviations of the other four. It is wide because four points estimate
	// their own spread poorly: with five points of equal normal noise about one
	// fit in twenty loses a good point.
	outlierGate = 8
	// mostCoordinate is in pixels, beyond any image.
	mostCoordinate = 1e6
	// leastScale is the fraction of the expected scale below which a fit has
	// collapsed to a point.
	leastScale = 1e-3
)

// Estimate returns the similarity that maps from onto to and is robust against
// one bad point: the pair of points whose exact transform has the
// least median of squared distances over all (Rousseeuw 1984) shows which
// point fits worst, and that one is left out of the least-squares fit if it
// deviates by more than outlierFloor and outlierGate allow. Otherwise the result
// is the least-squares fit of all (Umeyama 1991). Points that are not
// finite, are beyond a million pixels or coincide so that they determine no
// similarity are fault.Invalid. Corners of the mouth that coincide count as one point,
// the mouth's center.
func Estimate(from, to face.Landmarks) (Transform, error) {
	if err := check(from); err != nil {
		return Transform{}, err
	}
	if err := check(to); err != nil {
		return Transform{}, err
	}
	all := []int{face.LeftEye, face.RightEye, face.Nose, face.LeftMouth, face.RightMouth}
	if left, right := to[face.LeftMouth], to[face.RightMouth]; from[face.LeftMouth] == from[face.RightMouth] {
		to[face.LeftMouth] = face.Point{X: (left.X + right.X) / 2, Y: (left.Y + right.Y) / 2}
		all = all[:face.RightMouth]
	}
	first, ok := leastMedian(from, to, all)
	if !ok {
		return Transform{}, collapsed()
	}
	suspect := slices.MaxFunc(all, func(i, j int) int {
		return cmp.Compare(missed(first, from[i], to[i]), missed(first, from[j], to[j]))
	})
	others := slices.DeleteFunc(slices.Clone(all), func(i int) bool { return i == suspect })
	t, ok := leastSquares(from, to, others)
	if ok && missed(t, from[suspect], to[suspect]) > tolerance(t, from, to, others) {
		return t, nil
	}
	if t, ok = leastSquares(from, to, all); !ok {
		return Transform{}, collapsed()
	}
	return t, nil
}

// check requires finite coordinates and three distinct points: among fewer no
// bad one can be identified.
func check(points face.Landmarks) error {
	distinct := 0
	for i, p := range points {
		if !(math.Abs(p.X) <= mostCoordinate && math.Abs(p.Y) <= mostCoordinate) {
			return fault.New(fault.Invalid, "The points of a face must be numbers of at most %g pixels.", float64(mostCoordinate))
		}
		if !slices.Contains(points[:i], p) {
			distinct++
		}
	}
	if distinct < 3 {
		return collapsed()
	}
	return nil
}

func collapsed() error {
	return fault.New(fault.Invalid, "The points of a face coincide; no face can be aligned to them.")
}

// missed is the distance between a mapped point and its target.
func missed(t Transform, from, to face.Point) float64 {
	p := t.Apply(from)
	return math.Hypot(p.X-to.X, p.Y-to.Y)
}

// tolerance is the allowed deviation of one point after a fit of the others, whose
// coordinates less four parameters are the degrees of freedom.
func tolerance(t Transform, from, to face.Landmarks, others []int) float64 {
	var squares float64
	for _, i := range others {
		d := missed(t, from[i], to[i])
		squares += d * d
	}
	deviation := math.Sqrt(squares / float64(2*len(others)-4))
	_, spread := centroid(to, others)
	return max(outlierFloor*spread, outlierGate*deviation)
}

// leastMedian tries the transform through each pair of points; it reports false
// if no pair has one.
func leastMedian(from, to face.Landmarks, all []int) (best Transform, found bool) {
	least := math.Inf(1)
	distances := make([]float64, len(all))
	for i := range all {
		for j := range i {
			t, ok := leastSquares(from, to, []int{i, j})
			if !ok {
				continue
			}
			for k := range distances {
				distances[k] = missed(t, from[k], to[k])
			}
			slices.Sort(distances)
			if median := distances[len(distances)/2]; median < least {
				best, least, found = t, median, true
			}
		}
	}
	return best, found
}

// leastSquares fits the chosen points. In complex numbers the best rotation and
// scale is sum(conj(z)*w) / sum(|z|^2) of the centered points z and w. It
// reports false if the points determine no scale.
func leastSquares(from, to face.Landmarks, chosen []int) (Transform, bool) {
	zc, zSpread := centroid(from, chosen)
	wc, wSpread := centroid(to, chosen)
	if zSpread == 0 || wSpread == 0 {
		return Transform{}, false
	}
	var a, b float64
	for _, i := range chosen {
		// Divided by the spreads, nothing here over- or underflows.
		zx, zy := (from[i].X-zc.X)/zSpread, (from[i].Y-zc.Y)/zSpread
		wx, wy := (to[i].X-wc.X)/wSpread, (to[i].Y-wc.Y)/wSpread
		a += zx*wx + zy*wy
		b += zx*wy - zy*wx
	}
	n := float64(len(chosen))
	if math.Hypot(a, b)/n < leastScale {
		return Transform{}, false
	}
	t := Transform{A: a / n * (wSpread / zSpread), B: b / n * (wSpread / zSpread)}
	image := t.Apply(zc)
	t.X, t.Y = wc.X-image.X, wc.Y-image.Y
	return t, t.usable()
}

// centroid returns the mean of the chosen points and their root mean square
// distance from it, which is 0 if they differ by rounding only.
func centroid(points face.Landmarks, chosen []int) (center face.Point, spread float64) {
	n := float64(len(chosen))
	var size float64
	for _, i := range chosen {
		center.X += points[i].X / n
		center.Y += points[i].Y / n
		size = max(size, math.Abs(points[i].X), math.Abs(points[i].Y))
	}
	for _, i := range chosen {
		dx, dy := points[i].X-center.X, points[i].Y-center.Y
		spread += (dx*dx + dy*dy) / n
	}
	if spread = math.Sqrt(spread); spread <= 1e-12*size {
		return center, 0
	}
	return center, spread
}
