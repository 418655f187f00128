package align_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"upscaled/engine/face"
	"upscaled/engine/face/align"
	"upscaled/models/fault"
)

// pose draws a face of 20 to 400 pixels between the eyes, turned any way: the
// transform brings the image's points onto the template for 512.
func pose(t *rapid.T) (align.Transform, face.Landmarks) {
	into := posed(
		rapid.Float64Range(20, 400).Draw(t, "eyes"),
		rapid.Float64Range(-math.Pi, math.Pi).Draw(t, "angle"),
		rapid.Float64Range(-500, 4000).Draw(t, "x"),
		rapid.Float64Range(-500, 4000).Draw(t, "y"))
	return into, mapped(into.Inverse(), align.Template(512))
}

// posed brings a face whose eyes are that far apart and whose nose is about at
// (x, y) into a square of 512.
func posed(eyes, angle, x, y float64) align.Transform {
	scale := 125.92 / eyes
	turned := align.Transform{A: scale * math.Cos(angle), B: scale * math.Sin(angle)}
	centre := turned.Apply(face.Point{X: x, Y: y})
	turned.X, turned.Y = 256-centre.X, 310-centre.Y
	return turned
}

func mapped(t align.Transform, points face.Landmarks) face.Landmarks {
	for i, p := range points {
		points[i] = t.Apply(p)
	}
	return points
}

// worst is the greatest distance between where two transforms into the square
// put its points, in pixels of the image that they are taken from.
func worst(known, got align.Transform) (pixels float64) {
	for _, p := range align.Template(512) {
		from := known.Inverse().Apply(p)
		back := got.Inverse().Apply(p)
		pixels = max(pixels, math.Hypot(from.X-back.X, from.Y-back.Y))
	}
	return pixels
}

func TestExactPointsAreRecovered(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		known, points := pose(t)
		got, err := align.Estimate(points, align.Template(512))
		if err != nil {
			t.Fatal(err)
		}
		if d := worst(known, got); d > 0.05 {
			t.Fatalf("landmarks are %.4f px off", d)
		}
	})
}

// outlier moves one point by up to five face widths (each about 2.3 distances
// of the eyes).
func outlier(t *rapid.T, points *face.Landmarks) (which int, distance float64) {
	which = rapid.IntRange(0, 4).Draw(t, "which")
	eyes := math.Hypot(points[1].X-points[0].X, points[1].Y-points[0].Y)
	distance = rapid.Float64Range(0, 11.5).Draw(t, "distance") * eyes
	angle := rapid.Float64Range(-math.Pi, math.Pi).Draw(t, "direction")
	points[which].X += distance * math.Cos(angle)
	points[which].Y += distance * math.Sin(angle)
	return which, distance
}

func TestOneBadPointDoesNoHarm(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		known, points := pose(t)
		outlier(t, &points)
		got, err := align.Estimate(points, align.Template(512))
		if err != nil {
			t.Fatal(err)
		}
		if d := worst(known, got); d > 0.5 {
			t.Fatalf("landmarks are %.4f px off", d)
		}
	})
}

// A bad point may also be small enough to be taken for a good one, or fall on
// another point.
func TestSmallAndCoincidingBadPoints(t *testing.T) {
	t.Parallel()
	known := posed(126, 0.2, 300, 300)
	for which := range 5 {
		points := mapped(known.Inverse(), align.Template(512))
		for d := 0.0; d < 12; d += 0.05 {
			moved := points
			moved[which].X += d
			got, err := align.Estimate(moved, align.Template(512))
			if err != nil || worst(known, got) > 0.5 {
				t.Errorf("point %d moved by %.2f px: %.3f px off, error %v", which, d, worst(known, got), err)
			}
		}
		moved := points
		moved[which] = points[(which+1)%5]
		if got, err := align.Estimate(moved, align.Template(512)); err != nil || worst(known, got) > 0.5 {
			t.Errorf("point %d on its neighbour: %.3f px off, error %v", which, worst(known, got), err)
		}
	}
}

// With 0.3 px of noise nothing can be better than the fit of the good points,
// whose own error is about the noise. The bound is 0.3 px times the greatest
// influence of four points (leverages sum to at most 2.9) and what a bad point
// that passes as noise adds.
func TestNoiseAndOneBadPoint(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		known, points := pose(t)
		for i := range points {
			angle := rapid.Float64Range(-math.Pi, math.Pi).Draw(t, "noise")
			points[i].X += 0.3 * math.Cos(angle)
			points[i].Y += 0.3 * math.Sin(angle)
		}
		outlier(t, &points)
		got, err := align.Estimate(points, align.Template(512))
		if err != nil {
			t.Fatal(err)
		}
		if d := worst(known, got); d > 2 {
			t.Fatalf("landmarks are %.4f px off", d)
		}
	})
}

