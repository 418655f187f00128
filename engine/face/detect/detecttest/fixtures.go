package detecttest

import (
	"image"
	"image/color"
	_ "image/png" // test images
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"upscaled/engine/face/detect"
	"upscaled/engine/imagedata"
)

// module returns the folder of pigo's source, which the go command knows.
func module(t testing.TB) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/esimov/pigo").Output()
	if err != nil || strings.TrimSpace(string(out)) == "" {
		t.Fatalf("the module github.com/esimov/pigo is missing (go mod download): %v", err)
	}
	return strings.TrimSpace(string(out))
}

// Cascades reads pigo's cascades from its module.
func Cascades(t testing.TB) detect.Cascades {
	t.Helper()
	folder := filepath.Join(module(t), "cascade")
	read := func(name ...string) []byte {
		data, err := os.ReadFile(filepath.Join(append([]string{folder}, name...)...))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	c := detect.Cascades{Face: read("facefinder"), Pupil: read("puploc"), Landmarks: map[string][]byte{}}
	for _, name := range detect.LandmarkNames() {
		c.Landmarks[name] = read("lps", name)
	}
	return c
}

// Pigo returns a detector with pigo's cascades.
func Pigo(t testing.TB, o detect.Options) *detect.Pigo {
	t.Helper()
	d, err := detect.NewPigo(Cascades(t), o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Portrait returns testdata/sample.jpg of pigo, 320x400: one upright face.
func Portrait(t testing.TB) imagedata.Raster {
	t.Helper()
	return Load(t, filepath.Join(module(t), "testdata", "sample.jpg"))
}

// Load reads a PNG or JPEG file as 8-bit RGB without alpha.
func Load(t testing.TB, path string) imagedata.Raster {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	decoded, _, err := image.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	return rgb(decoded)
}

// rgb returns an image's samples without alpha.
func rgb(decoded image.Image) imagedata.Raster {
	b := decoded.Bounds()
	p := imagedata.NewRaster(b.Dx(), b.Dy(), 3, 8)
	for y := range p.Height {
		for x := range p.Width {
			c := color.NRGBAModel.Convert(decoded.At(b.Min.X+x, b.Min.Y+y)).(color.NRGBA)
			copy(p.Pix[3*(y*p.Width+x):], []uint8{c.R, c.G, c.B})
		}
	}
	return p
}
