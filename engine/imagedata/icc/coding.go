package icc

import "math"

// Code points of ITU-T H.273.
const (
	bt709, bt2020, p3DCI, p3D65                       = 1, 9, 11, 12
	curve709, curve22, curve28, linear, srgb, pq, hlg = 1, 4, 5, 8, 13, 16, 18
)

// Luminances in cd/m2: of white in an image that is mixed with SDR (ITU-R BT.2408), and
// the brightest that a color is taken for.
const white, brightest = 203, 1000

// NewCoding returns the conversion from colors, or grays of one channel, that code
// points describe. It reports false for code points that do not occur in images. HDR is
// reduced to the range of sRGB: colors up to half of white stay the same, brighter ones
// are compressed.
func NewCoding(primaries, transfer, channels int) (*SRGB, bool) {
	c := &SRGB{gray: channels == 1}
	c.fillEncoding()
	curve := map[int]toneCurve{
		curve709: fromSRGB, 6: fromSRGB, 14: fromSRGB, 15: fromSRGB, 2: fromSRGB, srgb: fromSRGB,
		curve22: func(v float64) float64 { return math.Pow(v, 2.2) },
		curve28: func(v float64) float64 { return math.Pow(v, 2.8) },
		linear:  func(v float64) float64 { return v },
		pq:      fromPQ,
		hlg:     fromHLG,
	}[transfer]
	// Linear colors of the primaries to linear sRGB, all with the white of D65.
	matrix, ok := map[int][3][3]float64{
		bt709:  {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}},
		2:      {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}},
		bt2020: {{1.660491, -0.587641, -0.072850}, {-0.124550, 1.132900, -0.008349}, {-0.018151, -0.100579, 1.118730}},
		p3DCI:  {{1.224940, -0.224940, 0}, {-0.042057, 1.042057, 0}, {-0.019638, -0.078636, 1.098274}},
		p3D65:  {{1.224940, -0.224940, 0}, {-0.042057, 1.042057, 0}, {-0.019638, -0.078636, 1.098274}},
	}[primaries]
	c.matrix, c.curves = matrix, [3]toneCurve{curve, curve, curve}
	c.compress, c.scene = transfer == pq || transfer == hlg, transfer == hlg
	return c, ok && curve != nil
}

// HDR reports whether colors are brighter than sRGB's white.
func (c *SRGB) HDR() bool { return c.compress }

func fromSRGB(v float64) float64 {
	if v <= 0.04045 {
		return v / 12.92
	}
	return math.Pow((v+0.055)/1.055, 2.4)
}

// fromPQ is the transfer function of SMPTE ST 2084, as a multiple of white.
func fromPQ(v float64) float64 {
	const m1, m2, c1, c2, c3 = 2610.0 / 16384, 2523.0 / 32, 3424.0 / 4096, 2413.0 / 128, 2392.0 / 128
	p := math.Pow(v, 1/m2)
	return 10000 / white * math.Pow(max(p-c1, 0)/(c2-c3*p), 1/m1)
}

// fromHLG is the inverse of the transfer function of ARIB STD-B67: light of the scene,
// 0 to 1.
func fromHLG(v float64) float64 {
	const a, b, c = 0.17883277, 0.28466892, 0.55991073
	if v <= 0.5 {
		return v * v / 3
	}
	return (math.Exp((v-c)/a) + b) / 12
}

// toned converts linear HDR to the range 0 to 1, keeping hues.
func (c *SRGB) toned(red, green, blue float32) (r, g, b float32) {
	if c.scene {
		// The display's gamma for 1000 cd/m2 (ITU-R BT.2100, table 5).
		y := 0.2627*red + 0.6780*green + 0.0593*blue
		gain := float32(brightest) / white * float32(math.Pow(float64(y), 0.2))
		red, green, blue = red*gain, green*gain, blue*gain
	}
	const knee, most = 0.5, (float32(brightest)/white - 0.5) / (1 - 0.5)
	top := max(red, green, blue)
	if top <= knee {
		return red, green, blue
	}
	// A rational curve with slope 1 at the knee that reaches 1 at the brightest.
	x := (top - knee) / (1 - knee)
	gain := min(knee+(1-knee)*x*(1+x/(most*most))/(1+x), 1) / top
	return red * gain, green * gain, blue * gain
}
