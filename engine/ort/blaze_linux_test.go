package ort_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"runtime/debug"
	"slices"
	"syscall"
	"testing"

	"upscaled/engine/face"
	"upscaled/engine/face/detect"
	"upscaled/engine/face/detect/detecttest"
	"upscaled/engine/imagedata"
	"upscaled/engine/ort"
	"upscaled/engine/resize"
	"upscaled/models"
)

// blaze returns the detector with the installed models.
func blaze(t testing.TB, o detect.Options) *detect.Blaze {
	t.Helper()
	runtime, reason := startRuntime()
	if reason != "" {
		missing(t, reason)
	}
	store, err := models.Open(models.Options{Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	back, front, err := store.BlazeFace(t.Context())
	if err != nil {
		missing(t, err.Error())
	}
	var nets [2]*ort.Tensors
	for i, file := range [][]byte{back, front} {
		if nets[i], err = runtime.OpenTensors(file, true); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { nets[i].Close() })
	}
	return detect.NewBlaze(nets[0], nets[1], o)
}

func TestBlazeConforms(t *testing.T) {
	t.Parallel()
	detecttest.Run(t, blaze(t, detect.Options{}), detecttest.Portrait(t))
}

// tally counts what a detector finds in views.
type tally struct{ faces, hits, wrong int }

func (c *tally) add(t *testing.T, d face.Detector, views ...detecttest.View) {
	t.Helper()
	for _, v := range views {
		found, err := d.Detect(t.Context(), v.Image)
		if err != nil {
			t.Fatal(err)
		}
		hits, wrong := detecttest.Judge(v, found)
		c.faces, c.hits, c.wrong = c.faces+len(v.Eyes), c.hits+hits, c.wrong+wrong
		if hits < len(v.Eyes) || wrong > 0 {
			t.Logf("%s, %s: %d of %d faces, %d wrong", d.Name(), v.Name, hits, len(v.Eyes), wrong)
		}
	}
}

// In all views, such as every roll, 24 to 1000 pixels, noisy and half covered: at least
// 95 % of the faces, and nothing else.
func TestBlazeRecall(t *testing.T) {
	t.Parallel()
	var c tally
	d := blaze(t, detect.Options{MinimumFace: 24})
	c.add(t, d, detecttest.Views(t)...)
	c.add(t, d, detecttest.Distractors(t, "")...)
	t.Logf("%d of %d faces, %d wrong", c.hits, c.faces, c.wrong)
	if c.faces < 75 || float64(c.hits) < 0.95*float64(c.faces) || c.wrong > 0 {
		t.Errorf("%d of %d faces, %d wrong", c.hits, c.faces, c.wrong)
	}
}

// The points of the portrait lie within 6 % of the eyes' distance from those measured
// by hand, and the roll within 3 degrees, at every roll.
func TestBlazePoints(t *testing.T) {
	t.Parallel()
	d := blaze(t, detect.Options{})
	for _, v := range detecttest.PortraitViews(t) {
		if v.Size < 48 || v.Covered {
			continue
		}
		found, err := d.Detect(t.Context(), v.Image)
		if err != nil || len(found) != 1 {
			t.Fatalf("%s: %d faces, %v", v.Name, len(found), err)
		}
		want, got := v.Points, found[0].Landmarks
		want[face.LeftMouth] = face.Point{X: (want[3].X + want[4].X) / 2, Y: (want[3].Y + want[4].Y) / 2}
		roll := func(left, right face.Point) float64 {
			return math.Atan2(right.Y-left.Y, right.X-left.X) * 180 / math.Pi
		}
		eyes := math.Hypot(want[1].X-want[0].X, want[1].Y-want[0].Y)
		for i := face.LeftEye; i <= face.LeftMouth; i++ {
			if off := math.Hypot(got[i].X-want[i].X, got[i].Y-want[i].Y) / eyes; off > 0.06 {
				t.Errorf("%s: point %d is off by %.1f %% of the eyes' distance", v.Name, i, 100*off)
			}
		}
		if off := math.Remainder(roll(got[0], got[1])-roll(want[0], want[1]), 360); math.Abs(off) > 3 {
			t.Errorf("%s: the roll is off by %.1f degrees", v.Name, off)
		}
		if frontal := found[0].Frontal(); frontal < 0.7 {
			t.Errorf("%s: frontal by %.2f", v.Name, frontal)
		}
	}
}

// A photo with a 24-pixel face among 24 megapixels.
func smallInLarge(t testing.TB, width, height int) (p imagedata.Raster, at face.Point) {
	v := detecttest.PortraitViews(t)[0]
	v.Image = resize.Whole(v.Image, v.Image.Width/2, v.Image.Height/2) // 24 pixels
	p = resize.Whole(detecttest.Distractors(t, "")[0].Image, width, height)
	left, top := width*3/5, height/3
	for y := range v.Image.Height {
		copy(p.Pix[3*((top+y)*width+left):], v.Image.Pix[3*y*v.Image.Width:][:3*v.Image.Width])
	}
	return p, face.Point{X: float64(left) + v.Eyes[0][0].X/2, Y: float64(top) + v.Eyes[0][0].Y/2}
}

func TestBlazeSmallInLarge(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("24 megapixels")
	}
	p, eye := smallInLarge(t, 6000, 4000)
	found, err := blaze(t, detect.Options{MinimumFace: 20}).Detect(t.Context(), p)
	if err != nil || len(found) != 1 || math.Hypot(found[0].Landmarks[0].X-eye.X, found[0].Landmarks[0].Y-eye.Y) > 2 {
		t.Errorf("%v, %v; the left eye is at %v", found, err, eye)
	}
}

