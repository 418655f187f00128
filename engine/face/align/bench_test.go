package align_test

import (
	"testing"

	"upscaled/engine/face/align"
)

// A square of 512 pasted so that it measures 2000 pixels in the enlarged
// image, in bands of 64 rows.
func BenchmarkPaste512At2000(b *testing.B) {
	p := photoLike(512, 512, 3, 8)
	into := align.Transform{A: 0.995, B: 0.1, X: 25, Y: -25}
	crop := align.Crop(p, into, 512)
	large := smooth(2000, 2000, 3, 8)
	b.ReportAllocs()
	for b.Loop() {
		patch := align.NewPatch(crop, crop, into, 2000.0/512, 2000.0/512, 1)
		for y := 0; y < 2000; y += 64 {
			patch.Blend(large.Rows(y, min(y+64, 2000)), y)
		}
	}
}

func BenchmarkNewPatch512(b *testing.B) {
	crop := photoLike(512, 512, 3, 8)
	for b.Loop() {
		align.NewPatch(crop, crop, align.Transform{A: 1}, 4, 4, 1)
	}
}

func BenchmarkCrop512(b *testing.B) {
	p := photoLike(1200, 1200, 3, 8)
	for name, into := range map[string]align.Transform{
		"enlarged 2.5": {A: 2.4, B: 0.7}, "reduced 2.3": {A: 0.42, B: 0.1}, "reduced 6": {A: 0.16, B: 0.05},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				align.Crop(p, into, 512)
			}
		})
	}
}
