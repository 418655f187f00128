package resize

import (
	"image"

	"github.com/disintegration/imaging"

	"upscaled/engine/picture"
)

// lanczos8 resizes 8-bit samples with imaging, whose pictures are RGBA: three
// channels go in as they are, of one channel four neighbouring rows or columns
// cannot be packed, so it goes in as the red of each pixel.
func lanczos8(r picture.Raster, width, height int) picture.Raster {
	in := image.NewNRGBA(image.Rect(0, 0, r.Width, r.Height))
	switch r.Channels {
	case 1:
		for i, v := range r.Pix {
			p := in.Pix[4*i : 4*i+4 : 4*i+4]
			p[0], p[1], p[2], p[3] = v, v, v, 255
		}
	default:
		for i, j := 0, 0; j < len(r.Pix); i, j = i+4, j+3 {
			p, q := in.Pix[i:i+4:i+4], r.Pix[j:j+3:j+3]
			p[0], p[1], p[2], p[3] = q[0], q[1], q[2], 255
		}
	}
	resized := imaging.Resize(in, width, height, imaging.Lanczos)
	out := picture.NewRaster(width, height, r.Channels, 8)
	switch r.Channels {
	case 1:
		for i := range out.Pix {
			out.Pix[i] = resized.Pix[4*i]
		}
	default:
		for i, j := 0, 0; j < len(out.Pix); i, j = i+4, j+3 {
			p, q := resized.Pix[i:i+4:i+4], out.Pix[j:j+3:j+3]
			q[0], q[1], q[2] = p[0], p[1], p[2]
		}
	}
	return out
}