// umeyama is the least-squares fit from normal equations, written otherwise
// than Estimate's: of the unknowns a, b, x, y, solved by elimination.
func umeyama(from, to face.Landmarks) align.Transform {
	var m [4][5]float64
	equation := func(row [4]float64, value float64) {
		for i := range row {
			for j := range row {
				m[i][j] += row[i] * row[j]
			}
			m[i][4] += row[i] * value
		}
	}
	for i, p := range from {
		equation([4]float64{p.X, -p.Y, 1, 0}, to[i].X)
		equation([4]float64{p.Y, p.X, 0, 1}, to[i].Y)
	}
	for i := range m {
		for j := range m {
			if factor := m[j][i] / m[i][i]; j != i {
				for k := range m[j] {
					m[j][k] -= factor * m[i][k]
				}
			}
		}
	}
	return align.Transform{A: m[0][4] / m[0][0], B: m[1][4] / m[1][1], X: m[2][4] / m[2][2], Y: m[3][4] / m[3][3]}
}

func TestGoodPointsAreAllFitted(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 4))
	all := 0
	const tries = 1000
	for range tries {
		known := posed(60+100*random.Float64(), random.Float64(), 300, 200)
		points := mapped(known.Inverse(), align.Template(512))
		for i := range points {
			points[i].X += 0.3 * random.NormFloat64()
			points[i].Y += 0.3 * random.NormFloat64()
		}
		got, err := align.Estimate(points, align.Template(512))
		if err != nil {
			t.Fatal(err)
		}
		if worst(umeyama(points, align.Template(512)), got) < 1e-6 {
			all++
		}
		if d := worst(known, got); d > 2 {
			t.Errorf("landmarks are %.3f px off", d)
		}
	}
	t.Logf("%d of %d fits took all points", all, tries)
	if all < tries*90/100 {
		t.Errorf("%d of %d fits took all points", all, tries)
	}
}

// No point deviates by more than 0.1 px, under the floor: nothing may be left
// out.
func TestNearlyExactPointsGiveTheLeastSquaresFit(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		_, points := pose(t)
		target := align.Template(512)
		for i := range target {
			target[i].X += rapid.Float64Range(-0.05, 0.05).Draw(t, "dx")
			target[i].Y += rapid.Float64Range(-0.05, 0.05).Draw(t, "dy")
		}
		got, err := align.Estimate(points, target)
		if err != nil {
			t.Fatal(err)
		}
		if d := worst(umeyama(points, target), got); d > 1e-6 {
			t.Fatalf("%g px from the least-squares fit", d)
		}
	})
}

func TestPointsThatMakeNoFace(t *testing.T) {
	t.Parallel()
	good := align.Template(100)
	for name, spoil := range map[string]func(*face.Landmarks){
		"not a number": func(p *face.Landmarks) { p[2].X = math.NaN() },
		"infinite":     func(p *face.Landmarks) { p[4].Y = math.Inf(-1) },
		"huge":         func(p *face.Landmarks) { p[0].Y = 1e300 },
		"one place":    func(p *face.Landmarks) { *p = face.Landmarks{p[1], p[1], p[1], p[1], p[1]} },
		"two places":   func(p *face.Landmarks) { *p = face.Landmarks{p[1], p[1], p[0], p[1], p[0]} },
		"no places":    func(p *face.Landmarks) { *p = face.Landmarks{} },
		"rounding": func(p *face.Landmarks) {
			for i := range p {
				p[i] = face.Point{X: 5 + float64(i)*1e-15, Y: 5}
			}
		},
	} {
		bad := good
		spoil(&bad)
		if _, err := align.Estimate(bad, good); fault.KindOf(err) != fault.Invalid {
			t.Errorf("from %s: error %v", name, err)
		}
		if _, err := align.Estimate(good, bad); fault.KindOf(err) != fault.Invalid {
			t.Errorf("to %s: error %v", name, err)
		}
	}
}

// Estimate returns an error or an invertible transform for any points.
func TestAnyPoints(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var points face.Landmarks
		for i := range points {
			points[i] = face.Point{X: rapid.Float64().Draw(t, "x"), Y: rapid.Float64().Draw(t, "y")}
			if rapid.Bool().Draw(t, "near") {
				points[i] = face.Point{X: float64(rapid.IntRange(0, 3).Draw(t, "x")), Y: float64(rapid.IntRange(0, 3).Draw(t, "y"))}
			}
		}
		got, err := align.Estimate(points, align.Template(512))
		if err != nil {
			return
		}
		p := got.Inverse().Apply(got.Apply(face.Point{X: 1, Y: 2}))
		if !(math.Hypot(p.X-1, p.Y-2) < 1) {
			t.Fatalf("%+v and back brings (1, 2) to %v", got, p)
		}
	})
}