// Many faces, faces cut by the image's edge, and images of every odd shape.
func TestBlazeHostile(t *testing.T) {
	t.Parallel()
	tile := detecttest.PortraitViews(t)[0].Image
	tile = resize.Whole(tile, 64, 64) // of which the face has 29
	many := imagedata.NewRaster(25*64, 20*64, 3, 8)
	for i := range many.Width * many.Height {
		x, y := i%many.Width%64, i/many.Width%64
		copy(many.Pix[3*i:3*i+3], tile.Pix[3*(64*y+x):][:3])
	}
	found, err := blaze(t, detect.Options{MinimumFace: 20, MaximumFaces: 40}).Detect(t.Context(), many)
	if err != nil || len(found) != 40 {
		t.Errorf("at most 40: %d of 500 faces, %v", len(found), err)
	}
	d := blaze(t, detect.Options{})
	portrait := detecttest.Portrait(t)
	half := imagedata.NewRaster(160, 400, 3, 8)
	for y := range half.Height {
		copy(half.Pix[3*y*half.Width:][:3*half.Width], portrait.Pix[3*y*portrait.Width:])
	}
	for _, p := range []imagedata.Raster{half, imagedata.NewRaster(1, 1, 3, 8), imagedata.NewRaster(1, 60000, 1, 8), imagedata.NewRaster(60000, 40, 3, 8)} {
		if found, err := d.Detect(t.Context(), p); err != nil || len(found) > 1 {
			t.Errorf("%dx%d: %d faces, %v", p.Width, p.Height, len(found), err)
		}
	}
}

// tableRow names the row of a view in the guide's table.
func tableRow(v detecttest.View) string {
	roll := min(v.Roll, 360-v.Roll)
	switch {
	case len(v.Eyes) == 0:
		return "photographs without people"
	case v.Kind != "portrait" && v.Kind != "children":
		return v.Kind
	case roll == 0:
		return fmt.Sprintf("upright, %g px wide", v.Size)
	}
	return fmt.Sprintf("rolled by %g degrees, 48 or 64 px wide", roll)
}

// TestFaceTable prints the guide's table of what both detectors find, for scripts/faces.
func TestFaceTable(t *testing.T) {
	if os.Getenv("UPSCALED_FACE_TABLE") != "1" {
		t.Skip("scripts/faces prints the table")
	}
	var names []string
	rows := map[string][]detecttest.View{}
	for _, v := range append(detecttest.Views(t), detecttest.Distractors(t, os.Getenv("UPSCALED_FACE_DISTRACTORS"))...) {
		name := tableRow(v)
		if rows[name] == nil {
			names = append(names, name)
		}
		rows[name] = append(rows[name], v)
	}
	slices.Sort(names)
	detectors := []face.Detector{blaze(t, detect.Options{MinimumFace: 24}), detecttest.Pigo(t, detect.Options{MinimumFace: 24})}
	lines := []string{"| views | images | faces | blazeface | wrong | pigo | wrong |"}
	for _, name := range names {
		line := ""
		var c tally
		for _, d := range detectors {
			c = tally{}
			c.add(t, d, rows[name]...)
			line += fmt.Sprintf(" %d | %d |", c.hits, c.wrong)
		}
		lines = append(lines, fmt.Sprintf("| %s | %d | %d |%s", name, len(rows[name]), c.faces, line))
	}
	for _, line := range lines {
		t.Log(line)
	}
}

// BenchmarkBlaze looks for a face of 24 pixels in photos of 1, 24 and 100 megapixels. It
// also reports the time of all cores, which does not depend on the machine's load, and
// the peak of memory beside the photo.
func BenchmarkBlaze(b *testing.B) {
	for _, side := range [][2]int{{1155, 866}, {6000, 4000}, {11600, 8700}} {
		p, _ := smallInLarge(b, side[0], side[1])
		for _, least := range []int{24, 32} {
			b.Run(fmt.Sprintf("%dMP/%dpx", side[0]*side[1]/1e6, least), func(b *testing.B) {
				d := blaze(b, detect.Options{MinimumFace: least})
				b.ReportAllocs()
				debug.FreeOSMemory()
				_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) // resets the peak
				settled := resident("VmRSS")
				var before, after syscall.Rusage
				_ = syscall.Getrusage(syscall.RUSAGE_SELF, &before)
				for b.Loop() {
					if _, err := d.Detect(context.Background(), p); err != nil {
						b.Fatal(err)
					}
				}
				_ = syscall.Getrusage(syscall.RUSAGE_SELF, &after)
				used := after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano()
				b.ReportMetric(float64(used)/1e6/float64(b.N), "cpu-ms/op")
				b.ReportMetric(float64(resident("VmHWM")-settled), "peak-MB")
			})
		}
	}
}
