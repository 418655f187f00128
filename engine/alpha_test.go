package engine_test

import (
	"bytes"
	"image"
	"image/png"
	"math/rand"
	"testing"

	"upscaled/engine"
	"upscaled/engine/enginetest"
	"upscaled/engine/imagedata"
)

// Colour under transparent pixels must not matter.
func TestNoTraceOfHiddenColour(t *testing.T) {
	t.Parallel()
	for _, depth := range []int{8, 16} {
		var results [2]imagedata.Frame
		for i := range results {
			data, _, err := upscale(t, &enginetest.Runtime{}, enginetest.Net(2, 4), engine.Request{Input: withHole(t, depth, int64(i)), Tile: 40})
			if err != nil {
				t.Fatal(err)
			}
			results[i] = first(t, data)
		}
		if results[0].Alpha == nil || results[0].Color.Depth() != depth {
			t.Fatalf("alpha or depth %d was lost", depth)
		}
		if !equal(results[0].Color, results[1].Color) || !equal(*results[0].Alpha, *results[1].Alpha) {
			t.Errorf("depth %d: the colour under transparent pixels shows", depth)
		}
	}
}

// withHole is a image of one color whose transparent half holds garbage.
func withHole(t *testing.T, depth int, seed int64) []byte {
	t.Helper()
	random, box := rand.New(rand.NewSource(seed)), image.Rect(0, 0, 80, 60)
	var out bytes.Buffer
	eight, sixteen := image.NewNRGBA(box), image.NewNRGBA64(box)
	for y := range 60 {
		for x := range 80 {
			pixel := []uint8{90, 140, 30, 255}
			if x > 40+y/3 {
				pixel = []uint8{uint8(random.Int()), uint8(random.Int()), uint8(random.Int()), 0}
			}
			for c, v := range pixel {
				eight.Pix[eight.PixOffset(x, y)+c] = v
				sixteen.Pix[sixteen.PixOffset(x, y)+2*c], sixteen.Pix[sixteen.PixOffset(x, y)+2*c+1] = v, v
			}
		}
	}
	var err error
	if depth == 16 {
		err = png.Encode(&out, sixteen)
	} else {
		err = png.Encode(&out, eight)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
