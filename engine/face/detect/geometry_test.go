package detect

import (
	"math"
	"testing"

	"upscaled/engine/face"
	"upscaled/engine/imagedata"
)

// levelFace is the template with its eyes 70 samples apart, in a crop.
func levelFace() examined {
	var e examined
	for i, s := range template() {
		e.points[i] = spot{row: 140 + 70*s.row, column: 160 + 70*s.column}
		e.spreads[i] = 0.02
	}
	return e
}

func TestPlausible(t *testing.T) {
	t.Parallel()
	if !plausible(levelFace()) {
		t.Error("the template is refused")
	}
	for name, spoil := range map[string]func(e *examined){
		"eyes too near":      func(e *examined) { e.points[face.RightEye].column -= 45 },
		"eyes too far":       func(e *examined) { e.points[face.RightEye].column += 60 },
		"eyes swapped":       func(e *examined) { e.points[0], e.points[1] = e.points[1], e.points[0] },
		"one eye high":       func(e *examined) { e.points[face.LeftEye].row -= 40 },
		"nose above eyes":    func(e *examined) { e.points[face.Nose].row = 130 },
		"nose far aside":     func(e *examined) { e.points[face.Nose].column += 60 },
		"mouth above nose":   func(e *examined) { e.points[face.LeftMouth].row, e.points[face.RightMouth].row = 175, 175 },
		"mouth corners meet": func(e *examined) { e.points[face.LeftMouth].column = e.points[face.RightMouth].column - 5 },
		"mouth far below":    func(e *examined) { e.points[face.LeftMouth].row += 90; e.points[face.RightMouth].row += 90 },
		"eyes scatter":       func(e *examined) { e.spreads[face.LeftEye], e.spreads[face.RightEye] = 0.1, 0.1 },
		"the others scatter": func(e *examined) { e.spreads[face.Nose] = 0.12 },
		"everything too small": func(e *examined) {
			for i := 2; i < 5; i++ {
				e.points[i] = spot{row: 140 + 14 + 4*float64(i), column: 160 + float64(10*i) - 30}
			}
		},
	} {
		e := levelFace()
		spoil(&e)
		if plausible(e) {
			t.Errorf("%s: taken for a face", name)
		}
	}
}

// The searched copy holds means, those at the edges of fewer pixels, and
// repeats its edge in the margin.
func TestShrink(t *testing.T) {
	t.Parallel()
	p := imagedata.NewRaster(5, 3, 1, 8)
	copy(p.Pix, []uint8{
		10, 20, 30, 40, 50,
		11, 21, 31, 41, 52,
		90, 92, 80, 84, 77,
	})
	got := shrink(p, 2, 1)
	want := []uint8{
		16, 16, 36, 51, 51,
		16, 16, 36, 51, 51,
		91, 91, 82, 77, 77,
		91, 91, 82, 77, 77,
	}
	if got.width != 5 || got.height != 4 || got.left != -1 || got.top != -1 || string(got.pix) != string(want) {
		t.Errorf("%+v instead of %v", got, want)
	}
	red := imagedata.NewRaster(1, 1, 3, 8)
	copy(red.Pix, []uint8{200, 100, 50})
	if g := shrink(red, 1, 0).pix[0]; g != 124 { // 59.8 + 58.7 + 5.7 by BT.601
		t.Errorf("luma %d", g)
	}
}

// stripes are columns of one pixel, black and white.
func stripes(side int) imagedata.Raster {
	p := imagedata.NewRaster(side, side, 1, 8)
	for i := range p.Pix {
		p.Pix[i] = uint8(i % side % 2 * 255)
	}
	return p
}

// A crop shows what only the full resolution holds, and where it is coarser
// than the image it averages instead of picking pixels.
func TestCutResolution(t *testing.T) {
	t.Parallel()
	p := stripes(900)
	contrast := func(c crop) (least, most uint8) {
		least = 255
		for column := 100; column < 220; column++ {
			v := c.pix[160*cropSide+column]
			least, most = min(least, v), max(most, v)
		}
		return least, most
	}
	middle := face.Point{X: 450, Y: 450}
	if least, most := contrast(cut(p, shrink(p, 2, 0), 2, middle, cropWindow, 0)); least > 20 || most < 235 {
		t.Errorf("stripes of the full resolution became %d..%d", least, most)
	}
	if least, most := contrast(cut(p, shrink(p, 1, 0), 1, middle, 2.6*cropWindow, 0)); least < 64 || most > 191 {
		t.Errorf("stripes finer than the crop became %d..%d", least, most)
	}
}

// The way from the crop to the image and back ends where it began, and what
// the crop shows is what lies there.
func TestCutGeometry(t *testing.T) {
	t.Parallel()
	p := imagedata.NewRaster(400, 300, 1, 8)
	for i := range p.Pix {
		p.Pix[i] = uint8((i%400)/4 + (i/400)/3)
	}
	for _, factor := range []int{1, 2} {
		c := cut(p, shrink(p, factor, 5), factor, face.Point{X: 210, Y: 140}, 100, 0.3)
		for _, s := range []spot{{100, 120}, {160, 40}, {220, 200}} {
			at := c.toImage(s)
			if back := c.fromImage(at); math.Hypot(back.row-s.row, back.column-s.column) > 1e-9 {
				t.Errorf("%v came back as %v", s, back)
			}
			want := (at.X-0.5)/4 + (at.Y-0.5)/3
			if got := float64(c.near(s.row, s.column)); math.Abs(got-want) > 2 {
				t.Errorf("factor %d: %v shows %v, in the picture is %.1f", factor, s, got, want)
			}
		}
	}
}

func TestCutOutside(t *testing.T) {
	t.Parallel()
	p := stripes(60)
	for _, centre := range []face.Point{{X: -5000, Y: 30}, {X: 30, Y: 9000}} {
		if c := cut(p, shrink(p, 2, 3), 2, centre, 50, 1); len(c.pix) != cropSide*cropSide {
			t.Errorf("crop of %d samples", len(c.pix))
		}
	}
}

func TestOverlap(t *testing.T) {
	t.Parallel()
	a := box{0, 0, 10, 10}
	for _, c := range []struct {
		b    box
		want float64
	}{{a, 1}, {box{5, 0, 10, 10}, 1.0 / 3}, {box{10, 0, 5, 5}, 0}, {box{2, 2, 5, 5}, 0.25}, {box{-20, -20, 5, 5}, 0}} {
		if got := a.overlap(c.b); math.Abs(got-c.want) > 1e-12 || got != c.b.overlap(a) {
			t.Errorf("%v overlaps by %v instead of %v", c.b, got, c.want)
		}
	}
}
