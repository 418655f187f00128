package decode

import (
	"upscaled/engine/imagedata/icc"
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
		table, last := paletteOf(p), uint32(1)<<p.bits-1
		convert = func(pixel, out []T) {
			for i, v := range table[(uint32(pixel[0])*last+full/2)/full&0xff] {
				out[i] = T(v)
			}
		}
	case inks:
		convert = func(pixel, out []T) { convertInks(p.inks, pixel[:4], out) }
	case cieLab, iccLab:
		lab := icc.NewLab()
		convert = func(pixel, out []T) { fromLab(lab, pixel, out, p.photometric == cieLab) }
	}
	colors, channels := p.colors(), p.channels()
	if p.samples == channels && (p.photometric == blackIsZero || p.photometric == rgbColor || p.photometric == luminance) {
		return func(samples, color, _ []T) { copy(color, samples) }
	}
	if p.photometric == inks && p.samples == colors {
		return func(samples, color, _ []T) { convertInks(p.inks, samples, color) }
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

// fromLab converts a pixel of CIE L*a*b* to sRGB. The last two samples are signed or, as
// ICC has them, shifted; ICC's 16-bit samples are all in units of 1/256.
func fromLab[T sample](lab *icc.SRGB, pixel, out []T, signed bool) {
	full, unit := float64(^T(0)), float64(^T(0)/255)
	white := full
	if unit > 1 {
		if unit = 256; !signed {
			white = 255 * unit
		}
	}
	chroma := func(v T) float64 {
		if signed {
			v ^= ^T(0)>>1 + 1
		}
		return float64(v)/unit - 128
	}
	for i, v := range lab.Lab(float64(pixel[0])/white*100, chroma(pixel[1]), chroma(pixel[2])) {
		out[i] = T(float64(v)*full + 0.5)
	}
}
