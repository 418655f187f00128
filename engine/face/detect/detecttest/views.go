package detecttest

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"upscaled/engine/face"
	"upscaled/engine/face/align"
	"upscaled/engine/imagedata"
	"upscaled/engine/resize"
)

// View is an image with known faces.
type View struct {
	Name  string
	Image imagedata.Raster
	// Eyes are the centers of each face's eyes, left of the upright image first.
	Eyes [][2]face.Point
	// Points are those of the first face; nil if they were not measured.
	Points []face.Point
	// Roll is the angle of the image, in degrees, Size the width of its first face in
	// pixels, 2.4 eye distances.
	Roll, Size float64
	// Kind groups views; Covered is set if half of the face is.
	Kind    string
	Covered bool
}

// scene is a photograph to make views of.
type scene struct {
	name  string
	image imagedata.Raster
	eyes  [][2]face.Point
	// points are the first face's.
	points []face.Point
}

// covered is the kind of views with half a face.
const covered = "half covered"

// boxPerEyes is a face's width in eye distances.
const boxPerEyes = 2.4

// PortraitPoints are the five points of Portrait, measured by hand: crops of the file
// were enlarged 8 times (eyes, mouth) and 10 times (nose) with a line every 10 pixels,
// and read against these lines. Eyes: center of the circle through the visible edge
// of the iris. Mouth: ends of the dark line between the lips. Nose: across, midway
// between the nostrils; down, between the highlight (235) and the lower edge (250),
// nearer the former.
func PortraitPoints() face.Landmarks {
	return face.Landmarks{{X: 114.3, Y: 182.8}, {X: 204.4, Y: 181.2}, {X: 161.5, Y: 238}, {X: 123.5, Y: 283}, {X: 200.3, Y: 280.8}}
}

func portraitScene(t testing.TB) scene {
	points := PortraitPoints()
	return scene{"portrait", Portrait(t), [][2]face.Point{{points[face.LeftEye], points[face.RightEye]}}, points[:]}
}

