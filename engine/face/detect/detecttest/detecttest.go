// Package detecttest holds the conformance suite for face.Detector and loads test
// data from pigo's module.
package detecttest

import (
	"context"
	"reflect"
	"slices"
	"sync"
	"testing"

	"upscaled/engine/face"
	"upscaled/engine/imagedata"
	"upscaled/engine/resize"
	"upscaled/models/fault"
)

// Run checks d. portrait, of 3 channels, must show exactly one face that is large
// enough to be found at half the size too.
func Run(t *testing.T, d face.Detector, portrait imagedata.Raster) {
	t.Run("name", func(t *testing.T) {
		if d.Name() == "" {
			t.Error("no name")
		}
	})
	t.Run("tiny", func(t *testing.T) { tiny(t, d) })
	t.Run("rejected", func(t *testing.T) { rejected(t, d) })
	t.Run("gray", func(t *testing.T) { grayAndColor(t, d, portrait) })
	t.Run("canceled", func(t *testing.T) { canceled(t, d, portrait) })
	t.Run("concurrent", func(t *testing.T) { concurrent(t, d, portrait) })
	t.Run("order", func(t *testing.T) { order(t, d, portrait) })
}

func tiny(t *testing.T, d face.Detector) {
	for _, channels := range []int{1, 3} {
		for _, size := range [][2]int{{0, 0}, {1, 1}, {1, 300}, {300, 1}, {7, 9}, {64, 64}} {
			p := imagedata.NewRaster(size[0], size[1], channels, 8)
			faces, err := d.Detect(context.Background(), p)
			if err != nil || len(faces) != 0 {
				t.Errorf("%v with %d channels: %d faces, %v", size, channels, len(faces), err)
			}
		}
	}
}

func rejected(t *testing.T, d face.Detector) {
	short := imagedata.NewRaster(50, 50, 3, 8)
	short.Pix = short.Pix[:len(short.Pix)-1]
	for name, p := range map[string]imagedata.Raster{
		"two channels": imagedata.NewRaster(50, 50, 2, 8),
		"16 bits":      imagedata.NewRaster(50, 50, 3, 16),
		"short":        short,
	} {
		if _, err := d.Detect(context.Background(), p); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func grayAndColor(t *testing.T, d face.Detector, portrait imagedata.Raster) {
	before := slices.Clone(portrait.Pix)
	color := one(t, d, portrait)
	if !slices.Equal(before, portrait.Pix) {
		t.Error("the image was changed")
	}
	gray := imagedata.NewRaster(portrait.Width, portrait.Height, 1, 8)
	for i := range gray.Pix {
		gray.Pix[i] = portrait.Pix[3*i+1]
	}
	same := imagedata.NewRaster(portrait.Width, portrait.Height, 3, 8)
	for i := range same.Pix {
		same.Pix[i] = gray.Pix[i/3]
	}
	if a, b := one(t, d, gray), one(t, d, same); !reflect.DeepEqual(a, b) {
		t.Errorf("gray in one channel gives %v, in three %v", a, b)
	}
	inside(t, color)
}

// inside checks that the landmarks are ordered as a viewer sees them and lie in
// or near the box.
func inside(t *testing.T, f face.Face) {
	t.Helper()
	l := f.Landmarks
	if l[face.LeftEye].X >= l[face.RightEye].X || l[face.LeftMouth].X > l[face.RightMouth].X {
		t.Errorf("left and right swapped: %v", l)
	}
	for i, p := range l {
		if p.X < f.Left-0.1*f.Width || p.X > f.Left+1.1*f.Width || p.Y < f.Top-0.1*f.Height || p.Y > f.Top+1.1*f.Height {
			t.Errorf("point %d at %v lies outside the box %+v", i, p, f)
		}
	}
}

func one(t *testing.T, d face.Detector, p imagedata.Raster) face.Face {
	t.Helper()
	faces, err := d.Detect(context.Background(), p)
	if err != nil || len(faces) != 1 {
		t.Fatalf("%d faces instead of 1, %v", len(faces), err)
	}
	return faces[0]
}

func canceled(t *testing.T, d face.Detector, portrait imagedata.Raster) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if faces, err := d.Detect(ctx, portrait); fault.KindOf(err) != fault.Canceled || faces != nil {
		t.Errorf("%d faces, %v", len(faces), err)
	}
}

func concurrent(t *testing.T, d face.Detector, portrait imagedata.Raster) {
	want := one(t, d, portrait)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			if got, err := d.Detect(context.Background(), portrait); err != nil || !reflect.DeepEqual(got, []face.Face{want}) {
				t.Errorf("%v, %v instead of %v", got, err, want)
			}
		})
	}
	group.Wait()
}

// order places the portrait beside itself at half the size, the smaller one first.
func order(t *testing.T, d face.Detector, portrait imagedata.Raster) {
	half := resize.Whole(portrait, portrait.Width/2, portrait.Height/2)
	both := imagedata.NewRaster(half.Width+portrait.Width, portrait.Height, 3, 8)
	for y := range both.Height {
		row := both.Pix[y*both.Width*3:]
		if y < half.Height {
			copy(row, half.Pix[y*half.Width*3:][:half.Width*3])
		}
		copy(row[half.Width*3:], portrait.Pix[y*portrait.Width*3:][:portrait.Width*3])
	}
	faces, err := d.Detect(context.Background(), both)
	if err != nil || len(faces) != 2 {
		t.Fatalf("%d faces instead of 2, %v", len(faces), err)
	}
	if faces[0].Width*faces[0].Height <= faces[1].Width*faces[1].Height {
		t.Errorf("the larger face is not first: %v", faces)
	}
}
