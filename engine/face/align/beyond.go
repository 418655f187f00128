package align

import (
	"slices"

	"upscaled/engine/face"
	"upscaled/engine/imagedata"
)

// beyond calls do for the pixels of a Crop for t that show something beyond an image of
// width x height pixels, or its outermost half pixel; seen is the image's part, from 0
// to 1, as in bilinear interpolation.
func beyond(size int, t Transform, width, height int, do func(pixel int, seen float32)) {
	if !t.usable() {
		return
	}
	back := t.Inverse()
	for i := range size * size {
		at := back.Apply(face.Point{X: float64(i%size) + 0.5, Y: float64(i/size) + 0.5})
		seen := 1.0
		for _, inside := range []float64{at.X, float64(width) - at.X, at.Y, float64(height) - at.Y} {
			seen *= min(max(inside+0.5, 0), 1)
		}
		if seen < 1 {
			do(i, float32(seen))
		}
	}
}

// OnGray returns a copy of a Crop for t with the gray beyond the image that facexlib
// fills in before a restorer sees the face: red 132, green 133, blue 135 of 255.
func OnGray(crop imagedata.Raster, t Transform, width, height int) imagedata.Raster {
	crop.Pix, crop.Pix16 = slices.Clone(crop.Pix), slices.Clone(crop.Pix16)
	ground := [3]float32{132, 133, 135}
	beyond(crop.Width, t, width, height, func(pixel int, seen float32) {
		for c := range crop.Channels {
			gray := (1 - seen) * ground[min(c+3-crop.Channels, 2)]
			if i := pixel*crop.Channels + c; crop.Pix16 != nil {
				crop.Pix16[i] = uint16(seen*float32(crop.Pix16[i]) + 257*gray + 0.5)
			} else {
				crop.Pix[i] = uint8(seen*float32(crop.Pix[i]) + gray + 0.5)
			}
		}
	})
	return crop
}

// OffGray undoes OnGray in the restored square, so that no gray gets into the image
// along its edge: it copies what crop has there. Both are of one kind and size.
func OffGray(restored, crop imagedata.Raster, t Transform, width, height int) {
	n := crop.Channels
	beyond(crop.Width, t, width, height, func(pixel int, _ float32) {
		if crop.Pix16 != nil {
			copy(restored.Pix16[pixel*n:][:n], crop.Pix16[pixel*n:])
		} else {
			copy(restored.Pix[pixel*n:][:n], crop.Pix[pixel*n:])
		}
	})
}
