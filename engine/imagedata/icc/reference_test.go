package icc_test

import (
	"math"
	"os"
	"testing"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/decode"
	"upscaled/engine/imagedata/icc"
)

// TestSRGBReference compares an image in Adobe RGB with the one it was made of.
func TestSRGBReference(t *testing.T) {
	t.Parallel()
	const folder = "../../../../shared/cases/pictures/"
	read := func(path string) (imagedata.Info, imagedata.Raster) {
		data, err := os.ReadFile(folder + path)
		if os.IsNotExist(err) {
			t.Skip("the reference images are not in the repository")
		}
		if err != nil {
			t.Fatal(err)
		}
		d, err := decode.Open(data, imagedata.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		frame, err := d.Next()
		if err != nil {
			t.Fatal(err)
		}
		return d.Info(), frame.Color
	}
	info, got := read("icc-adobergb-to-gif-bmp-strip.png")
	_, want := read("ref/dpi300.png.ref.png")
	conversion, ok := icc.NewSRGB(info.Meta.ICC)
	if !ok {
		t.Fatal("the profile was not read")
	}
	conversion.Convert(got)
	sum := 0.0
	for i, v := range got.Pix {
		d := float64(v) - float64(want.Pix[i])
		sum += d * d
	}
	psnr := 10 * math.Log10(255*255*float64(len(got.Pix))/sum)
	if t.Logf("%.1f dB", psnr); psnr < 40 {
		t.Errorf("%.1f dB", psnr)
	}
}
