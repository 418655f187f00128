package film

import "math"

// subsampler converts rows of 8-bit RGB to the planes of yuv420p, the format of most
// films. ffmpeg's own conversion of that precision takes several times as long. Chroma
// is sited as in MPEG-2: beside the left one of two pixels, between two rows.
type subsampler struct {
	width, height int // even
	// luma and chroma are coefficients of red, green and blue in units of 1/2^lumaBits and
	// 1/2^chromaBits; offset is that of luma.
	luma   [3]int32
	chroma [2][3]int32
	offset int32
	row    int
	sums   []int32 // of weights 1 2 1 in the upper row of a pair, three for each pair of pixels
	planes [2][]byte
	out    []byte
}

// The sums of chroma have weights of 8 in total.
const lumaBits, chromaBits, weights = 16, 15, 3

// newSubsampler returns a converter to a color's matrix and range.
func newSubsampler(c Color, width, height int) *subsampler {
	s := &subsampler{width: width, height: height, sums: make([]int32, width/2*3)}
	lumaRange, chromaRange := 219.0/255, 224.0/255
	s.offset = 16
	if c.Range == "pc" {
		lumaRange, chromaRange, s.offset = 1, 1, 0
	}
	red, blue := lumaOf(c.Matrix)
	fixed := func(value float64, bits int) int32 { return int32(math.Round(value * float64(int(1)<<bits))) }
	// Green gets what is left, so that gray has no color and white is white.
	s.luma[0], s.luma[2] = fixed(lumaRange*red, lumaBits), fixed(lumaRange*blue, lumaBits)
	s.luma[1] = fixed(lumaRange, lumaBits) - s.luma[0] - s.luma[2]
	half := chromaRange / 2
	s.chroma[0] = [3]int32{0: fixed(-half*red/(1-blue), chromaBits), 2: fixed(half, chromaBits)}
	s.chroma[1] = [3]int32{0: fixed(half, chromaBits), 2: fixed(-half*blue/(1-red), chromaBits)}
	for i := range s.chroma {
		s.chroma[i][1] = -s.chroma[i][0] - s.chroma[i][2]
		s.planes[i] = make([]byte, width/2*(height/2))
	}
	return s
}

// lumaOf returns the parts of red and blue in the luma of a matrix (ITU-T H.273).
func lumaOf(matrix string) (red, blue float64) {
	switch matrix {
	case "bt709":
		return 0.2126, 0.0722
	case "fcc":
		return 0.30, 0.11
	case "smpte240m":
		return 0.212, 0.087
	case "bt2020nc":
		return 0.2627, 0.0593
	}
	return 0.299, 0.114
}

// convert returns the luma of rows and, after the frame's last one, its chroma planes. The
// result is valid until the next call.
func (s *subsampler) convert(rgb []byte) []byte {
	s.out = s.out[:0]
	for stride := 3 * s.width; len(rgb) >= stride; rgb = rgb[stride:] {
		s.brightness(rgb[:stride])
		s.colors(rgb[:stride])
		if s.row++; s.row == s.height {
			s.out, s.row = append(append(s.out, s.planes[0]...), s.planes[1]...), 0
		}
	}
	return s.out
}

func (s *subsampler) brightness(rgb []byte) {
	const round = 1 << (lumaBits - 1)
	red, green, blue, offset := s.luma[0], s.luma[1], s.luma[2], s.offset<<lumaBits+round
	from := len(s.out)
	s.out = append(s.out, rgb[:s.width]...) // for its length
	luma := s.out[from:]
	for x := range luma {
		p := rgb[3*x : 3*x+3 : 3*x+3]
		luma[x] = uint8((red*int32(p[0]) + green*int32(p[1]) + blue*int32(p[2]) + offset) >> lumaBits)
	}
}

// colors adds a row to the sums, and converts them after the second row of a pair.
func (s *subsampler) colors(rgb []byte) {
	lower, half := s.row%2 == 1, s.width/2
	at := s.row / 2 * half
	blues, reds := s.planes[0][at:at+half], s.planes[1][at:at+half]
	r, g, b := int32(rgb[0]), int32(rgb[1]), int32(rgb[2]) // of the pixel before
	for x := range half {
		p, sum := rgb[6*x:6*x+6:6*x+6], s.sums[3*x:3*x+3:3*x+3]
		r += 2*int32(p[0]) + int32(p[3])
		g += 2*int32(p[1]) + int32(p[4])
		b += 2*int32(p[2]) + int32(p[5])
		if lower {
			r, g, b = r+sum[0], g+sum[1], b+sum[2]
			blues[x], reds[x] = shade(&s.chroma[0], r, g, b), shade(&s.chroma[1], r, g, b)
		} else {
			sum[0], sum[1], sum[2] = r, g, b
		}
		r, g, b = int32(p[3]), int32(p[4]), int32(p[5])
	}
}

// shade returns a chroma sample of sums.
func shade(c *[3]int32, r, g, b int32) uint8 {
	const bits = chromaBits + weights
	return uint8(min(255, (c[0]*r+c[1]*g+c[2]*b+128<<bits+1<<(bits-1))>>bits))
}
