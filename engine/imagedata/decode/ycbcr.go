package decode

import (
	"image"

	"upscaled/engine/imagedata/jpeg"
)

// matrix converts YCbCr to RGB in 16-bit fixed point (ITU-R BT.601).
type matrix struct {
	black, luma                                     int32
	redFromCr, greenFromCb, greenFromCr, blueFromCb int32
}

// fullRange is JPEG's (JFIF 1.02): 0 to 255.
func fullRange() matrix { return matrix{0, 65536, 91881, 22554, 46802, 116130} }

// studioRange is lossy WebP's (RFC 6386, section 9.2): luma 16 to 235, chroma 16
// to 240.
func studioRange() matrix { return matrix{16, 76309, 104597, 25675, 53279, 132201} }

// row converts one row; all slices are len(luma) pixels wide.
func (m *matrix) row(color, luma, cb, cr []uint8) {
	cb, cr, color = cb[:len(luma)], cr[:len(luma)], color[:3*len(luma)]
	for x, y := range luma {
		light := (int32(y)-m.black)*m.luma + 1<<15
		blue, red := int32(cb[x])-128, int32(cr[x])-128
		pixel := color[3*x : 3*x+3 : 3*x+3]
		pixel[0] = clamp((light + m.redFromCr*red) >> 16)
		pixel[1] = clamp((light - m.greenFromCb*blue - m.greenFromCr*red) >> 16)
		pixel[2] = clamp((light + m.blueFromCb*blue) >> 16)
	}
}

func clamp(v int32) uint8 { return uint8(max(min(v, 255), 0)) }

// ycbcrRows converts planes of luma and chroma. alpha, unless nil, has alphaStride
// samples per row.
func ycbcrRows(planes []jpeg.Plane, m matrix, alpha []uint8, alphaStride int) func() rowFunc[uint8] {
	return func() rowFunc[uint8] {
		rows := upsampled(planes)
		return func(y int, color, alphaOut []uint8) {
			width := len(color) / 3
			m.row(color, rows[0].row(y)[:width], rows[1].row(y)[:width], rows[2].row(y)[:width])
			if alphaOut != nil {
				copy(alphaOut, alpha[y*alphaStride:])
			}
		}
	}
}

// planesOf returns the planes of a standard library image, whose chroma is halved or
// not.
func planesOf(img *image.YCbCr) []jpeg.Plane {
	width, height := img.Rect.Dx(), img.Rect.Dy()
	halved := jpeg.Plane{Stride: img.CStride, Width: (width + 1) / 2, Height: (height + 1) / 2, H: 1, V: 1, MaxH: 2, MaxV: 2}
	cb, cr := halved, halved
	cb.Pix, cr.Pix = img.Cb, img.Cr
	luma := jpeg.Plane{Pix: img.Y, Stride: img.YStride, Width: width, Height: height, H: 2, V: 2, MaxH: 2, MaxV: 2}
	return []jpeg.Plane{luma, cb, cr}
}

// upsampler enlarges the rows of a plane to the full image. Halved planes use the
// triangle filter of libjpeg's "fancy upsampling": each sample is three quarters of
// the nearest and one quarter of the next stored one.
type upsampler struct {
	jpeg.Plane
	sums []uint16 // one stored row, weighted vertically, times 4
	full []uint8
	near []int // the stored column of each full one, for other ratios
}

// upsampled returns an upsampler for each plane. A worker needs its own.
func upsampled(planes []jpeg.Plane) []upsampler {
	rows := make([]upsampler, len(planes))
	for i, plane := range planes {
		u := upsampler{Plane: plane}
		switch {
		case u.MaxH == u.H && u.MaxV == u.V:
		case u.interpolates():
			u.sums, u.full = make([]uint16, u.Width), make([]uint8, 2*u.Width)
		default:
			width := (u.Width*u.MaxH + u.H - 1) / u.H
			u.full, u.near = make([]uint8, width), make([]int, width)
			for x := range u.near {
				u.near[x] = x * u.H / u.MaxH
			}
		}
		rows[i] = u
	}
	return rows
}

// interpolates reports whether the triangle filter fits.
func (u *upsampler) interpolates() bool {
	return !u.Repeat && (u.MaxH == u.H || u.MaxH == 2*u.H) && (u.MaxV == u.V || u.MaxV == 2*u.V)
}

// stored returns a row of the plane as in the file.
func (u *upsampler) stored(y int) []uint8 {
	y = max(min(y, u.Height-1), 0)
	return u.Pix[y*u.Stride : y*u.Stride+u.Width]
}

// row returns a row of the full image, or somewhat more, valid until the next call.
func (u *upsampler) row(y int) []uint8 {
	switch {
	case u.full == nil:
		return u.stored(y)
	case u.near != nil:
		// Other ratios repeat samples, as in libjpeg.
		stored := u.stored(y * u.V / u.MaxV)
		for x, at := range u.near {
			u.full[x] = stored[at]
		}
	case u.MaxV == u.V:
		// The rounding is libjpeg's: down for even, up for odd samples.
		u.weigh(u.stored(y), u.stored(y))
		u.widen(4, 8)
	case u.MaxH == u.H:
		u.weigh(u.stored(y/2), u.stored(y/2+y%2*2-1))
		for x, sum := range u.sums {
			u.full[x] = uint8((sum + 1 + uint16(y%2)) >> 2)
		}
	default:
		u.weigh(u.stored(y/2), u.stored(y/2+y%2*2-1))
		u.widen(8, 7)
	}
	return u.full
}

// weigh mixes two stored rows vertically.
func (u *upsampler) weigh(near, far []uint8) {
	near, far = near[:len(u.sums)], far[:len(u.sums)]
	for x := range u.sums {
		u.sums[x] = 3*uint16(near[x]) + uint16(far[x])
	}
}

// widen doubles the width of the weighted row.
func (u *upsampler) widen(roundEven, roundOdd uint16) {
	last := len(u.sums) - 1
	before := u.sums[0]
	for x, here := range u.sums {
		after := u.sums[min(x+1, last)]
		pair := u.full[2*x : 2*x+2 : 2*x+2]
		pair[0] = uint8((3*here + before + roundEven) >> 4)
		pair[1] = uint8((3*here + after + roundOdd) >> 4)
		before = here
	}
}
