package cpu

import (
	"slices"

	"upscaled/engine/cpu/kernels"
)

// ring holds the rows of a tensor, or of its float32 copy for residuals, that
// convolutions still read.
type ring struct {
	tensor   int
	elements kernels.Type
	channels int
	width    int
	bytes    int // of a row
	readers  []reader
	// capacity is the rows held at once and those added in one step, whose operations
	// find the place of a row by its number modulo capacity.
	capacity int
}

// reader is a convolution that needs rows of a ring from done-back on, in its own
// rows, which are upsample times the tensor's.
type reader struct{ convolution, back, upsample int }

// places are where rows of one size are held. The place that was freed last is reused
// first, since the caches still hold it.
type places struct {
	free  []int32
	count int32
}

func (p *places) take() int32 {
	if last := len(p.free) - 1; last >= 0 {
		place := p.free[last]
		p.free = p.free[:last]
		return place
	}
	p.count++
	return p.count - 1
}

// held are the places of a ring's rows from row first on.
type held struct {
	first int
	rows  []int32
	most  int // of rows, so far
}

// newRings returns the rings of all tensors, then those of their float32 copies.
// Rings without readers hold no rows.
func (p *plan) newRings(types []kernels.Type) []ring {
	m := p.model
	all := make([]ring, 2*len(m.Tensors))
	for i, t := range m.Tensors {
		all[i] = ring{tensor: i, elements: types[i], channels: t.Channels}
		all[len(m.Tensors)+i] = ring{tensor: i, elements: kernels.Float32, channels: t.Kept}
	}
	for i := range all {
		r := &all[i]
		r.width = p.width * m.Tensors[r.tensor].Scale
		r.bytes = r.width * r.channels * r.elements.Size()
	}
	for i, c := range m.Convolutions {
		read := &all[c.From]
		read.readers = append(read.readers, reader{i, 1, c.Upsample})
		for _, a := range c.Residuals {
			added := &all[p.copyOf(a.Tensor)]
			added.readers = append(added.readers, reader{i, 0, 1})
		}
	}
	return all
}

// copyOf returns the ring of a tensor's float32 copy.
func (p *plan) copyOf(tensor int) int { return len(p.model.Tensors) + tensor }

// hold takes places for the rows of a ring up to row end.
func (p *plan) hold(at *progress, ring, end int) {
	if at.held == nil || len(p.rings[ring].readers) == 0 {
		return
	}
	r, h := &p.rings[ring], &at.held[ring]
	if at.places[r.bytes] == nil {
		at.places[r.bytes] = &places{}
	}
	for y := h.first + len(h.rows); y < end; y++ {
		place := at.places[r.bytes].take()
		h.rows = append(h.rows, place)
		if at.tables != nil {
			at.tables[ring][y%r.capacity] = place
		}
	}
	h.most = max(h.most, len(h.rows))
}

// release frees the places of rows that no convolution will read again.
func (p *plan) release(at *progress, ring int) {
	if at.held == nil {
		return
	}
	r, h := &p.rings[ring], &at.held[ring]
	needed := h.first + len(h.rows)
	for _, by := range r.readers {
		if done := at.done[by.convolution]; done < p.outHeight(by.convolution) {
			needed = min(needed, max(0, done-by.back)/by.upsample)
		}
	}
	if needed > h.first {
		n := needed - h.first
		at.places[r.bytes].free = append(at.places[r.bytes].free, h.rows[:n]...)
		h.first, h.rows = needed, slices.Delete(h.rows, 0, n)
	}
}
