package align_test

import (
	"math"
	"testing"

	"upscaled/engine/face/align"
	"upscaled/engine/imagedata"
	"upscaled/engine/resize"
)

func TestCropInPlaceIsExact(t *testing.T) {
	t.Parallel()
	for _, depth := range []int{8, 16} {
		for _, channels := range []int{1, 3} {
			p := photoLike(40, 40, channels, depth)
			if got := align.Crop(p, align.Transform{A: 1}, 40); !equal(got, p) {
				t.Errorf("%d bits, %d channels: the same grid gives other samples", depth, channels)
			}
		}
	}
}

// A quarter turn moves samples and changes none.
func TestCropTurnedIsExact(t *testing.T) {
	t.Parallel()
	p := photoLike(30, 30, 3, 8)
	got := align.Crop(p, align.Transform{B: 1, X: 30}, 30)
	for y := range 30 {
		for x := range 30 {
			for c := range 3 {
				// (x', y') = (30 - y, x) in continuous coordinates.
				if a, b := got.Pix[(x*30+29-y)*3+c], p.Pix[(y*30+x)*3+c]; a != b {
					t.Fatalf("(%d, %d) is %d, not %d", x, y, a, b)
				}
			}
		}
	}
}

// The crop is compared with the image's function at the square's positions, in
// both depths: enlarged, rotated, and reduced by up to 9.
func TestCropFollowsTheFunction(t *testing.T) {
	t.Parallel()
	function := func(x, y float64, c int) float64 {
		return 0.5 + 0.2*math.Sin(x/25+float64(c)) + 0.2*math.Cos(y/20)
	}
	p := paint(600, 600, 3, 16, function)
	for _, scale := range []float64{4, 1.7, 1, 0.6, 0.35, 0.2, 0.11} {
		for _, angle := range []float64{0, 0.3, math.Pi / 2, math.Pi} {
			into := align.Transform{A: scale * math.Cos(angle), B: scale * math.Sin(angle)}
			side := min(int(400*scale), 200)
			half := float64(side) / 2
			into.X = half - 300*(into.A-into.B)
			into.Y = half - 300*(into.A+into.B)
			got := align.Crop(p, into, side)
			want := paint(side, side, 3, 16, func(x, y float64, c int) float64 {
				from := into.Inverse()
				return function(from.A*x-from.B*y+from.X, from.B*x+from.A*y+from.Y, c)
			})
			var most float64
			for i := range samples(got) {
				most = max(most, math.Abs(sample(got, i)-sample(want, i)))
			}
			// Reduced, the filter itself takes some of the function's height.
			if limit := 0.1 + 0.02/(scale*scale); most > limit {
				t.Errorf("scale %g, angle %.2f: %.3f levels off, more than %.3f", scale, angle, most, limit)
			}
		}
	}
}

// Stripes finer than the square can show become gray and no moire, at any
// reduction.
func TestCropReducedDoesNotAlias(t *testing.T) {
	t.Parallel()
	p := paint(512, 512, 1, 8, func(x, y float64, _ int) float64 {
		return float64((int(x)/2 + int(y)/2) % 2)
	})
	for _, reduction := range []float64{2.9, 4, 5, 6.5, 7.3} {
		side := int(400 / reduction)
		into := align.Transform{A: 0.9 / reduction, B: 0.43 / reduction}
		into.X = float64(side)/2 - 256*(into.A-into.B)
		into.Y = float64(side)/2 - 256*(into.A+into.B)
		got := align.Crop(p, into, side)
		for y := side / 4; y < side*3/4; y++ {
			for x := side / 4; x < side*3/4; x++ {
				if v := sample(got, y*side+x); math.Abs(v-127.5) > 6 {
					t.Fatalf("reduced by %g, (%d, %d) is %.0f, not gray", reduction, x, y, v)
				}
			}
		}
	}
}

// A crop on the image's axes is what engine/resize makes of the image.
func TestCropAgreesWithResize(t *testing.T) {
	t.Parallel()
	p := photoLike(50, 50, 3, 8)
	for i := range p.Pix {
		// Between its two passes resize clips above white.
		p.Pix[i] = 64 + p.Pix[i]/2
	}
	got, want := align.Crop(p, align.Transform{A: 4}, 200), resize.Whole(p, 200, 200)
	for y := 20; y < 180; y++ {
		for i := (y*200 + 20) * 3; i < (y*200+180)*3; i++ {
			// Twice rounded, across and down, against once.
			if d := sample(got, i) - sample(want, i); math.Abs(d) > 2 {
				t.Fatalf("sample %d is %g off", i, d)
			}
		}
	}
}

func TestCropBeyondTheEdge(t *testing.T) {
	t.Parallel()
	flat := paint(20, 10, 3, 8, func(_, _ float64, c int) float64 { return float64(c+1) / 5 })
	for _, into := range []align.Transform{
		{A: 2, X: -30, Y: 50}, {A: 0.05, B: 0.05, X: 500, Y: -90}, {A: -3, B: 1, X: 1e9, Y: -1e9}, {A: 1e-5, X: 3},
	} {
		got := align.Crop(flat, into, 64)
		for i, v := range got.Pix {
			if v != flat.Pix[i%3] {
				t.Fatalf("%+v: sample %d is %d, not %d", into, i, v, flat.Pix[i%3])
			}
		}
	}
}

func TestCropWithoutAnInverseIsBlack(t *testing.T) {
	t.Parallel()
	white := paint(9, 9, 1, 8, func(_, _ float64, _ int) float64 { return 1 })
	for _, into := range []align.Transform{{}, {A: math.NaN()}, {A: 1, X: math.Inf(1)}, {A: 1e-300}} {
		if got := align.Crop(white, into, 8); !equal(got, imagedata.NewRaster(8, 8, 1, 8)) {
			t.Errorf("%+v gives %v", into, got.Pix)
		}
	}
}
