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
	// capacity is how many rows each tensor's ring holds, kept those of its float32
	// copy for residuals.
	capacity, kept []int
	// producers are the convolutions that complete each one's input.
	producers []int
}

// progress is how far an image has come: rows of tensor 0 that were read, and rows
// of each convolution that are done.
type progress struct {
	read int
	done []int
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
		p := &plan{model: m, width: width, height: height, rows: rows, multiple: multiple}
		p.measure()
		if rows <= least || p.bytes(types) <= memory {
			return p
		}
	}
}

// bytes returns the size of all rings.
func (p *plan) bytes(types []kernels.Type) int64 {
	var sum int64
	for i, t := range p.model.Tensors {
		positions := int64(p.width) * int64(t.Scale)
		sum += positions * int64(p.capacity[i]*t.Channels*types[i].Size()+p.kept[i]*t.Kept*kernels.Float32.Size())
	}
	return sum
}

func (p *plan) start() *progress { return &progress{done: make([]int, len(p.model.Convolutions))} }

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
			rows := min(p.bandRows(i), ready-at.done[i])
			compute(i, at.done[i], rows)
			at.done[i] += rows
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

// reader is a convolution that needs rows of a tensor from done-back on, in its own
// rows, which are upsample times the tensor's.
type reader struct{ convolution, back, upsample int }

// measure walks through the plan without computing and records how many rows are
// held.
func (p *plan) measure() {
	tensors := p.model.Tensors
	p.producers = producers(p.model)
	p.capacity, p.kept = make([]int, len(tensors)), make([]int, len(tensors))
	reads, adds := make([][]reader, len(tensors)), make([][]reader, len(tensors))
	for i, c := range p.model.Convolutions {
		reads[c.From] = append(reads[c.From], reader{i, 1, c.Upsample})
		for _, a := range c.Residuals {
			adds[a.Tensor] = append(adds[a.Tensor], reader{i, 0, 1})
		}
	}
	at := p.start()
	held := func(top int, readers []reader) int {
		most := 0
		for _, r := range readers {
			if done := at.done[r.convolution]; done < p.outHeight(r.convolution) {
				most = max(most, top-max(0, done-r.back)/r.upsample)
			}
		}
		return most
	}
	for !p.finished(at) {
		p.capacity[0] = max(p.capacity[0], held(min(at.read+p.rows, p.height), reads[0]))
		p.step(at, func(i, y, rows int) {
			if to := p.model.Convolutions[i].To; to >= 0 {
				p.capacity[to] = max(p.capacity[to], held(y+rows, reads[to]))
				p.kept[to] = max(p.kept[to], held(y+rows, adds[to]))
			}
		})
	}
}
