package enginetest

import (
	"upscaled/engine/imagedata"
	"upscaled/models/network"
)

// Compute computes a tile of the fake model. Beyond the input's sides there are
// zeros; on sides that are not borders the output leaves out the pixels that they
// reach.
func Compute(facts network.Info, borders network.Borders, in, out imagedata.Raster) {
	sums := boxSums(samples(in), in.Width, in.Height, in.Channels, facts.Radius)
	x0, y0 := 0, 0
	if !borders.Left {
		x0 = facts.Radius
	}
	if !borders.Top {
		y0 = facts.Radius
	}
	scale, channels := facts.Scale, in.Channels
	for y := range out.Height {
		for x := range out.Width {
			from := ((y0+y/scale)*in.Width + x0 + x/scale) * channels
			mark := uint32(17*(y%scale) + 5*(x%scale))
			for c := range channels {
				put(out, (y*out.Width+x)*channels+c, sums[from+c]+mark)
			}
		}
	}
}

func put(r imagedata.Raster, at int, v uint32) {
	if r.Pix16 != nil {
		r.Pix16[at] = uint16(v)
		return
	}
	r.Pix[at] = uint8(v)
}

func samples(r imagedata.Raster) []uint32 {
	out := make([]uint32, r.Width*r.Height*r.Channels)
	for i, v := range r.Pix {
		out[i] = uint32(v)
	}
	for i, v := range r.Pix16 {
		out[i] = uint32(v)
	}
	return out
}

// boxSums adds up all samples within a radius of each, separately across and
// down.
func boxSums(in []uint32, width, height, channels, radius int) []uint32 {
	across := slide(in, height, width, width*channels, channels, channels, radius)
	return slide(across, width, height, channels, width*channels, channels, radius)
}

// slide sums windows along count lines of length samples; step leads along a
// line, lineStep from line to line.
func slide(in []uint32, lines, length, lineStep, step, channels, radius int) []uint32 {
	out := make([]uint32, len(in))
	for line := range lines {
		for c := range channels {
			base, sum := line*lineStep+c, uint32(0)
			for i := range min(radius, length) {
				sum += in[base+i*step]
			}
			for i := range length {
				if ahead := i + radius; ahead < length {
					sum += in[base+ahead*step]
				}
				if behind := i - radius - 1; behind >= 0 {
					sum -= in[base+behind*step]
				}
				out[base+i*step] = sum
			}
		}
	}
	return out
}
