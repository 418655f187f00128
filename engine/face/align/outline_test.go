package align_test

import (
	"math"
	"testing"

	"upscaled/engine/face"
	"upscaled/engine/face/align"
	"upscaled/engine/imagedata"
)

// drawn is a square with an upright face of skin in it: hair above the forehead, a
// background of a third color and, if wanted, a blue glove over a cheek's lower half.
func drawn(glove bool) (imagedata.Raster, face.Face) {
	const side = 256
	f := face.Face{Landmarks: align.Template(side), Ears: [2]face.Point{{X: 64, Y: 135}, {X: 192, Y: 135}}}
	square := paint(side, side, 3, 8, func(x, y float64, c int) float64 {
		skin, hair, back, blue := []float64{0.8, 0.6, 0.5}, []float64{0.2, 0.12, 0.08}, []float64{0.3, 0.5, 0.3}, []float64{0.1, 0.2, 0.7}
		switch {
		case math.Hypot((x-128)/70, (y-140)/88) > 1:
			return back[c]
		case y < 88:
			return hair[c]
		case glove && y > 200:
			return blue[c]
		}
		return skin[c] + 0.03*math.Sin(x/7)*math.Cos(y/9)
	})
	return square, f
}

func TestOutline(t *testing.T) {
	t.Parallel()
	square, f := drawn(true)
	mask := align.Outline(square, f, align.Transform{A: 1})
	at := func(x, y int) float64 { return sample(mask, y/2*mask.Width+x/2) / 255 }
	for _, p := range f.Landmarks {
		if v := at(int(p.X), int(p.Y)); v < 0.97 {
			t.Errorf("%.2f at the landmark %v", v, p)
		}
	}
	for name, want := range map[string]struct {
		x, y        int
		least, most float64
	}{
		"forehead": {128, 98, 0.8, 1}, "hair": {128, 74, 0, 0.15}, "left of the face": {50, 140, 0, 0.05},
		"background above": {128, 40, 0, 0.01}, "glove": {128, 216, 0, 0.15}, "corner": {2, 2, 0, 0}, "cheek": {90, 160, 0.9, 1},
	} {
		if v := at(want.x, want.y); v < want.least || v > want.most {
			t.Errorf("%s: %.2f, not from %g to %g", name, v, want.least, want.most)
		}
	}
	square, _ = drawn(false)
	if v := sample(align.Outline(square, f, align.Transform{A: 1}), 107*128+64) / 255; v < 0.6 {
		t.Errorf("chin without a glove: %.2f", v)
	}
}

// Whatever a detector says of ears and points, the outline has a face in it and no
// strange numbers.
func TestOutlineOfOddFaces(t *testing.T) {
	t.Parallel()
	square, f := drawn(false)
	odd := map[string]face.Face{"no ears": {Landmarks: f.Landmarks}}
	far := f
	far.Ears = [2]face.Point{{X: -1e6}, {X: 1e6}}
	odd["far ears"] = far
	far.Ears = [2]face.Point{{X: 150, Y: 1}, {X: 100, Y: 1}}
	odd["crossed ears"] = far
	for name, f := range odd {
		mask := align.Outline(square, f, align.Transform{A: 1})
		if nose := sample(mask, 79*128+64); nose < 240 {
			t.Errorf("%s: %.0f on the nose", name, nose)
		}
		if corner := sample(mask, 0); corner != 0 {
			t.Errorf("%s: %.0f in the corner", name, corner)
		}
	}
	gray := imagedata.NewRaster(64, 64, 1, 16)
	if mask := align.Outline(gray, f, align.Transform{A: 0.25}); sample(mask, 79*128+64) < 240 {
		t.Error("a gray square has no face")
	}
	if mask := align.Outline(imagedata.Raster{}, f, align.Transform{A: 1}); mask.Width == 0 {
		t.Error("no mask")
	}
}

// The patch changes nothing where the outline is 0.
func TestPatchWithinOutline(t *testing.T) {
	t.Parallel()
	square, f := drawn(true)
	into := align.Transform{A: 1}
	mask := align.Outline(square, f, into)
	inverted := clone(square)
	for i := range inverted.Pix {
		inverted.Pix[i] = uint8(255 * (i / 3 % 2))
	}
	patch := align.NewPatch(inverted, square, into, 1, 1, 1)
	patch.Limit(mask)
	got := clone(square)
	patch.Blend(got, 0)
	changed := 0
	for i := range got.Pix {
		if got.Pix[i] == square.Pix[i] {
			continue
		}
		changed++
		x, y := i/3%256, i/3/256
		near := 0.0
		for dy := -4; dy <= 4; dy++ {
			for dx := -4; dx <= 4; dx++ {
				near = max(near, sample(mask, min(max(y/2+dy, 0), 127)*128+min(max(x/2+dx, 0), 127)))
			}
		}
		if near == 0 {
			t.Fatalf("(%d, %d) changed far from the outline", x, y)
		}
	}
	if changed < 10000 {
		t.Errorf("only %d samples changed", changed)
	}
}

// A detector with one point for the mouth: its center is as good as both corners, and a
// bad one does no harm.
func TestMouthsCenter(t *testing.T) {
	t.Parallel()
	for _, angle := range []float64{0, 0.5, math.Pi} {
		known := posed(100, angle, 300, 300)
		points := mapped(known.Inverse(), align.Template(512))
		left, right := points[face.LeftMouth], points[face.RightMouth]
		center := face.Point{X: (left.X + right.X) / 2, Y: (left.Y + right.Y) / 2}
		for _, bad := range []float64{0, 60} {
			points[face.LeftMouth] = face.Point{X: center.X + bad, Y: center.Y}
			points[face.RightMouth] = points[face.LeftMouth]
			got, err := align.Estimate(points, align.Template(512))
			if err != nil || worst(known, got) > 0.5 {
				t.Errorf("angle %g, mouth off by %g: %.2f px off, %v", angle, bad, worst(known, got), err)
			}
		}
	}
}
