package engine_test

import (
	"testing"

	"upscaled/engine"
	"upscaled/engine/enginetest"
	"upscaled/engine/imagedata"
	"upscaled/engine/resize"
	"upscaled/models/fault"
)

// made upscales an image with a fake model of scale 4 and returns the colors.
func made(t *testing.T, in imagedata.Raster, q engine.Request) imagedata.Raster {
	t.Helper()
	q.Input, q.Format = file(t, in), imagedata.PNG
	data, result, err := upscale(t, &enginetest.Runtime{}, enginetest.Net(4, 3), q)
	if err != nil {
		t.Fatal(err)
	}
	out := first(t, data).Color
	if out.Width != result.Output.Width || out.Height != result.Output.Height {
		t.Errorf("the result is described as %dx%d", result.Output.Width, result.Output.Height)
	}
	return out
}

// A filter alone resizes as package resize does, and a second layer is blended
// over the first by its visibility.
func TestFiltersAndLayers(t *testing.T) {
	t.Parallel()
	for _, kind := range []struct{ channels, depth int }{{3, 8}, {1, 16}} {
		in := noise(5, 61, 47, kind.channels, kind.depth)
		size := engine.Size{Width: 150, Height: 120}
		plain := made(t, in, engine.Request{Size: size})
		lanczos := made(t, in, engine.Request{Size: size, Filter: engine.Lanczos})
		if !equal(lanczos, resize.Whole(in, 150, 120)) {
			t.Error("the Lanczos filter differs from resize.Whole")
		}
		if nearest := made(t, in, engine.Request{Size: size, Filter: engine.Nearest}); !equal(nearest, resize.Nearest(in, 150, 120)) {
			t.Error("the filter for the nearest pixel differs from resize.Nearest")
		}
		for visibility, want := range map[float64]imagedata.Raster{0: plain, 1: lanczos} {
			second := &engine.Layer{Filter: engine.Lanczos, Visibility: visibility}
			if got := made(t, in, engine.Request{Size: size, Second: second}); !equal(got, want) {
				t.Errorf("a second layer of visibility %g is blended by another", visibility)
			}
		}
		mean := made(t, in, engine.Request{Size: size, Filter: engine.Lanczos, Second: &engine.Layer{Visibility: 0.5}})
		for i := range mean.Pix {
			if want := (int(plain.Pix[i]) + int(lanczos.Pix[i]) + 1) / 2; int(mean.Pix[i]) != want {
				t.Fatalf("sample %d is %d, not the mean %d", i, mean.Pix[i], want)
			}
		}
	}
}

// Without a size, a filter keeps the image's own.
func TestFilterKeepsTheSize(t *testing.T) {
	t.Parallel()
	in := noise(6, 30, 20, 3, 8)
	if got := made(t, in, engine.Request{Filter: engine.Lanczos}); !equal(got, in) {
		t.Error("a filter changes an image that keeps its size")
	}
}

// A crop is the center of the whole result, whatever the bands.
func TestCrop(t *testing.T) {
	t.Parallel()
	in := noise(7, 90, 80, 3, 8)
	whole := made(t, in, engine.Request{})
	for _, tile := range []int{0, 24} {
		got := made(t, in, engine.Request{Tile: tile, CropWidth: 101, CropHeight: 77})
		for y := range 77 {
			from := ((whole.Height/2-77/2+y)*whole.Width + whole.Width/2 - 101/2) * 3
			if !equal(got.Rows(y, y+1), imagedata.Raster{Width: 101, Height: 1, Channels: 3, Pix: whole.Pix[from : from+101*3]}) {
				t.Fatalf("row %d of the crop is not the center's", y)
			}
		}
	}
	for _, q := range []engine.Request{{CropWidth: 361, CropHeight: 10}, {CropWidth: 10}, {Filter: "sinc"}, {Second: &engine.Layer{Visibility: 2}}} {
		q.Input = file(t, in)
		if _, _, err := upscale(t, &enginetest.Runtime{}, enginetest.Net(4, 3), q); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%+v: %v", q.Second, err)
		}
	}
}
