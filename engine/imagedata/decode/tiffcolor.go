package decode

import (
	"math"

	"upscaled/engine/imagedata/metadata/ifd"
)

// converter returns the function that converts a row of interleaved samples to color
// and alpha.
func converter[T sample](p *tiffPage) func(samples, color, alpha []T) {
	full := uint32(^T(0))
	convert := func(pixel, out []T) { copy(out, pixel) }
	switch p.photometric {
	case whiteIsZero:
		convert = func(pixel, out []T) { out[0] = ^pixel[0] }
	case paletted:
		table := paletteOf(p)
		convert = func(pixel, out []T) {
			for i, v := range table[pixel[0]&0xff] {
				out[i] = T(v)
			}
		}
	case inks:
		convert = func(pixel, out []T) {
			paper := full - uint32(pixel[3])
			for i := range out {
				out[i] = T((uint64(full-uint32(pixel[i]))*uint64(paper) + uint64(full/2)) / uint64(full))
			}
		}
	case cieLab, iccLab:
		convert = func(pixel, out []T) { fromLab(pixel, out, p.photometric == cieLab) }
	}
	colors, channels := p.colors(), p.channels()
	if p.samples == channels && (p.photometric == blackIsZero || p.photometric == rgbColor || p.photometric == luminance) {
		return func(samples, color, _ []T) { copy(color, samples) }
	}
	return func(samples, color, alpha []T) {
		for x := range len(color) / channels {
			pixel := samples[x*p.samples : (x+1)*p.samples]
			out := color[x*channels : (x+1)*channels : (x+1)*channels]
			if alpha != nil {
				if alpha[x] = pixel[colors]; p.premultiplied {
					straighten(pixel[:colors], uint32(alpha[x]), full)
				}
			}
			convert(pixel, out)
		}
	}
}

// paletteOf returns the colors of a palette; those that it lacks are black. Some
// writers store values of 8 bits in the 16-bit fields, which libtiff recognizes by
// all of them being below 256.
func paletteOf(p *tiffPage) (table [256][3]uint8) {
	entry, _ := p.Find(ifd.ColorMap)
	count, shift := 1<<p.bits, 0
	for i := range 3 * count {
		if v, ok := p.Uint(entry, i); ok && v > 255 {
			shift = 8
		}
	}
	for i := range count {
		for c := range 3 {
			v, _ := p.Uint(entry, c*count+i)
			table[i][c] = uint8(v >> shift)
		}
	}
	return table
}

// fromLab converts a pixel of CIE L*a*b* with white D50 to sRGB. The last two samples
// are signed or, as ICC has them, shifted.
func fromLab[T sample](pixel, out []T, signed bool) {
	full, unit := float64(^T(0)), float64(^T(0)/255)
	if unit > 1 {
		unit = 256
	}
	chroma := func(v T) float64 {
		if signed {
			v ^= ^T(0)>>1 + 1
		}
		return float64(v)/unit - 128
	}
	y := (float64(pixel[0])/full*100 + 16) / 116
	linear := func(t float64) float64 {
		if t > 6.0/29 {
			return t * t * t
		}
		return (t - 4.0/29) * 108 / 841
	}
	d50 := [3]float64{0.9642 * linear(y+chroma(pixel[1])/500), linear(y), 0.8249 * linear(y-chroma(pixel[2])/200)}
	// The inverse of sRGB's primaries adapted to D50.
	for i, m := range [3][3]float64{
		{3.1341122, -1.6173925, -0.4906334}, {-0.9787873, 1.9162796, 0.0334547}, {0.0719830, -0.2289859, 1.4053851},
	} {
		v := min(max(m[0]*d50[0]+m[1]*d50[1]+m[2]*d50[2], 0), 1)
		if v <= 0.0031308 {
			v *= 12.92
		} else {
			v = 1.055*math.Pow(v, 1/2.4) - 0.055
		}
		out[i] = T(v*full + 0.5)
	}
}
