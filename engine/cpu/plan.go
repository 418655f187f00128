package cpu

import (
	"upscaled/engine/cpu/kernels"
	"upscaled/models/network"
)

const (
	// bandPositions is about how many positions an operation computes: few enough
	// that its rows stay in the caches, many enough to share among threads.
	bandPositions = 16384
	// threadPositions is the least for each thread: a few units of a kernel.
	threadPositions = 768
	maxBandRows     = 64
)

// plan is a model's convolutions for images of one size: how many rows each step
// reads, and how many rows of each tensor are held.
type plan struct {
	model *network.Sequential
	// width and height of tensor 0.
	width, height int
	// rows of tensor 0 that a step reads.
	rows int
	// multiple of rows where bands of a convolution begin.
	multiple int
	// rings of all tensors, then those of their float32 copies for residuals.
	rings []ring
	// places is how many rows of each size, in bytes, all rings hold at once.
	places map[int]int
	// producers are the convolutions that complete each one's input.
	producers []int
}

// progress is how far an image has come: rows of tensor 0 that were read, and rows
// of each convolution that are done.
type progress struct {
	read int
	done []int
	// held are the rows of each ring, and places those of each size in bytes; nil if
	// nothing is held.
	held   []held
	places map[int]*places
	// tables receive the place of each ring's row y, at index y modulo its capacity; nil
	// while planning.
	tables [][]int32
}

// newPlan finds the highest bands whose rings fit memory, in bytes; bands of one
// multiple are used even if they do not fit.
func newPlan(m *network.Sequential, width, height, multiple, threads int, types []kernels.Type, memory int64) *plan {
	positions := max(bandPositions, threads*threadPositions)
	rows := 1
	for rows < maxBandRows && 2*rows*width <= positions && rows < height {
		rows *= 2
	}
	least := max(multiple, 1)
	for rows = max(rows, least, 2); ; rows /= 2 {
		p := &plan{model: m, width: width, height: height, rows: rows, multiple: multiple, producers: producers(m)}
		p.rings = p.newRings(types)
		p.measure()
		if rows <= least || p.bytes() <= memory {
			return p
		}
	}
}

// bytes returns the size of all rings.
func (p *plan) bytes() int64 {
	var sum int64
	for size, count := range p.places {
		sum += int64(size) * int64(count)
	}
	return sum
}

// start returns the progress of an image of which nothing is done, with tables, if
// there are such, for the places of rows.
func (p *plan) start(tables [][]int32) *progress {
	return &progress{
		done: make([]int, len(p.model.Convolutions)), held: make([]held, len(p.rings)), places: map[int]*places{}, tables: tables,
	}
}

func (p *plan) finished(at *progress) bool {
	last := len(at.done) - 1
	return at.done[last] == p.outHeight(last)
}

// scale returns the side of convolution i's result for one position of tensor 0.
func (p *plan) scale(i int) int {
	c := p.model.Convolutions[i]
	return p.model.Tensors[c.From].Scale * c.Upsample
}

func (p *plan) outHeight(i int) int { return p.height * p.scale(i) }

// bandRows returns the most rows of convolution i in one operation.
func (p *plan) bandRows(i int) int { return max(p.multiple, p.rows/p.scale(i)) }

// step reads rows and calls compute for each band that they complete. A
// convolution computes no more rows than were read, so that the rings need not be
// larger where the image ends and all of the rest could be computed.
func (p *plan) step(at *progress, compute func(i, y, rows int)) {
	at.read = min(at.read+p.rows, p.height)
	p.hold(at, 0, at.read)
	for i, c := range p.model.Convolutions {
		available := at.read
		if p.producers[i] >= 0 {
			available = at.done[p.producers[i]]
		}
		height := p.outHeight(i)
		ready := height
		if available*c.Upsample < height {
			ready = (available*c.Upsample - 1) / p.multiple * p.multiple
		}
		ready = min(ready, at.done[i]+max(p.multiple, p.rows*p.scale(i)))
		for at.done[i] < ready {
			y, rows := at.done[i], min(p.bandRows(i), ready-at.done[i])
			if c.To >= 0 {
				p.hold(at, c.To, y+rows)
				p.hold(at, p.copyOf(c.To), y+rows)
			}
			compute(i, y, rows)
			at.done[i] += rows
			p.release(at, c.From)
			for _, a := range c.Residuals {
				p.release(at, p.copyOf(a.Tensor))
			}
		}
	}
}

// producers returns for each convolution the last one before it that adds to its
// input, or -1 if it reads the image.
func producers(m *network.Sequential) []int {
	all := make([]int, len(m.Convolutions))
	for i, c := range m.Convolutions {
		all[i] = -1
		for j, before := range m.Convolutions[:i] {
			if before.To == c.From && before.At < c.In {
				all[i] = j
			}
		}
	}
	return all
}

// measure walks through the plan without computing and records how many rows are
// held.
func (p *plan) measure() {
	at := p.start(nil)
	for !p.finished(at) {
		p.step(at, func(int, int, int) {})
	}
	p.places = map[int]int{}
	for size, all := range at.places {
		p.places[size] = int(all.count)
	}
	for i := range p.rings {
		p.rings[i].capacity = at.held[i].most + p.rows*p.model.Tensors[p.rings[i].tensor].Scale
	}
}
