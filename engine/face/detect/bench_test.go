package detect_test

import (
	"context"
	"fmt"
	"math"
	"testing"

	"upscaled/engine/face/detect"
	"upscaled/engine/face/detect/detecttest"
	"upscaled/engine/imagedata"
	"upscaled/engine/resize"
)

// BenchmarkPigo looks at photos of 1, 4 and 12 megapixels in 4:3: five
// faces and a plain background (children), and texture without one (leaves),
// enlarged to that size.
func BenchmarkPigo(b *testing.B) {
	for name, file := range map[string]string{"children": "children-alpha.png", "leaves": "OST_009.png"} {
		photo := shared(b, file)
		for _, megapixels := range []float64{1, 4, 12} {
			b.Run(fmt.Sprintf("%s/%gMP", name, megapixels), func(b *testing.B) {
				height := math.Sqrt(megapixels * 1e6 * 3 / 4)
				p := resize.Whole(photo, int(height*4/3), int(height))
				measure(b, p)
			})
		}
	}
}

func measure(b *testing.B, p imagedata.Raster) {
	d := detecttest.Pigo(b, detect.Options{})
	b.ReportAllocs()
	found := 0
	for b.Loop() {
		faces, err := d.Detect(context.Background(), p)
		if err != nil {
			b.Fatal(err)
		}
		found = len(faces)
	}
	b.ReportMetric(float64(found), "faces")
}
