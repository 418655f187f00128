package align

import "upscaled/engine/imagedata"

// sampler reads an image at any position.
type sampler struct {
	plane
	kernel
}

// newSampler prepares the part of an image from (x0, y0) to (x1, y1) for reading
// in steps of that many pixels. Steps above one pixel need a wider filter. From 4
// pixels on, means of squares of pixels are filtered instead of pixels, so that
// the filter stays 2 to 4 of them wide: the aliasing of these means is mostly
// outside the filter's passband.
func newSampler(p imagedata.Raster, step, x0, y0, x1, y1 float64) sampler {
	cell := max(1, int(step/2))
	k := newKernel(max(1, step/float64(cell)))
	return sampler{plane: newPlane(p, cell, x0, y0, x1, y1, k.taps/2+1), kernel: k}
}

// line reads len(out)/channels positions from (x, y) on, (dx, dy) pixels apart.
// Positions outside the sampler's part read its edge.
func (s *sampler) line(out []float32, x, y, dx, dy float64) {
	side, lead := float64(s.cell), float64(s.taps/2-1)+0.5
	mostX, mostY := float64(s.width-s.taps), float64(s.height-s.taps)
	stride := s.width * s.channels
	for i := 0; i < len(out)/s.channels; i++ {
		// Relative to the plane's first sample, less half the taps, no position
		// is negative, so int rounds down.
		u := min(max((x+float64(i)*dx)/side-float64(s.left)-lead, 0), mostX)
		v := min(max((y+float64(i)*dy)/side-float64(s.top)-lead, 0), mostY)
		column, row := int(u), int(v)
		across, down := s.at(u-float64(column)), s.at(v-float64(row))
		samples := s.samples[row*stride+column*s.channels:]
		switch {
		case s.channels == 1:
			out[i] = sum1(samples, stride, across, down)
		case s.taps == 6:
			r, g, b := sum6x3(samples, stride, (*[6]float32)(across), (*[6]float32)(down))
			out[3*i], out[3*i+1], out[3*i+2] = r, g, b
		default:
			r, g, b := sum3(samples, stride, across, down)
			out[3*i], out[3*i+1], out[3*i+2] = r, g, b
		}
	}
}

func sum1(samples []float32, stride int, across, down []float32) (total float32) {
	for j, w := range down {
		row := samples[j*stride:][:len(across)]
		var sum float32
		for i, v := range across {
			sum += v * row[i]
		}
		total += w * sum
	}
	return total
}

func sum3(samples []float32, stride int, across, down []float32) (red, green, blue float32) {
	for j, w := range down {
		row := samples[j*stride:][:3*len(across)]
		var r, g, b float32
		for _, v := range across {
			r += v * row[0]
			g += v * row[1]
			b += v * row[2]
			row = row[3:]
		}
		red += w * r
		green += w * g
		blue += w * b
	}
	return red, green, blue
}

// sum6x3 is sum3 for the usual width without bounds checks per tap.
func sum6x3(samples []float32, stride int, a, down *[6]float32) (red, green, blue float32) {
	for j, w := range down {
		q := (*[18]float32)(samples[j*stride:])
		red += w * (a[0]*q[0] + a[1]*q[3] + a[2]*q[6] + a[3]*q[9] + a[4]*q[12] + a[5]*q[15])
		green += w * (a[0]*q[1] + a[1]*q[4] + a[2]*q[7] + a[3]*q[10] + a[4]*q[13] + a[5]*q[16])
		blue += w * (a[0]*q[2] + a[1]*q[5] + a[2]*q[8] + a[3]*q[11] + a[4]*q[14] + a[5]*q[17])
	}
	return red, green, blue
}
