//go:build linux

package onednn_test

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/decode"
	"upscaled/engine/onednn"
	"upscaled/models/network"
)

// photos are the planes of all photos of the shared folder as the engine
// decodes them: colour or gray, alpha, 8 or 16 bits.
func photos(t testing.TB) map[string]imagedata.Raster {
	t.Helper()
	files, _ := filepath.Glob("../../../shared/images/*.*g")
	if len(files) == 0 {
		t.Skip("the photos are not here")
	}
	planes := map[string]imagedata.Raster{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		decoder, err := decode.Open(data, imagedata.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		frame, err := decoder.Next()
		if err != nil {
			t.Fatal(err)
		}
		planes[filepath.Base(file)] = frame.Color
		if frame.Alpha != nil {
			planes[filepath.Base(file)+" (alpha)"] = *frame.Alpha
		}
	}
	return planes
}

// cropped is the middle of a plane, or all of it where that is smaller.
func cropped(in imagedata.Raster, width, height int) imagedata.Raster {
	out := imagedata.NewRaster(min(width, in.Width), min(height, in.Height), in.Channels, in.Depth())
	x0, y0 := (in.Width-out.Width)/2*in.Channels, (in.Height-out.Height)/2
	from, to := in.Width*in.Channels, out.Width*out.Channels
	for y := range out.Height {
		if in.Pix16 != nil {
			copy(out.Pix16[y*to:][:to], in.Pix16[(y0+y)*from+x0:])
		} else {
			copy(out.Pix[y*to:][:to], in.Pix[(y0+y)*from+x0:])
		}
	}
	return out
}

// decibels is the PSNR of two pictures.
func decibels(a, b imagedata.Raster) float64 {
	squares, most := 0.0, float64(uint(1)<<a.Depth()-1)
	for i, v := range a.Pix {
		d := float64(v) - float64(b.Pix[i])
		squares += d * d
	}
	for i, v := range a.Pix16 {
		d := float64(v) - float64(b.Pix16[i])
		squares += d * d
	}
	return 10 * math.Log10(most*most*float64(len(a.Pix)+len(a.Pix16))/squares)
}

// TestPhotos checks bfloat16 against float32 on the middles of all photos, and
// on whole ones where the environment asks for that.
func TestPhotos(t *testing.T) {
	t.Parallel()
	planes := photos(t)
	r := opened(t, onednn.Options{})
	if !r.Library().BFloat16 {
		t.Skip("this processor has no bfloat16")
	}
	sides := map[string]int{"realesr-general-x4v3": 96, "realesrgan-x4plus": 32}
	for network, bound := range bounds {
		side := sides[network]
		if os.Getenv("UPSCALED_TEST_SIZES") == "all" {
			side = math.MaxInt32
		}
		t.Run(network, func(t *testing.T) { checkPhotos(t, r, network, bound, planes, side) })
	}
}

func checkPhotos(t *testing.T, r *onednn.Runtime, name string, bound float64, planes map[string]imagedata.Raster, side int) {
	net := published(t, name)
	for file, whole := range planes {
		in := cropped(whole, side, side)
		exact := run(t, r, net, network.Float32, in)
		db := decibels(run(t, r, net, network.BFloat16, in), exact)
		t.Logf("%s, %dx%d, %d channels of %d bits: bfloat16 is %.1f dB from float32", file, in.Width, in.Height, in.Channels, in.Depth(), db)
		if db < bound {
			t.Errorf("%s: bfloat16 is %.1f dB from float32, less than %.0f", file, db, bound)
		}
	}
}
