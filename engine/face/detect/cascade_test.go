package detect_test

import (
	"math"
	"slices"
	"testing"

	pigo "github.com/esimov/pigo/core"

	"upscaled/engine/face/detect"
	"upscaled/engine/face/detect/detecttest"
	"upscaled/engine/imagedata"
	"upscaled/models/fault"
)

// grayPixels is the green channel, which serves as well as any gray here.
func grayPixels(p imagedata.Raster) []uint8 {
	gray := make([]uint8, p.Width*p.Height)
	for i := range gray {
		gray[i] = p.Pix[3*i+1]
	}
	return gray
}

// Every window that pigo's own evaluation accepts is accepted here with the
// same score; here the search reaches a little nearer to the edges, on a
// lattice of its own, so sizes are compared one at a time where both meet.
func TestScanAgreesWithPigo(t *testing.T) {
	t.Parallel()
	p, cascades := detecttest.Portrait(t), detecttest.Cascades(t)
	gray := grayPixels(p)
	theirs, err := pigo.NewPigo().Unpack(cascades.Face)
	if err != nil {
		t.Fatal(err)
	}
	common := 0
	for _, size := range []int{200, 220, 240, 260, 280} {
		mine := map[[2]float64]float64{}
		found, err := detect.Upright(cascades.Face, gray, p.Width, p.Height, size, size)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range found {
			mine[[2]float64{w[0], w[1]}] = w[3]
		}
		for _, w := range theirs.RunCascade(pigo.CascadeParams{
			// A shift of one pixel visits every window, ours among them.
			MinSize: size, MaxSize: size, ShiftFactor: 1e-9, ScaleFactor: 1.1,
			ImageParams: pigo.ImageParams{Pixels: gray, Rows: p.Height, Cols: p.Width, Dim: p.Width},
		}, 0) {
			at := [2]float64{float64(w.Row), float64(w.Col)}
			if score, ok := mine[at]; ok {
				common++
				if math.Abs(score-float64(w.Q)) > 1e-4 {
					t.Errorf("window %v of %d: score %v instead of %v", at, size, score, w.Q)
				}
				delete(mine, at)
			}
		}
		for at, score := range mine {
			if inside := at[0] > float64(size/2) && at[1] > float64(size/2) &&
				at[0] < float64(p.Height-size/2) && at[1] < float64(p.Width-size/2); inside {
				t.Errorf("window %v of %d with score %v is not found by pigo", at, size, score)
			}
		}
	}
	if common < 10 {
		t.Errorf("only %d windows were compared", common)
	}
}

// Pigo disturbs its guesses at random, so points agree about a pixel and a
// half: 63 tries are the number for which its median is one.
func TestPupilAgreesWithPigo(t *testing.T) {
	t.Parallel()
	p, cascades := detecttest.Portrait(t), detecttest.Cascades(t)
	gray := grayPixels(p)
	theirs, err := pigo.NewPuplocCascade().UnpackCascade(cascades.Pupil)
	if err != nil {
		t.Fatal(err)
	}
	want := theirs.RunDetector(pigo.Puploc{Row: 180, Col: 112, Scale: 64, Perturbs: 63},
		pigo.ImageParams{Pixels: gray, Rows: p.Height, Cols: p.Width, Dim: p.Width}, 0, false)
	row, column, spread, err := detect.Settle(cascades.Pupil, gray, p.Width, p.Height, 180, 112, 64)
	if err != nil || math.Abs(row-float64(want.Row)) > 1.5 || math.Abs(column-float64(want.Col)) > 1.5 {
		t.Errorf("pupil at %.1f,%.1f instead of %d,%d, %v", row, column, want.Row, want.Col, err)
	}
	// On the open forehead there is no pupil to run to.
	_, _, elsewhere, err := detect.Settle(cascades.Pupil, gray, p.Width, p.Height, 105, 165, 64)
	if err != nil || elsewhere < 2*spread {
		t.Errorf("spread %.3f at the pupil, %.3f on the forehead, %v", spread, elsewhere, err)
	}
}

func TestDamagedCascades(t *testing.T) {
	t.Parallel()
	whole := detecttest.Cascades(t)
	for name, damage := range map[string]func(*detect.Cascades){
		"no face":     func(c *detect.Cascades) { c.Face = nil },
		"short face":  func(c *detect.Cascades) { c.Face = c.Face[:len(c.Face)-1] },
		"long face":   func(c *detect.Cascades) { c.Face = append(slices.Clone(c.Face), 0) },
		"short pupil": func(c *detect.Cascades) { c.Pupil = c.Pupil[:1000] },
		"swapped":     func(c *detect.Cascades) { c.Face, c.Pupil = c.Pupil, c.Face },
		"no nose":     func(c *detect.Cascades) { c.Landmarks = nil },
	} {
		c := whole
		damage(&c)
		if _, err := detect.NewPigo(c, detect.Options{}); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Any cascade file is either rejected or runs over an image.
func FuzzCascades(f *testing.F) {
	face := append(make([]byte, 8), 1, 0, 0, 0, 1, 0, 0, 0, 128, 127, 3, 4, 0, 0, 128, 63, 0, 0, 0, 64, 0, 0, 0, 0)
	point := append([]byte{1, 0, 0, 0, 0, 0, 0, 63, 1, 0, 0, 0, 1, 0, 0, 0, 1, 2, 3, 4}, make([]byte, 16)...)
	f.Add(face, point)
	f.Add(face[:20], point[:16])
	gray := make([]uint8, 40*50)
	for i := range gray {
		gray[i] = uint8(i * i)
	}
	f.Fuzz(func(t *testing.T, face, point []byte) {
		if len(face) < 1<<16 {
			_, _ = detect.Upright(face, gray, 40, 50, 20, 40)
		}
		if len(point) < 1<<16 {
			_, _, _, _ = detect.Settle(point, gray, 40, 50, 30, 20, 20)
		}
	})
}

// The template under any similarity fits without rest, and its scale is known.
func TestMisfit(t *testing.T) {
	t.Parallel()
	sin, cos := math.Sincos(0.4)
	points := detect.TemplatePoints()
	for i, p := range points {
		points[i] = [2]float64{7 + 30*(p[0]*cos+p[1]*sin), -3 + 30*(p[1]*cos-p[0]*sin)}
	}
	if rest, scale := detect.Misfit(points); rest > 1e-9 || math.Abs(scale-30) > 1e-9 {
		t.Errorf("rest %v, scale %v", rest, scale)
	}
	points[2][0] += 30 // the nose one eye distance too low
	if rest, _ := detect.Misfit(points); rest < 0.3 {
		t.Errorf("rest %v with a nose out of place", rest)
	}
	if rest, _ := detect.Misfit([5][2]float64{}); !math.IsInf(rest, 1) {
		t.Errorf("rest %v of one single place", rest)
	}
}
