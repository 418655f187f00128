//go:build unix

package decode_test

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"testing"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/decode"
	"upscaled/engine/imagedata/encode"
)

// photo is 12 megapixels with the detail of a photo: smooth shapes and a
// little noise.
func photo() imagedata.Raster {
	r := imagedata.NewRaster(4000, 3000, 3, 8)
	random := uint32(7)
	for i := range r.Pix {
		random = random*1664525 + 1013904223
		x, y := i/3%4000, i/12000
		shape := (x*x/700+y*y/900)/8%128 + (x/61+y/47)%2*40
		r.Pix[i] = uint8(30 + shape + i%3*10 + int(random>>29))
	}
	return r
}

// as encodes the photo with our own writers, which mark every MCU row of a
// JPEG for restart.
func as(b *testing.B, r imagedata.Raster, o encode.Options) []byte {
	var out bytes.Buffer
	e, err := encode.New(&out, encode.Header{Width: r.Width, Height: r.Height, Channels: 3, Depth: 8, Frames: 1}, o)
	for _, step := range []func() error{
		func() error { return e.BeginFrame(0) }, func() error { return e.WriteBand(r, nil) }, func() error { return e.Close() },
	} {
		if err == nil {
			err = step()
		}
	}
	if err != nil {
		b.Fatal(err)
	}
	return out.Bytes()
}

// asCamera is a JPEG without restart markers, 4:2:0.
func asCamera(b *testing.B, r imagedata.Raster) []byte {
	img := image.NewRGBA(image.Rect(0, 0, r.Width, r.Height))
	for i := range r.Width * r.Height {
		img.SetRGBA(i%r.Width, i/r.Width, color.RGBA{r.Pix[3*i], r.Pix[3*i+1], r.Pix[3*i+2], 255})
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, img, &jpeg.Options{Quality: 90}); err != nil {
		b.Fatal(err)
	}
	return out.Bytes()
}

// BenchmarkDecode reads 12 megapixels; a MB/s is a megapixel a second.
func BenchmarkDecode(b *testing.B) {
	r := photo()
	for _, c := range []struct {
		name string
		make func() []byte
	}{
		{"jpeg/camera", func() []byte { return asCamera(b, r) }},
		{"jpeg/restarts", func() []byte { return as(b, r, encode.Options{Format: imagedata.JPEG}) }},
		{"png", func() []byte { return as(b, r, encode.Options{Format: imagedata.PNG}) }},
		{"webp/lossy", func() []byte { return as(b, r, encode.Options{Format: imagedata.WebP}) }},
		{"webp/lossless", func() []byte { return as(b, r, encode.Options{Format: imagedata.WebP, Lossless: true}) }},
		{"tiff", func() []byte { return as(b, r, encode.Options{Format: imagedata.TIFF}) }},
	} {
		data := c.make()
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(r.Width * r.Height))
			b.ResetTimer()
			for range b.N {
				d, err := decode.Open(data, imagedata.Limits{})
				if err == nil {
					_, err = d.Next()
				}
				if err != nil {
					b.Fatal(err)
				}
				if _, err = d.Next(); err != io.EOF {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(data))/float64(r.Width*r.Height), "file-B/px")
		})
	}
}
