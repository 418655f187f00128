package jpeg

import (
	"bytes"
	"image"
	"image/color"
	standard "image/jpeg"
	"testing"
)

// photo returns a JPEG of 24 megapixels with the detail of a photo.
func photo(b *testing.B) []byte {
	img := image.NewRGBA(image.Rect(0, 0, 6000, 4000))
	random := uint32(7)
	for i := range 6000 * 4000 {
		random = random*1664525 + 1013904223
		x, y := i%6000, i/6000
		v := 30 + (x*x/700+y*y/900)/8%128 + (x/61+y/47)%2*40 + int(random>>29)
		img.SetRGBA(x, y, color.RGBA{uint8(v), uint8(v + 10), uint8(v + 20), 255})
	}
	var out bytes.Buffer
	if err := standard.Encode(&out, img, &standard.Options{Quality: 90}); err != nil {
		b.Fatal(err)
	}
	return out.Bytes()
}

// BenchmarkDecode compares with the standard library.
func BenchmarkDecode(b *testing.B) {
	data := photo(b)
	b.Run("this", func(b *testing.B) {
		for range b.N {
			f, err := Parse(data, nil, nil)
			if err == nil {
				_, err = f.Decode()
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("standard", func(b *testing.B) {
		for range b.N {
			if _, err := standard.Decode(bytes.NewReader(data)); err != nil {
				b.Fatal(err)
			}
		}
	})
}
