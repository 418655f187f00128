package jpeg

// maxMissing is the number of bytes that an interval may lack. Encoders drop zeros
// at its end, of which a flat image can do with less than this.
const maxMissing = 1024

// state is an adaptive context: an index of estimates and, in the highest bit, the
// more probable symbol.
type state = uint8

// half is the state of decisions that have no context.
const half state = 113

// arithmeticCoder decodes binary decisions (T.81, annex D).
type arithmeticCoder struct {
	data    []byte
	at      int
	missing int
	code    uint32
	size    uint32 // of the current interval
	count   int    // bits of code not used yet
}

func (a *arithmeticCoder) next() uint32 {
	if a.at < len(a.data) {
		v := a.data[a.at]
		a.at++
		if v != 0xff {
			return uint32(v)
		}
		if a.at < len(a.data) && a.data[a.at] == 0 {
			a.at++
			return 0xff
		}
		a.at, a.data = len(a.data), a.data[:a.at] // a marker
	}
	a.missing++
	return 0
}

func (a *arithmeticCoder) exhausted() bool { return a.missing > maxMissing }

// renormalize doubles the interval until it has 16 bits.
func (a *arithmeticCoder) renormalize() {
	for a.size < 1<<15 {
		if a.count == 0 {
			a.code |= a.next()
			a.count = 8
		}
		a.code <<= 1
		a.size <<= 1
		a.count--
	}
}

// decide decodes a decision and adapts its state.
func (a *arithmeticCoder) decide(s *state) int {
	e := &estimates[*s&127]
	symbol := *s >> 7
	qe := uint32(e.qe)
	a.size -= qe
	// The code register has 16 bits before those not used yet.
	if top := a.size << 8; a.code < top {
		if a.size >= 1<<15 {
			return int(symbol)
		}
		if a.size < qe {
			*s = symbol<<7 ^ e.swap<<7 | e.lps
			symbol ^= 1
		} else {
			*s = symbol<<7 | e.mps
		}
	} else {
		a.code -= top
		if a.size < qe {
			*s = symbol<<7 | e.mps
		} else {
			*s = symbol<<7 ^ e.swap<<7 | e.lps
			symbol ^= 1
		}
		a.size = qe
	}
	a.renormalize()
	return int(symbol)
}

// arithmeticScan decodes the blocks of an arithmetic-coded scan (annexes F and G).
type arithmeticScan struct {
	arithmeticCoder
	*scan
	dcStates [16][64]state
	acStates [16][256]state
	fixed    state
	before   [4]int // DC of the last block of each component
	context  [4]int // class of the last difference
	kind     func(i int, b *[64]int16) error
}

func newArithmetic(s *scan, progressive bool) *arithmeticScan {
	a := &arithmeticScan{scan: s}
	switch {
	case !progressive:
		a.kind = a.sequential
	case s.first == 0 && s.high == 0:
		a.kind = a.firstDC
	case s.first == 0:
		a.kind = a.refineDC
	case s.high == 0:
		a.kind = func(i int, b *[64]int16) error { return a.firstAC(i, b, s.first) }
	default:
		a.kind = a.refineAC
	}
	return a
}

func (a *arithmeticScan) start(data []byte) {
	a.arithmeticCoder = arithmeticCoder{data: data, size: 1 << 16}
	a.code = a.next()<<16 | a.next()<<8 | a.next()
	a.count = 8
	a.dcStates, a.acStates = [16][64]state{}, [16][256]state{}
	a.before, a.context = [4]int{}, [4]int{}
}

func (a *arithmeticScan) block(i int, b *[64]int16) error { return a.kind(i, b) }

func (a *arithmeticScan) even() int {
	a.fixed = half
	return a.decide(&a.fixed)
}

const errDecision = Damaged("arithmetic code")

// magnitude decodes the bits of a number below its highest (T.81, F.1.4.4.1.3):
// states from at on say how many there are, those 14 further on are theirs.
func (a *arithmeticScan) magnitude(m int, states []state, at int) (int, error) {
	for a.decide(&states[at]) == 1 {
		if m <<= 1; m == 1<<15 {
			return 0, errDecision
		}
		at++
	}
	v := m
	for m >>= 1; m > 0; m >>= 1 {
		if a.decide(&states[at+14]) == 1 {
			v |= m
		}
	}
	return v, nil
}

func (a *arithmeticScan) firstDC(i int, b *[64]int16) error {
	table := a.dc[i]
	states := a.dcStates[table][:]
	at := a.context[i]
	a.context[i] = 0
	if a.decide(&states[at]) == 1 {
		sign := a.decide(&states[at+1])
		at += 2 + sign
		v := a.decide(&states[at])
		if v == 1 {
			var err error
			if v, err = a.magnitude(1, states, 20); err != nil {
				return err
			}
		}
		a.context[i] = a.class(v, sign, table)
		if v++; sign == 1 {
			v = -v
		}
		a.before[i] += v
	}
	b[0] = int16(a.before[i] << a.low)
	return nil
}

// class returns the context after a difference with the magnitude v+1.
func (a *arithmeticScan) class(v, sign int, table byte) int {
	lower, upper := a.conditioning[0][table]&15, a.conditioning[0][table]>>4
	switch {
	case v < 1<<lower>>1:
		return 0
	case v >= 1<<upper>>1<<1 && v > 0:
		return 12 + 4*sign
	}
	return 4 + 4*sign
}

func (a *arithmeticScan) refineDC(_ int, b *[64]int16) error {
	b[0] |= int16(a.even()) << a.low
	return nil
}

func (a *arithmeticScan) sequential(i int, b *[64]int16) error {
	if err := a.firstDC(i, b); err != nil {
		return err
	}
	return a.firstAC(i, b, 1)
}

func (a *arithmeticScan) firstAC(i int, b *[64]int16, first int) error {
	table := a.ac[i]
	states := a.acStates[table][:]
	for k := first; k <= a.last; k++ {
		at := 3 * (k - 1)
		if a.decide(&states[at]) == 1 {
			break
		}
		for a.decide(&states[at+1]) == 0 {
			at += 3
			if k++; k > a.last {
				return errDecision
			}
		}
		sign := a.even()
		v := a.decide(&states[at+2])
		if v == 1 && a.decide(&states[at+2]) == 1 {
			from := 217
			if k <= int(a.conditioning[1][table]) {
				from = 189
			}
			var err error
			if v, err = a.magnitude(2, states, from); err != nil {
				return err
			}
		}
		if v++; sign == 1 {
			v = -v
		}
		b[Zigzag[k]] = int16(v << a.low)
	}
	return nil
}

func (a *arithmeticScan) refineAC(i int, b *[64]int16) error {
	states := a.acStates[a.ac[i]][:]
	ended := a.last // the last coefficient that is not zero yet
	for ended > 0 && b[Zigzag[ended]] == 0 {
		ended--
	}
	for k := a.first; k <= a.last; k++ {
		at := 3 * (k - 1)
		if k > ended && a.decide(&states[at]) == 1 {
			break
		}
		for {
			c := &b[Zigzag[k]]
			if *c != 0 {
				if a.decide(&states[at+2]) == 1 {
					grow(c, a.low)
				}
				break
			}
			if a.decide(&states[at+1]) == 1 {
				if *c = 1 << a.low; a.even() == 1 {
					*c = -1 << a.low
				}
				break
			}
			at += 3
			if k++; k > a.last {
				return errDecision
			}
		}
	}
	return nil
}
