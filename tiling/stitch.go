package tiling

// Sample is the type of what is stitched.
type Sample interface{ ~uint8 | ~uint16 }

// Copy writes part of a tile's result into a band. tile rows are tileStride
// samples long and start at row y0, sample x0 of the tile; the region is
// width samples by height rows. The first ramp samples of each row are
// blended with what the band holds already, a pixel of channels samples at a
// time, so that tiles must be copied from left to right.
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

// BlendRows blends the rows that two neighbouring bands share: upper fades
// out from the first to the last row while lower fades in. The result is left
// in lower.
func BlendRows[S Sample](upper, lower []S, stride int) {
	rows := len(upper) / stride
	for y := range rows {
		u, l := upper[y*stride:(y+1)*stride], lower[y*stride:(y+1)*stride]
		for x := range l {
			l[x] = mix(u[x], l[x], y, rows)
		}
	}
}

// mix goes linearly from a to b while i goes from 0 to n-1; neither end is
// reached, so that both sides have a part in every blended sample.
func mix[S Sample](a, b S, i, n int) S {
	weight := uint64(2*i + 1)
	whole := uint64(2 * n)
	return S((uint64(a)*(whole-weight) + uint64(b)*weight + uint64(n)) / whole)
}
