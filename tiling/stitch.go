package tiling

// Sample is the type of the samples.
type Sample interface{ ~uint8 | ~uint16 }

// Copy copies part of a tile's output into a band. Rows of the tile are tileStride
// samples long; the region of width samples by height rows starts at row y0, sample
// x0. The first ramp samples of each row are blended with the band's, a pixel of
// channels samples at a time, so tiles must be copied from left to right.
func Copy[S Sample](band []S, bandStride, at int, tile []S, tileStride, x0, y0, width, height, ramp, channels int) {
	for y := range height {
		source := tile[(y0+y)*tileStride+x0:][:width]
		target := band[y*bandStride+at:][:width]
		for x := 0; x < ramp; x += channels {
			for c := range channels {
				target[x+c] = mix(target[x+c], source[x+c], x/channels, ramp/channels)
			}
		}
		copy(target[ramp:], source[ramp:])
	}
}

// BlendRows blends the rows that two bands share: upper fades out from the first to
// the last row while lower fades in. The result is in lower.
func BlendRows[S Sample](upper, lower []S, stride int) {
	rows := len(upper) / stride
	for y := range rows {
		u, l := upper[y*stride:(y+1)*stride], lower[y*stride:(y+1)*stride]
		for x := range l {
			l[x] = mix(u[x], l[x], y, rows)
		}
	}
}

// mix interpolates linearly from a to b while i goes from 0 to n-1. Neither end is
// reached, so that both sides contribute to every blended sample.
func mix[S Sample](a, b S, i, n int) S {
	weight := uint64(2*i + 1)
	whole := uint64(2 * n)
	return S((uint64(a)*(whole-weight) + uint64(b)*weight + uint64(n)) / whole)
}
