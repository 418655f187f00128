package align_test

import (
	"image"
	_ "image/jpeg"
	_ "image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"upscaled/engine/imagedata"
)

// paint fills a raster with a function of pixel centers with values in 0 to 1.
func paint(width, height, channels, depth int, at func(x, y float64, c int) float64) imagedata.Raster {
	r := imagedata.NewRaster(width, height, channels, depth)
	for y := range height {
		for x := range width {
			for c := range channels {
				i := (y*width+x)*channels + c
				v := min(max(at(float64(x)+0.5, float64(y)+0.5, c), 0), 1)
				if depth == 16 {
					r.Pix16[i] = uint16(math.Round(v * 65535))
				} else {
					r.Pix[i] = uint8(math.Round(v * 255))
				}
			}
		}
	}
	return r
}

// smooth has no detail under 30 pixels.
func smooth(width, height, channels, depth int) imagedata.Raster {
	return paint(width, height, channels, depth, func(x, y float64, c int) float64 {
		return 0.5 + 0.2*math.Sin(x/9+float64(c)) + 0.2*math.Cos(y/7-float64(c))
	})
}

// photoLike has detail of every size down to two pixels, weaker the finer, and
// hard edges, as photos have.
func photoLike(width, height, channels, depth int) imagedata.Raster {
	random := rand.New(rand.NewPCG(1, 2))
	type wave struct{ x, y, phase, size float64 }
	var waves []wave
	for length := 100.0; length > 4; length /= 1.3 {
		angle := random.Float64() * 2 * math.Pi
		turn := 2 * math.Pi / length
		waves = append(waves, wave{math.Cos(angle) * turn, math.Sin(angle) * turn, random.Float64() * 6, length / 700})
	}
	return paint(width, height, channels, depth, func(x, y float64, c int) float64 {
		v := 0.5
		for _, w := range waves {
			v += w.size * math.Sin(w.x*x+w.y*y+w.phase+float64(c)/2)
		}
		if math.Hypot(x-float64(width)/2, y-float64(height)/2.2) < float64(width)/6 {
			v += 0.2
		}
		return v + 0.02*random.NormFloat64()
	})
}

// shared returns the photos in ../shared by name, and skips if there are none.
func shared(t *testing.T, names ...string) map[string]imagedata.Raster {
	t.Helper()
	folder := filepath.Join("..", "..", "..", "..", "shared", "images")
	photos := map[string]imagedata.Raster{}
	for _, name := range names {
		f, err := os.Open(filepath.Join(folder, name))
		if err != nil {
			t.Skipf("no photographs beside the checkout: %v", err)
		}
		decoded, _, err := image.Decode(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		size := decoded.Bounds().Size()
		channels := 3
		if _, gray := decoded.(*image.Gray); gray {
			channels = 1
		}
		photos[name] = paint(size.X, size.Y, channels, 8, func(x, y float64, c int) float64 {
			r, g, b, _ := decoded.At(int(x), int(y)).RGBA()
			return float64([]uint32{r, g, b}[c]) / 65535
		})
	}
	return photos
}

// sample is number i of a raster from 0 to 255.
func sample(r imagedata.Raster, i int) float64 {
	if r.Pix16 != nil {
		return float64(r.Pix16[i]) / 257
	}
	return float64(r.Pix[i])
}

func samples(r imagedata.Raster) int { return r.Width * r.Height * r.Channels }

func clone(r imagedata.Raster) imagedata.Raster {
	r.Pix = append([]uint8(nil), r.Pix...)
	r.Pix16 = append([]uint16(nil), r.Pix16...)
	return r
}

func equal(a, b imagedata.Raster) bool {
	for i := range samples(a) {
		if sample(a, i) != sample(b, i) {
			return false
		}
	}
	return a.Width == b.Width && a.Height == b.Height && a.Channels == b.Channels
}
