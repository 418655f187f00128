package cpu_test

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"upscaled/engine/cpu"
	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/decode"
	"upscaled/models/network"
)

// photos returns the planes of all photos of the shared folder as the engine decodes
// them: color or gray, alpha, 8 or 16 bits.
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

// cropped returns the middle of a plane, or all of it if that is smaller.
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

// decibels returns the PSNR of two images.
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

// TestPhotos checks each kind of kernel against exact float32 on the middles of all
// photos, or on whole ones if UPSCALED_TEST_SIZES is "all".
func TestPhotos(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("published models take long")
	}
	side := map[string]int{"realesr-general-x4v3": 96, "realesrgan-x4plus": 32}
	if os.Getenv("UPSCALED_TEST_SIZES") == "all" {
		clear(side)
	}
	exact := opened(t, cpu.Options{Precision: network.Float32})
	planes, nets := photos(t), map[string]*network.Network{}
	inputs, want := map[string]map[string]imagedata.Raster{}, map[string]map[string]imagedata.Raster{}
	for name := range bounds {
		nets[name], inputs[name], want[name] = published(t, name), map[string]imagedata.Raster{}, map[string]imagedata.Raster{}
		for file, whole := range planes {
			if side[name] > 0 {
				whole = cropped(whole, side[name], side[name])
			}
			inputs[name][file], want[name][file] = whole, run(t, exact, nets[name], network.Float32, whole)
		}
	}
	eachKernel(t, func(t *testing.T, o cpu.Options, p network.Precision) {
		if o.Precision == network.Float32 || o.Kernels == "portable" {
			t.Skip("exact kernels are compared with ONNX Runtime; the portable ones take long")
		}
		r := opened(t, o)
		for name, bound := range bounds {
			if p == network.Float32 {
				bound = winogradBound
			}
			for file, in := range inputs[name] {
				db := decibels(run(t, r, nets[name], p, in), want[name][file])
				t.Logf("%s, %s, %dx%d, %d channels of %d bits: %.1f dB", name, file, in.Width, in.Height, in.Channels, in.Depth(), db)
				if db < bound {
					t.Errorf("%s, %s: %.1f dB from exact float32, less than %.0f", name, file, db, bound)
				}
			}
		}
	})
}
