package align

import (
	"math"

	"upscaled/engine/face"
	"upscaled/engine/imagedata"
	"upscaled/engine/resize"
)

// outlineSide is the side of an Outline; an eye distance is 31 of its samples.
const outlineSide = 128

// Proportions of a face, in eye distances sideways and in distances from the eyes to the
// mouth upwards.
const (
	earsAside               = 1.0 // an ear from between the eyes, if it was not found
	earsNearest, earsFarest = 0.75, 1.35
	hairAbove, chinBelow    = 0.95, 0.72 // hairline above the eyes, chin below the mouth
	widestBelow             = 0.3        // the widest part below the eyes
	outlineFeather          = 0.14       // of the radius, to both sides
	featuresAside           = 0.85       // the part that is a face whatever its color
	featuresMiddle          = 0.42       // of these, below the eyes
	featuresDown            = 0.85
)

// Outline returns the part of a square that shows skin and features of its face, as
// 16-bit gray of outlineSide pixels a side. crop is the original's Crop for t, f the face
// in the original. The outline runs through the ears, the
// hairline and the chin. Within it, parts whose color is not the cheeks' are left out,
// unless they are eyes, nose or mouth: hair and hands before the face, as far as color
// tells them apart. The edge follows the crop's edges (guided filter, He et al. 2010).
func Outline(crop imagedata.Raster, f face.Face, t Transform) imagedata.Raster {
	out := imagedata.NewRaster(outlineSide, outlineSide, 1, 16)
	if crop.Width <= 0 || crop.Height <= 0 {
		return out
	}
	whole := newPlane(resize.Whole(crop, outlineSide, outlineSide), 1, 0, 0, outlineSide, outlineSide, 0)
	s := newShape(f, t.ScaleBy(outlineSide/float64(crop.Width)))
	skin := newSkin(whole, s)
	part := make([]float32, outlineSide*outlineSide)
	guide := make([]float32, len(part))
	for i := range part {
		x, y := float64(i%outlineSide)+0.5, float64(i/outlineSide)+0.5
		pixel := whole.samples[i*whole.channels:][:whole.channels]
		guide[i] = luma(pixel[0], pixel[len(pixel)/2], pixel[len(pixel)-1])
		part[i] = float32(s.inside(x, y) * max(s.features(x, y), skin.likeness(pixel)))
	}
	for i, v := range guided(part, guide) {
		x, y := float64(i%outlineSide)+0.5, float64(i/outlineSide)+0.5
		v = max(v, float32(s.inside(x, y)*s.features(x, y))) * float32(smoothstep((1.3-s.radius(x, y))/0.2))
		out.Pix16[i] = uint16(min(max(v, 0), 1)*65535 + 0.5)
	}
	return out
}

func smoothstep(v float64) float64 {
	v = min(max(v, 0), 1)
	return v * v * (3 - 2*v)
}

// shape is an egg around a face that looks upright.
type shape struct {
	eyes, mouth       face.Point // between the eyes; the mouth's center
	apart, down       float64    // the eyes' distance; from eyes to mouth
	left, right       float64
	top, widest, chin float64
}

// newShape maps a face with t.
func newShape(f face.Face, t Transform) shape {
	l, ears := f.Landmarks, f.Ears
	for i, p := range l {
		l[i] = t.Apply(p)
	}
	for i, p := range ears {
		ears[i] = t.Apply(p)
	}
	between := func(a, b face.Point) face.Point { return face.Point{X: (a.X + b.X) / 2, Y: (a.Y + b.Y) / 2} }
	s := shape{eyes: between(l[face.LeftEye], l[face.RightEye]), mouth: between(l[face.LeftMouth], l[face.RightMouth])}
	s.apart = max(1, math.Hypot(l[face.RightEye].X-l[face.LeftEye].X, l[face.RightEye].Y-l[face.LeftEye].Y))
	s.down = max(1, s.mouth.Y-s.eyes.Y, s.apart/2)
	left, right := earsAside, earsAside
	if f.Ears != [2]face.Point{} {
		left, right = (s.eyes.X-ears[0].X)/s.apart, (ears[1].X-s.eyes.X)/s.apart
	}
	s.left = s.eyes.X - s.apart*min(max(left, earsNearest), earsFarest)
	s.right = s.eyes.X + s.apart*min(max(right, earsNearest), earsFarest)
	s.top, s.widest, s.chin = s.eyes.Y-hairAbove*s.down, s.eyes.Y+widestBelow*s.down, s.mouth.Y+chinBelow*s.down
	return s
}

// radius is 1 on the outline.
func (s shape) radius(x, y float64) float64 {
	across := (2*x - s.left - s.right) / (s.right - s.left)
	if y < s.widest {
		return math.Hypot(across, (s.widest-y)/(s.widest-s.top))
	}
	return math.Hypot(across, (y-s.widest)/(s.chin-s.widest))
}

func (s shape) inside(x, y float64) float64 {
	return smoothstep((1 + outlineFeather - s.radius(x, y)) / (2 * outlineFeather))
}

// features is 1 on brows, eyes, nose and mouth, a rounded rectangle, and falls to 0
// around them.
func (s shape) features(x, y float64) float64 {
	across := (x - (s.eyes.X+s.mouth.X)/2) / (featuresAside * s.apart)
	along := (y - s.eyes.Y - featuresMiddle*s.down) / (featuresDown * s.down)
	return smoothstep((1.15 - math.Sqrt(math.Hypot(across*across, along*along))) / 0.3)
}

// cheek reports whether a position is between eyes and mouth.
func (s shape) cheek(x, y float64) bool {
	return y > s.eyes.Y+0.25*s.down && y < s.mouth.Y-0.25*s.down && math.Abs(x-s.eyes.X) < 0.7*s.apart
}

// skin is the color of cheeks: mean and standard deviation of luma, red - luma and
// blue - luma.
type skin struct{ mean, deviation [3]float64 }

func newSkin(p plane, s shape) skin {
	var sum, squares [3]float64
	count := 0.0
	for i := range outlineSide * outlineSide {
		if !s.cheek(float64(i%outlineSide)+0.5, float64(i/outlineSide)+0.5) {
			continue
		}
		count++
		for c, v := range opponent(p.samples[i*p.channels:][:p.channels]) {
			sum[c] += v
			squares[c] += v * v
		}
	}
	var k skin
	for c := range sum {
		k.mean[c] = sum[c] / max(1, count)
		k.deviation[c] = math.Sqrt(max(0, squares[c]/max(1, count)-k.mean[c]*k.mean[c]))
	}
	return k
}

func opponent(pixel []float32) [3]float64 {
	r, g, b := pixel[0], pixel[len(pixel)/2], pixel[len(pixel)-1]
	y := luma(r, g, b)
	return [3]float64{float64(y), float64(r - y), float64(b - y)}
}

// likeness is 1 for colors near the skin's and 0 for others. What counts as near grows
// with the cheeks' own range, and leaves room for shading.
func (k skin) likeness(pixel []float32) float64 {
	room := [3]float64{0.12, 0.04, 0.04}
	sum := 0.0
	for c, v := range opponent(pixel) {
		d := (v - k.mean[c]) / (2*k.deviation[c] + room[c])
		sum += d * d
	}
	return smoothstep(2.2 - math.Sqrt(sum))
}
