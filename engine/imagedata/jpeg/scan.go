package jpeg

import (
	"io"
	"slices"
)

// scan reads the scan header (T.81, B.2.3).
func (p *parser) scan(payload, data []byte) error {
	if p.Components == nil {
		return Damaged("scan without frame header")
	}
	//guard:jpeg-scans TestHostileFiles/progressive_JPEG_of_1000_scans
	if len(p.scans) >= maxScans {
		return Damaged("too many scans")
	}
	if len(payload) < 1 || len(payload) < 4+2*int(payload[0]) || payload[0] < 1 || payload[0] > 4 {
		return Damaged("scan header")
	}
	s := scan{tables: p.tables, data: data, last: 63}
	for i := range int(payload[0]) {
		id, selector := payload[1+2*i], payload[2+2*i]
		at := slices.IndexFunc(p.Components, func(c Component) bool { return c.ID == id })
		if at < 0 || slices.Contains(s.components, at) {
			return Damaged("component of a scan")
		}
		s.components = append(s.components, at)
		s.dc, s.ac = append(s.dc, selector>>4), append(s.ac, selector&15)
		if !p.Arithmetic && (selector>>4 > 3 || selector&15 > 3) {
			return Damaged("table of a scan")
		}
		if c := &p.Components[at]; c.scale == nil {
			// A component keeps its first table.
			if c.scale = p.tables.quantizers[c.quantizer]; c.scale == nil {
				return Damaged("component without quantization table")
			}
		}
	}
	if p.Progressive {
		rest := payload[1+2*len(s.components):]
		s.first, s.last = int(rest[0]), int(rest[1])
		s.high, s.low = uint(rest[2]>>4), uint(rest[2]&15)
		if s.first > s.last || s.last > 63 || s.first == 0 && s.last > 0 || s.first > 0 && len(s.components) > 1 ||
			s.low > 13 || s.high != 0 && s.high != s.low+1 {
			return Damaged("progression of a scan")
		}
	}
	p.scans = append(p.scans, s)
	return nil
}

// entropy decodes the blocks of a scan.
type entropy interface {
	// start begins a restart interval with its bytes.
	start(data []byte)
	// block decodes the next block of the scan's i-th component.
	block(i int, b *[64]int16) error
	// exhausted reports whether more bits were decoded than there were.
	exhausted() bool
}

func (f *File) decodeScan(s *scan, final bool) error {
	var coder entropy
	if f.Arithmetic {
		coder = newArithmetic(s, f.Progressive)
	} else {
		coder = newHuffmanScan(s, f.Progressive)
	}
	for _, i := range s.components {
		for k := s.first; k <= s.last; k++ {
			f.sent[i][k] = int8(s.low)
		}
	}
	pass := pass{File: f, scan: s, coder: coder}
	err := pass.run()
	if err == io.ErrUnexpectedEOF && !(final && !f.Ended) {
		return Damaged("too few coded pixels")
	}
	return err
}

// pass decodes one scan.
type pass struct {
	*File
	*scan
	coder entropy
	rest  []byte // of the scan's data
	left  int    // MCUs to the next restart marker
	mark  byte   // number of that marker
	block [64]int16
}

func (p *pass) run() error {
	p.rest = p.data
	p.begin()
	if len(p.components) > 1 {
		return p.interleaved()
	}
	c := &p.Components[p.components[0]]
	for y := range c.down {
		for x := range c.across {
			if err := p.restarted(); err != nil {
				return err
			}
			if err := p.one(0, x, y); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *pass) interleaved() error {
	for my := range p.mcusY {
		for mx := range p.mcusX {
			if err := p.restarted(); err != nil {
				return err
			}
			for i, at := range p.components {
				c := &p.Components[at]
				for j := range c.H * c.V {
					if err := p.one(i, mx*c.H+j%c.H, my*c.V+j/c.H); err != nil {
						return err
					}
				}
			}
		}
	}
	return nil
}

// one decodes a block of the i-th component of the scan.
func (p *pass) one(i, x, y int) error {
	c := &p.Components[p.components[i]]
	block := &p.block
	if c.coefficients != nil {
		block = (*[64]int16)(c.coefficients[64*(y*c.blocks+x):])
	} else {
		p.block = [64]int16{}
	}
	if err := p.coder.block(i, block); err != nil {
		return err
	}
	if p.coder.exhausted() {
		return io.ErrUnexpectedEOF
	}
	if c.coefficients == nil {
		c.inverse(block, x, y)
	}
	return nil
}

// restarted passes a restart marker if one is due. Whatever follows the coded blocks
// before the marker is skipped.
func (p *pass) restarted() error {
	if p.restart == 0 {
		return nil
	}
	if p.left == 0 {
		if p.rest == nil {
			return io.ErrUnexpectedEOF
		}
		p.begin()
	}
	p.left--
	return nil
}

// begin starts the next interval.
func (p *pass) begin() {
	p.left = p.restart
	data := p.rest
	p.rest = nil
	if p.restart > 0 {
		if end, ok := restartMarker(data, p.mark); ok {
			data, p.rest = data[:end], data[end+2:]
			p.mark = (p.mark + 1) & 7
		}
	}
	p.coder.start(data)
}

// restartMarker returns the offset of the first restart marker and whether it has
// the number.
func restartMarker(data []byte, number byte) (int, bool) {
	marker, next := nextMarker(data, 0)
	return next - 2, next > 0 && marker == rst0+number
}
