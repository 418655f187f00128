package align_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"upscaled/engine/face"
	"upscaled/engine/face/align"
)

func near(a, b face.Point, tolerance float64) bool {
	return math.Hypot(a.X-b.X, a.Y-b.Y) <= tolerance
}

func TestTransformAlgebra(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		first, _ := pose(t)
		p := face.Point{X: rapid.Float64Range(-1000, 1000).Draw(t, "px"), Y: rapid.Float64Range(-1000, 1000).Draw(t, "py")}
		if back := first.Inverse().Apply(first.Apply(p)); !near(back, p, 1e-6) {
			t.Fatalf("inverse brings %v to %v", p, back)
		}
		half := first.ScaleBy(0.5).Apply(p)
		if q := first.Apply(p); !near(half, face.Point{X: q.X / 2, Y: q.Y / 2}, 1e-6) {
			t.Fatalf("scaled by half %v, not half of %v", half, q)
		}
	})
}

func TestTransformByHand(t *testing.T) {
	t.Parallel()
	// A quarter turn that takes x to y, twice as large, then shifted.
	quarter := align.Transform{B: 2, X: 10, Y: 20}
	if got := quarter.Apply(face.Point{X: 3, Y: 1}); got != (face.Point{X: 8, Y: 26}) {
		t.Errorf("got %v", got)
	}
}

func TestTemplateIsScaled(t *testing.T) {
	t.Parallel()
	if got := align.Template(512)[face.Nose]; got != (face.Point{X: 256.63416, Y: 314.01935}) {
		t.Errorf("nose at %v", got)
	}
	if got, want := align.Template(128)[face.RightMouth], (face.Point{X: 313.08905 / 4, Y: 371.15118 / 4}); !near(got, want, 1e-9) {
		t.Errorf("mouth corner at %v, want %v", got, want)
	}
}
