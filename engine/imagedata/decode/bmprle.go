package decode

// unpack expands run-length compressed pixels to an index per byte. Pixels that
// the file skips are of index 0, as in Windows.
func (f *bmpFile) unpack() error {
	if !f.packed {
		return nil
	}
	u := bmpUnpacker{bmpFile: f, rest: f.pixels, out: make([]byte, f.width*f.height)}
	for u.y < f.height {
		head, ok := u.take(2)
		if !ok {
			// The mark of the end may lack after the last pixel.
			if u.y == f.height-1 && u.x >= f.width {
				break
			}
			return errTruncated
		}
		if count := int(head[0]); count > 0 {
			u.put(count, head[1:])
		} else if err := u.escape(head[1]); err != nil {
			return err
		}
	}
	f.packed, f.pixels, f.stride, f.bits = false, u.out, f.width, 8
	return nil
}

type bmpUnpacker struct {
	*bmpFile
	rest, out []byte
	x, y      int // of the next pixel; y counts stored rows
}

func (u *bmpUnpacker) take(n int) ([]byte, bool) {
	if n > len(u.rest) {
		return nil, false
	}
	taken := u.rest[:n]
	u.rest = u.rest[n:]
	return taken, true
}

// put stores count pixels, repeating those in data and dropping those beyond the
// row.
func (u *bmpUnpacker) put(count int, data []byte) {
	perByte := 8 / u.bits
	for i := range count {
		if u.x < u.width {
			shift := 8 - u.bits*(i%perByte+1)
			u.out[u.y*u.width+u.x] = data[i/perByte%len(data)] >> shift & (1<<u.bits - 1)
		}
		u.x++
	}
}

func (u *bmpUnpacker) escape(code byte) error {
	switch code {
	case 0: // end of the row
		u.x, u.y = 0, u.y+1
	case 1: // end of the image
		u.y = u.height
	case 2: // skip
		delta, ok := u.take(2)
		if !ok {
			return errTruncated
		}
		u.x, u.y = u.x+int(delta[0]), u.y+int(delta[1])
	default: // pixels, padded to 16 bits
		size := (int(code)*u.bits + 7) / 8
		data, ok := u.take(size)
		if !ok {
			return errTruncated
		}
		u.take(size % 2)
		u.put(int(code), data)
	}
	return nil
}
