package ort_test

import (
	"bytes"
	"image/jpeg"
	"math"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/disintegration/imaging"

	"upscaled/engine"
	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/decode"
	"upscaled/engine/ort"
	"upscaled/models"
)

// photograph is a part of the photograph that the imaging module carries.
func photograph(t *testing.T, width, height int) []byte {
	t.Helper()
	folder, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/disintegration/imaging").Output()
	if err != nil {
		t.Fatal(err)
	}
	whole, err := imaging.Open(filepath.Join(strings.TrimSpace(string(folder)), "testdata", "branches.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, imaging.CropCenter(whole, width, height), &jpeg.Options{Quality: 92}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// through upscales with tiles of at most a side in pixels.
func through(t *testing.T, runtime *ort.Runtime, model string, input []byte, tile int) imagedata.Raster {
	t.Helper()
	library, err := models.Open(models.Options{Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	e := engine.New(engine.Options{Runtime: runtime, Library: library})
	defer e.Close()
	var out bytes.Buffer
	r, err := e.Upscale(t.Context(), engine.Request{Input: input, Output: &out, Model: model, Tile: tile, Format: imagedata.PNG})
	if err != nil {
		t.Fatal(err)
	}
	if whole := tile > 4000; whole != (r.Stats.Tiles == 1) {
		t.Fatalf("tile %d ran %d tiles", tile, r.Stats.Tiles)
	}
	d, err := decode.Open(out.Bytes(), imagedata.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	frame, err := d.Next()
	if err != nil {
		t.Fatal(err)
	}
	return frame.Color
}

// TestSeamsOfBlendedTiles compares tiles of a model whose receptive radius
// is out of reach with the whole image: over all pixels, and in the worst
// stripe of 32 rows or columns, where a seam would be.
func TestSeamsOfBlendedTiles(t *testing.T) {
	runtime := needRuntime(t)
	publishedWeights(t, "realesrgan-x4plus")
	if testing.Short() {
		t.Skip("x4plus takes seconds")
	}
	input := photograph(t, 230, 64)
	whole, tiled := through(t, runtime, "realesrgan-x4plus", input, 5000), through(t, runtime, "realesrgan-x4plus", input, 110)
	all := stripe(whole, tiled, 0, 0, whole.Width, whole.Height)
	worst := math.Inf(1)
	for y := 0; y+32 <= whole.Height; y += 16 {
		worst = min(worst, stripe(whole, tiled, 0, y, whole.Width, y+32))
	}
	for x := 0; x+32 <= whole.Width; x += 16 {
		worst = min(worst, stripe(whole, tiled, x, 0, x+32, whole.Height))
	}
	t.Logf("x4plus in tiles: %.1f dB to the whole picture, %.1f dB in the worst stripe", all, worst)
	if all < 55 || worst < 48 {
		t.Errorf("%.1f dB, %.1f dB in the worst stripe; want 55 and 48", all, worst)
	}
}

// stripe is the PSNR in decibels of a rectangle.
func stripe(a, b imagedata.Raster, x0, y0, x1, y1 int) float64 {
	var sum float64
	for y := y0; y < y1; y++ {
		for i := (y*a.Width + x0) * 3; i < (y*a.Width+x1)*3; i++ {
			d := float64(a.Pix[i]) - float64(b.Pix[i])
			sum += d * d
		}
	}
	return 10 * math.Log10(255*255*float64((x1-x0)*(y1-y0)*3)/sum)
}

// TestExactTiles: where the radius is affordable, tiles change no byte.
func TestExactTiles(t *testing.T) {
	runtime := needRuntime(t)
	publishedWeights(t, "realesr-general-x4v3")
	input := photograph(t, 150, 110)
	whole := through(t, runtime, "realesr-general-x4v3", input, 5000)
	for _, tile := range []int{96, 120} {
		if !bytes.Equal(whole.Pix, through(t, runtime, "realesr-general-x4v3", input, tile).Pix) {
			t.Errorf("tiles of %d differ from the whole picture", tile)
		}
	}
}
