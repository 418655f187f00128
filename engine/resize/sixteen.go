package resize

// single rounds weights to 32-bit floats. Samples of 16 bits are computed in them:
// 24 bits keep the error below a hundredth of a sample. Conversions around the
// products keep compilers from fusing them with the sums, which would make the
// result depend on the CPU.
func single(weights []float64, to []float32) {
	for i, w := range weights {
		to[i] = float32(w)
	}
}

func rounded(v float32) uint16 { return uint16(max(0, min(65535, v+0.5))) }

// across16 resizes rows horizontally. scratch holds a row's samples.
func across16(out, in []uint16, columns []taps[float32], stride, channels int, scratch []float32) {
	outStride := len(columns) * channels
	for ; len(in) > 0; in, out = in[stride:], out[outStride:] {
		row := scratch[:stride]
		for i, v := range in[:stride] {
			row[i] = float32(v)
		}
		if channels == 3 {
			across16Color(out[:outStride], row, columns)
		} else {
			across16Gray(out[:outStride], row, columns)
		}
	}
}

func across16Color(out []uint16, row []float32, columns []taps[float32]) {
	for x, t := range columns {
		pixels := row[3*t.first : 3*t.end()]
		var red, green, blue float32
		for _, w := range t.weights {
			red += float32(w * pixels[0])
			green += float32(w * pixels[1])
			blue += float32(w * pixels[2])
			pixels = pixels[3:]
		}
		p := out[3*x:][:3]
		p[0], p[1], p[2] = rounded(red), rounded(green), rounded(blue)
	}
}

func across16Gray(out []uint16, row []float32, columns []taps[float32]) {
	for x, t := range columns {
		var sum float32
		for i, v := range row[t.first:t.end()] {
			sum += float32(t.weights[i] * v)
		}
		out[x] = rounded(sum)
	}
}

// down16 computes one row from the rows that the taps start at.
func down16(out, rows []uint16, t taps[float32]) {
	stride := len(out)
	x := 0
	for ; x+4 <= stride; x += 4 {
		var a, b, c, d float32
		at := x
		for _, w := range t.weights {
			v := rows[at:][:4]
			a += float32(w * float32(v[0]))
			b += float32(w * float32(v[1]))
			c += float32(w * float32(v[2]))
			d += float32(w * float32(v[3]))
			at += stride
		}
		p := out[x:][:4]
		p[0], p[1], p[2], p[3] = rounded(a), rounded(b), rounded(c), rounded(d)
	}
	for ; x < stride; x++ {
		var sum float32
		for i, w := range t.weights {
			sum += float32(w * float32(rows[i*stride+x]))
		}
		out[x] = rounded(sum)
	}
}
