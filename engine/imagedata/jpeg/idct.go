package jpeg

// Constants of the transform, in 1/8192: sums of cosines after Loeffler, Ligtenberg
// and Moschytz, as in libjpeg's accurate integer transform, whose results these are.
const (
	fix0298 = 2446
	fix0390 = 3196
	fix0541 = 4433
	fix0765 = 6270
	fix0899 = 7373
	fix1175 = 9633
	fix1501 = 12299
	fix1847 = 15137
	fix1961 = 16069
	fix2053 = 16819
	fix2562 = 20995
	fix3072 = 25172
	// Both passes scale by 8192; the first keeps two bits for the second.
	fraction, kept = 13, 2
)

// butterfly is the transform of eight numbers, scaled by 8192. half is added for
// rounding.
func butterfly(x0, x1, x2, x3, x4, x5, x6, x7, half int32) (even, odd [4]int32) {
	z := (x2 + x6) * fix0541
	t2, t3 := z-x6*fix1847, z+x2*fix0765
	t0, t1 := (x0+x4)<<fraction+half, (x0-x4)<<fraction+half
	even = [4]int32{t0 + t3, t1 + t2, t1 - t2, t0 - t3}
	z1, z2, z3, z4 := x7+x1, x5+x3, x7+x3, x5+x1
	z5 := (z3 + z4) * fix1175
	z1, z2 = -z1*fix0899, -z2*fix2562
	z3, z4 = z5-z3*fix1961, z5-z4*fix0390
	odd = [4]int32{
		x1*fix1501 + z1 + z4, x3*fix3072 + z2 + z3,
		x5*fix2053 + z2 + z4, x7*fix0298 + z1 + z3,
	}
	return even, odd
}

// inverse dequantizes a block and writes its 8x8 samples to out.
func inverse(block *[64]int16, scale *[64]uint16, out []uint8, stride int) {
	var work [64]int32
	flat := true
	for x := range 8 {
		c := block[x:]
		_ = c[56]
		dc := int32(c[0]) * int32(scale[x])
		if c[8]|c[16]|c[24]|c[32]|c[40]|c[48]|c[56] == 0 {
			flat = flat && (x == 0 || dc == 0)
			if dc <<= kept; dc != 0 {
				for y := 0; y < 64; y += 8 {
					work[y+x] = dc
				}
			}
			continue
		}
		flat = false
		s := scale[x:]
		_ = s[56]
		even, odd := butterfly(dc, int32(c[8])*int32(s[8]), int32(c[16])*int32(s[16]), int32(c[24])*int32(s[24]),
			int32(c[32])*int32(s[32]), int32(c[40])*int32(s[40]), int32(c[48])*int32(s[48]), int32(c[56])*int32(s[56]),
			1<<(fraction-kept-1))
		for i := range 4 {
			work[8*i+x] = (even[i] + odd[i]) >> (fraction - kept)
			work[8*(7-i)+x] = (even[i] - odd[i]) >> (fraction - kept)
		}
	}
	if flat {
		v := sample((work[0] + 1<<(kept+2)) >> (kept + 3))
		for y := range 8 {
			row := out[y*stride : y*stride+8]
			for x := range row {
				row[x] = v
			}
		}
		return
	}
	const shift = fraction + kept + 3
	for y := range 8 {
		w := (*[8]int32)(work[8*y:])
		row := (*[8]uint8)(out[y*stride:])
		even, odd := butterfly(w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7], 1<<(shift-1))
		for i := range 4 {
			row[i] = sample((even[i] + odd[i]) >> shift)
			row[7-i] = sample((even[i] - odd[i]) >> shift)
		}
	}
}

func sample(v int32) uint8 {
	if v += 128; uint32(v) > 255 {
		if v < 0 {
			return 0
		}
		return 255
	}
	return uint8(v)
}