// Shared returns the path of an image beside the checkout. It skips the test if there
// are none.
func Shared(t testing.TB, name string) string {
	t.Helper()
	folder, err := filepath.Abs(".")
	for err == nil && folder != filepath.Dir(folder) {
		folder = filepath.Dir(folder)
		path := filepath.Join(folder, "shared", "images", name)
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	t.Skipf("the photographs are not in ../shared/images")
	return ""
}

// childrenScene has five faces, whose eyes were read from the image by eye.
func childrenScene(t testing.TB) scene {
	return scene{name: "children", image: Load(t, Shared(t, "children-alpha.png")), eyes: [][2]face.Point{
		{{X: 153, Y: 61}, {X: 183, Y: 57}}, {{X: 265, Y: 90}, {X: 293, Y: 91}}, {{X: 430, Y: 45}, {X: 459, Y: 37}},
		{{X: 353, Y: 146}, {X: 382, Y: 150}}, {{X: 144, Y: 174}, {X: 172, Y: 175}},
	}}
}

// Views returns the trial set: portrait and children at every roll in steps of 30
// degrees, the portrait in sizes from 24 to 1000 pixels, mirrored, dark, gray, half
// covered, noisy, blurred, tinted and compressed.
func Views(t testing.TB) []View {
	return append(PortraitViews(t), rolled(childrenScene(t), 64)...)
}

// PortraitViews are the views of Views that show the portrait.
func PortraitViews(t testing.TB) []View {
	portrait := portraitScene(t)
	views := rolled(portrait, 48)
	for _, size := range []float64{24, 32, 96, 300, 1000} {
		views = append(views, portrait.view(size, 0))
	}
	for name, change := range map[string]func(*View){
		"mirrored": mirror, "dark": darken, "gray": gray, covered: cover, "noisy": noise, "blurred": blur, "tinted": tint, "compressed": compress,
	} {
		for _, roll := range []float64{0, 150} {
			v := portrait.view(96, roll)
			if roll > 0 && (name == "mirrored" || name == covered) {
				continue // they know upright faces only
			}
			v.Name, v.Kind, v.Covered = v.Name+", "+name, name, name == covered
			change(&v)
			views = append(views, v)
		}
	}
	return views
}

// noise adds normal noise with a deviation of 20, from a fixed seed.
func noise(v *View) {
	random := rand.New(rand.NewPCG(1, 2))
	for i, s := range v.Image.Pix {
		v.Image.Pix[i] = uint8(min(255, max(0, float64(s)+20*random.NormFloat64())))
	}
}

func blur(v *View) {
	p := v.Image
	v.Image = resize.Whole(resize.Whole(p, p.Width/4, p.Height/4), p.Width, p.Height)
}

func tint(v *View) {
	for i := range v.Image.Pix {
		v.Image.Pix[i] = uint8(float64(v.Image.Pix[i]) * []float64{1, 0.4, 0.3}[i%3])
	}
}

// compress stores the image as JPEG with quality 30.
func compress(v *View) {
	p := image.NewRGBA(image.Rect(0, 0, v.Image.Width, v.Image.Height))
	for i := range v.Image.Width * v.Image.Height {
		copy(p.Pix[4*i:], append(slices.Clone(v.Image.Pix[3*i:3*i+3]), 255))
	}
	var file bytes.Buffer
	err := jpeg.Encode(&file, p, &jpeg.Options{Quality: 30})
	decoded, _, decodeErr := image.Decode(&file)
	if err != nil || decodeErr != nil {
		panic(fmt.Sprint(err, decodeErr))
	}
	v.Image = rgb(decoded)
}

func rolled(s scene, size float64) []View {
	var views []View
	for roll := 0.0; roll < 360; roll += 30 {
		views = append(views, s.view(size, roll))
	}
	return views
}

// view turns a scene, scaled so that its first face has the given width.
func (s scene) view(size, roll float64) View {
	eyes := s.eyes[0]
	scale := size / boxPerEyes / math.Hypot(eyes[1].X-eyes[0].X, eyes[1].Y-eyes[0].Y)
	sin, cos := math.Sincos(roll * math.Pi / 180)
	t := align.Transform{A: scale * cos, B: scale * sin}
	side := int(scale*math.Hypot(float64(s.image.Width), float64(s.image.Height))) + 2
	middle := t.Apply(face.Point{X: float64(s.image.Width) / 2, Y: float64(s.image.Height) / 2})
	t.X, t.Y = float64(side)/2-middle.X, float64(side)/2-middle.Y
	v := View{Name: fmt.Sprintf("%s %g px, %g degrees", s.name, size, roll), Kind: s.name, Image: align.Crop(s.image, t, side), Roll: roll, Size: size}
	for _, e := range s.eyes {
		v.Eyes = append(v.Eyes, [2]face.Point{t.Apply(e[0]), t.Apply(e[1])})
	}
	for _, p := range s.points {
		v.Points = append(v.Points, t.Apply(p))
	}
	back := t.Inverse()
	for i := range side * side {
		p := back.Apply(face.Point{X: float64(i%side) + 0.5, Y: float64(i/side) + 0.5})
		if p.X < 0 || p.Y < 0 || p.X >= float64(s.image.Width) || p.Y >= float64(s.image.Height) {
			copy(v.Image.Pix[3*i:3*i+3], []uint8{128, 128, 128})
		}
	}
	return v
}

func mirror(v *View) {
	before := slices.Clone(v.Image.Pix)
	w := v.Image.Width
	for i := range w * v.Image.Height {
		at := 3 * (i/w*w + w - 1 - i%w)
		copy(v.Image.Pix[3*i:3*i+3], before[at:at+3])
	}
	for i, e := range v.Eyes {
		v.Eyes[i] = [2]face.Point{{X: float64(w) - e[1].X, Y: e[1].Y}, {X: float64(w) - e[0].X, Y: e[0].Y}}
	}
	for i, p := range v.Points {
		v.Points[i].X = float64(w) - p.X
	}
	v.Points[face.LeftEye], v.Points[face.RightEye] = v.Points[face.RightEye], v.Points[face.LeftEye]
}

func darken(v *View) {
	for i := range v.Image.Pix {
		v.Image.Pix[i] /= 5
	}
}

func gray(v *View) {
	for i := 0; i < len(v.Image.Pix); i += 3 {
		y := (77*int(v.Image.Pix[i]) + 150*int(v.Image.Pix[i+1]) + 29*int(v.Image.Pix[i+2])) >> 8
		copy(v.Image.Pix[i:], []uint8{uint8(y), uint8(y), uint8(y)})
	}
}

// cover hides everything left of the first face's nose.
func cover(v *View) {
	middle := int(v.Eyes[0][0].X+v.Eyes[0][1].X) / 2
	for y := range v.Image.Height {
		row := v.Image.Pix[3*y*v.Image.Width:]
		for x := range 3 * middle {
			row[x] = 90
		}
	}
}

// Distractors returns the photographs without people of a folder, reduced to 1600
// pixels a side, or without one 20 views of five: in four cuts and turns.
func Distractors(t testing.TB, folder string) []View {
	var views []View
	if folder != "" {
		files, err := filepath.Glob(filepath.Join(folder, "*"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no photographs in %s, %v", folder, err)
		}
		for _, file := range files {
			p := Load(t, file)
			if side := max(p.Width, p.Height); side > 1600 {
				p = resize.Whole(p, max(1, p.Width*1600/side), max(1, p.Height*1600/side))
			}
			views = append(views, View{Name: filepath.Base(file), Image: p})
		}
		return views
	}
	for _, name := range []string{"OST_009.png", "ADE_val_00000114.jpg", "0014.jpg", "tree_alpha_16bit.png", "wolf_gray.jpg"} {
		p := Load(t, Shared(t, name))
		for i := range 4 {
			s := scene{name: name, image: p, eyes: [][2]face.Point{{{X: 100}, {X: 100 + 100}}}}
			v := s.view(boxPerEyes*100*[]float64{1, 1.5, 2, 0.5}[i], 90*float64(i))
			v.Eyes = nil
			views = append(views, v)
		}
	}
	return append(views, View{Name: "small", Image: resize.Whole(views[0].Image, 99, 77)})[:20]
}

// Judge counts the faces of a view that were found, and the detections that are none:
// a detection is of a face if its box holds both eyes and is at most 5 eye distances
// wide.
func Judge(v View, found []face.Face) (hits, false int) {
	matched := make([]bool, len(v.Eyes))
	for _, f := range found {
		match := -1
		for i, e := range v.Eyes {
			if !matched[i] && holds(f, e[0]) && holds(f, e[1]) && f.Width < 5*math.Hypot(e[1].X-e[0].X, e[1].Y-e[0].Y) {
				match = i
			}
		}
		if match < 0 {
			false++
		} else {
			matched[match] = true
			hits++
		}
	}
	return hits, false
}

func holds(f face.Face, p face.Point) bool {
	return p.X > f.Left && p.X < f.Left+f.Width && p.Y > f.Top && p.Y < f.Top+f.Height
}
