package jpeg

// firstAC decodes a band of coefficients for the first time (T.81, G.1.2.2).
func (h *huffmanScan) firstAC(i int, b *[64]int16) error {
	if h.run > 0 {
		h.run--
		return nil
	}
	table := h.huffman[1][h.ac[i]]
	if table == nil {
		return errCode
	}
	for k := h.first; k <= h.last; k++ {
		symbol, err := h.symbol(table)
		if err != nil {
			return err
		}
		run, size := int(symbol>>4), int(symbol&15)
		switch {
		case size > 0:
			if k += run; k > h.last {
				return errCode
			}
			b[Zigzag[k]] = int16(extend(h.take(size), size) << h.low)
		case run == 15:
			k += 15
		default:
			h.run = h.endRun(run) - 1
			return nil
		}
	}
	return nil
}

// endRun returns the number of blocks that end here, this one included.
func (h *huffmanScan) endRun(size int) int {
	if size == 0 {
		return 1
	}
	return 1<<size + int(h.take(size))
}

// refineAC adds a bit to the coefficients of a band (T.81, G.1.2.3).
func (h *huffmanScan) refineAC(i int, b *[64]int16) error {
	table := h.huffman[1][h.ac[i]]
	if table == nil {
		return errCode
	}
	k := h.first
	for ; k <= h.last && h.run == 0; k++ {
		symbol, err := h.symbol(table)
		if err != nil {
			return err
		}
		run, size := int(symbol>>4), int(symbol&15)
		fresh := int16(0)
		if size > 0 {
			if fresh = -1 << h.low; h.take(1) == 1 {
				fresh = 1 << h.low
			}
		} else if run < 15 {
			h.run = h.endRun(run)
			break
		}
		// Skip zeros; the nonzero ones between get a bit each.
		for ; k <= h.last; k++ {
			if at := &b[Zigzag[k]]; *at != 0 {
				h.correct(at)
			} else if run--; run < 0 {
				break
			}
		}
		if fresh != 0 {
			if k > h.last {
				return errCode
			}
			b[Zigzag[k]] = fresh
		}
	}
	if h.run == 0 {
		return nil
	}
	for ; k <= h.last; k++ {
		if at := &b[Zigzag[k]]; *at != 0 {
			h.correct(at)
		}
	}
	h.run--
	return nil
}

// correct moves a coefficient away from zero if the next bit says so.
func (h *huffmanScan) correct(at *int16) {
	if h.take(1) == 1 {
		grow(at, h.low)
	}
}

func grow(at *int16, low uint) {
	if *at>>low&1 != 0 {
		return
	}
	if *at > 0 {
		*at += 1 << low
	} else {
		*at -= 1 << low
	}
}
