package upscaler_test

import (
	"bytes"
	"embed"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"testing"

	"upscaled/engine"
	"upscaled/engine/ort"
	"upscaled/engine/upscaler"
	"upscaled/models"
	"upscaled/models/network"
)

// The files are made by scripts/onnx-fixtures.
//
//go:embed testdata/*.onnx
var foreignFiles embed.FS

// foreignCases are the conventions that Probe must find, with Out as In.
var foreignCases = map[string]network.Convention{
	"window": {In: 3, White: 1, Scale: 2, Multiple: 8, Radius: 9},
	"cugan":  {In: 3, White: 1, Scale: 2, Multiple: 2, Least: 32, Radius: 5},
	"fixed":  {In: 3, White: 1, Scale: 2, Multiple: 1, FixedWidth: 64, FixedHeight: 64},
	"free":   {In: 3, White: 1, Scale: 2, Multiple: 1, Radius: 2},
	"bytes":  {In: 3, White: 255, Scale: 2, Multiple: 1, Radius: 2},
	"gray":   {In: 1, White: 1, Scale: 2, Multiple: 1, Radius: 2},
	"rgba":   {In: 4, White: 1, Scale: 2, Multiple: 1, Radius: 2},
	"last":   {In: 3, White: 1, Scale: 2, Multiple: 1, Radius: 2, ChannelsLast: true},
	"old":    {In: 3, White: 1, Scale: 2, Multiple: 1, Radius: 2},
}

// Files of every convention are imported as they are and upscale images of any size
// as the file alone does.
func TestForeignFiles(t *testing.T) {
	t.Parallel()
	installed, err := models.Open(models.Options{Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	library := installed.InstalledLibrary("cpu")
	if library == "" {
		if os.Getenv("UPSCALED_REQUIRE_RUNTIME") == "1" {
			t.Fatal("ONNX Runtime is not installed")
		}
		t.Skip("ONNX Runtime is not installed")
	}
	store, err := models.Open(models.Options{Home: t.TempDir(), Offline: true, RuntimeLibrary: library})
	if err != nil {
		t.Fatal(err)
	}
	u, err := upscaler.Open(t.Context(), upscaler.Options{Device: "cpu", Store: store, Precision: network.Float32})
	if err != nil {
		t.Fatal(err)
	}
	runtime, err := ort.Open(ort.Options{Library: library, Device: "cpu"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := u.Close(); err != nil {
			t.Error(err)
		}
		if err := runtime.Close(); err != nil {
			t.Error(err)
		}
	})
	for name, want := range foreignCases {
		t.Run(name, func(t *testing.T) {
			data, err := foreignFiles.ReadFile("testdata/" + name + ".onnx")
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), name+".onnx")
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := store.Import(t.Context(), path, models.ImportOptions{Probe: upscaler.Probe(store)}); err != nil {
				t.Fatal(err)
			}
			n, err := store.Load(t.Context(), name, nil)
			if err != nil {
				t.Fatal(err)
			}
			if want.Out = want.In; n.Convention() != want {
				t.Errorf("the convention is %+v, want %+v", n.Convention(), want)
			}
			alone := name
			if name == "fixed" {
				alone = "free"
			}
			reference, err := foreignFiles.ReadFile("testdata/" + alone + ".onnx")
			if err != nil {
				t.Fatal(err)
			}
			plain, err := runtime.OpenTensors(reference, false)
			if err != nil {
				t.Fatal(err)
			}
			defer plain.Close()
			for _, size := range []image.Point{{1, 1}, {1, 40}, {7, 3}, {33, 34}, {61, 45}, {64, 64}, {65, 129}, {100, 130}, {300, 299}} {
				compareForeign(t, u, plain, name, size, want)
			}
		})
	}
}

// compareForeign upscales an image of a size with the engine and with the file alone.
func compareForeign(t *testing.T, u *upscaler.Upscaler, plain *ort.Tensors, name string, size image.Point, c network.Convention) {
	t.Helper()
	in := image.NewNRGBA(image.Rectangle{Max: size})
	for y := range size.Y {
		for x := range size.X {
			in.SetNRGBA(x, y, color.NRGBA{uint8(5*x + y), uint8(3*y - 2*x), uint8(x * y), 255})
		}
	}
	var file, result bytes.Buffer
	if err := png.Encode(&file, in); err != nil {
		t.Fatal(err)
	}
	if _, err := u.Upscale(t.Context(), engine.Request{Input: file.Bytes(), Output: &result, Model: name}); err != nil {
		t.Fatalf("%v: %v", size, err)
	}
	got, err := png.Decode(&result)
	if err != nil || got.Bounds().Max != size.Mul(2) {
		t.Fatalf("%v: %v, %v", size, got.Bounds(), err)
	}
	side := func(n int) int {
		n = max(n, c.Least, c.FixedWidth)
		return (n + c.Multiple - 1) / c.Multiple * c.Multiple
	}
	width, height := side(size.X), side(size.Y)
	want := aloneOn(t, plain, width, height, c, func(channel, y, x int) float64 {
		v := in.NRGBAAt(mirrored(x, size.X), mirrored(y, size.Y))
		values := [4]uint8{v.R, v.G, v.B, 255}
		if c.In == 1 {
			return (0.299*float64(v.R) + 0.587*float64(v.G) + 0.114*float64(v.B)) / 255
		}
		return float64(values[channel]) / 255
	})
	for y := range 2 * size.Y {
		for x := range 2 * size.X {
			v := color.NRGBAModel.Convert(got.At(x, y)).(color.NRGBA)
			values := [3]float64{float64(v.R), float64(v.G), float64(v.B)}
			if c.In == 1 { // luma, where no channel is clipped
				if min(v.R, v.G, v.B) == 0 || max(v.R, v.G, v.B) == 255 {
					continue
				}
				values[0] = 0.299*values[0] + 0.587*values[1] + 0.114*values[2]
			}
			for channel := range min(3, c.In) {
				exact := 255 * min(max(want(channel, y, x), 0), 1)
				if math.Abs(values[channel]-exact) > 1.01 {
					t.Fatalf("%v: pixel %d,%d channel %d is %g, want %.2f", size, x, y, channel, values[channel], exact)
				}
			}
		}
	}
}

// mirrored returns the position within n pixels of one at or beyond their end.
func mirrored(i, n int) int {
	if n == 1 {
		return 0
	}
	if i %= 2 * (n - 1); i >= n {
		i = 2*(n-1) - i
	}
	return i
}

// aloneOn runs a file on an image in 0..1 and returns its result, in 0..1 too.
func aloneOn(t *testing.T, plain *ort.Tensors, width, height int, c network.Convention, value func(channel, y, x int) float64) func(channel, y, x int) float64 {
	t.Helper()
	var input []float32
	shape := []int64{1, int64(c.In), int64(height), int64(width)}
	if c.ChannelsLast {
		shape = []int64{1, int64(height), int64(width), int64(c.In)}
	}
	for i := range c.In * height * width {
		channel, y, x := i/(height*width), i/width%height, i%width
		if c.ChannelsLast {
			channel, y, x = i%c.In, i/c.In/width, i/c.In%width
		}
		input = append(input, float32(value(channel, y, x)*c.White))
	}
	results, err := plain.Run(t.Context(), input, shape)
	if err != nil {
		t.Fatal(err)
	}
	out := results["upscaled"].Data
	return func(channel, y, x int) float64 {
		i := (channel*2*height+y)*2*width + x
		if c.ChannelsLast {
			i = (y*2*width+x)*c.In + channel
		}
		return float64(out[i]) / c.White
	}
}
