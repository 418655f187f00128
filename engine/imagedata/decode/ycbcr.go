package decode

import "image"

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

// ycbcrRows converts an image whose rectangle starts at the origin. alpha, unless
// nil, has alphaStride samples per row.
func ycbcrRows(img *image.YCbCr, m matrix, alpha []uint8, alphaStride int) func() rowFunc[uint8] {
	return func() rowFunc[uint8] {
		width := img.Rect.Dx()
		cb, cr := newChroma(img, img.Cb), newChroma(img, img.Cr)
		return func(y int, color, alphaOut []uint8) {
			m.row(color, img.Y[y*img.YStride:y*img.YStride+width], cb.row(y), cr.row(y))
			if alphaOut != nil {
				copy(alphaOut, alpha[y*alphaStride:])
			}
		}
	}
}

// chroma upsamples the rows of one chroma plane. Halved planes use the triangle
// filter of libjpeg's "fancy upsampling": each sample is three quarters of the
// nearest and one quarter of the next stored one.
type chroma struct {
	plane            []uint8
	stride           int
	width, height    int // of the full image
	ratio            image.YCbCrSubsampleRatio
	sums             []uint16 // one stored row, weighted vertically, times 4
	full             []uint8
	storedW, storedH int
}

func newChroma(img *image.YCbCr, plane []uint8) *chroma {
	c := &chroma{
		plane: plane, stride: img.CStride, ratio: img.SubsampleRatio,
		width: img.Rect.Dx(), height: img.Rect.Dy(),
	}
	c.storedW, c.storedH = c.width, c.height
	switch c.ratio {
	case image.YCbCrSubsampleRatio422:
		c.storedW = (c.width + 1) / 2
	case image.YCbCrSubsampleRatio420:
		c.storedW, c.storedH = (c.width+1)/2, (c.height+1)/2
	case image.YCbCrSubsampleRatio440:
		c.storedH = (c.height + 1) / 2
	case image.YCbCrSubsampleRatio411:
		c.storedW = (c.width + 3) / 4
	case image.YCbCrSubsampleRatio410:
		c.storedW, c.storedH = (c.width+3)/4, (c.height+1)/2
	}
	if c.ratio != image.YCbCrSubsampleRatio444 {
		c.sums = make([]uint16, c.storedW)
		c.full = make([]uint8, c.storedW*4)
	}
	return c
}

// stored returns a row of the plane as in the file.
func (c *chroma) stored(y int) []uint8 {
	y = max(min(y, c.storedH-1), 0)
	return c.plane[y*c.stride : y*c.stride+c.storedW]
}

// row returns a full-width row, valid until the next call.
func (c *chroma) row(y int) []uint8 {
	switch c.ratio {
	case image.YCbCrSubsampleRatio444:
		return c.stored(y)
	case image.YCbCrSubsampleRatio422:
		// The rounding is libjpeg's: down for even, up for odd samples.
		c.weigh(c.stored(y), c.stored(y))
		c.widen(4, 8)
	case image.YCbCrSubsampleRatio420:
		c.weigh(c.stored(y/2), c.stored(y/2+y%2*2-1))
		c.widen(8, 7)
	case image.YCbCrSubsampleRatio440:
		c.weigh(c.stored(y/2), c.stored(y/2+y%2*2-1))
		for x, sum := range c.sums {
			c.full[x] = uint8((sum + 1 + uint16(y%2)) >> 2)
		}
	case image.YCbCrSubsampleRatio410:
		c.repeat(c.stored(y / 2))
	default:
		c.repeat(c.stored(y))
	}
	return c.full[:c.width]
}

// weigh mixes two stored rows vertically.
func (c *chroma) weigh(near, far []uint8) {
	near, far = near[:len(c.sums)], far[:len(c.sums)]
	for x := range c.sums {
		c.sums[x] = 3*uint16(near[x]) + uint16(far[x])
	}
}

// widen doubles the width of the weighted row.
func (c *chroma) widen(roundEven, roundOdd uint16) {
	last := len(c.sums) - 1
	before := c.sums[0]
	for x, here := range c.sums {
		after := c.sums[min(x+1, last)]
		pair := c.full[2*x : 2*x+2 : 2*x+2]
		pair[0] = uint8((3*here + before + roundEven) >> 4)
		pair[1] = uint8((3*here + after + roundOdd) >> 4)
		before = here
	}
}

// repeat quadruples the width without interpolation, like libjpeg for the rare
// 4:1:1 and 4:1:0.
func (c *chroma) repeat(stored []uint8) {
	for x, v := range stored {
		quad := c.full[4*x : 4*x+4 : 4*x+4]
		quad[0], quad[1], quad[2], quad[3] = v, v, v, v
	}
}
