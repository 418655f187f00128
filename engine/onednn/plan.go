package onednn

import (
	"math/bits"

	"upscaled/models/network"
)

const (
	// bandPositions is about how many positions a convolution computes at a time:
	// few enough that its rows stay in the caches, and enough that starting the
	// threads is free (measured from 2048 on; 4096 is 2 % slower).
	bandPositions = 16384
	maxBandRows   = 64
)

// plan is a model's schedule for images of one size: how many rows each step reads,
// and how many rows of each tensor are held at once.
type plan struct {
	program *network.Sequential
	// width and height of tensor 0.
	width, height int
	// rows of tensor 0 that a step reads.
	rows int
	// capacity and kept are the rows that each tensor's rings hold.
	capacity, kept []int
}

// progress is how far a run of a plan has come.
type progress struct {
	// taken is the rows of tensor 0 that were read, done those of each convolution
	// that were computed.
	taken int
	done  []int
}

// newPlan finds the highest bands whose rings fit into memory, in bytes.
func newPlan(p *network.Sequential, width, height int, elementSize int, memory int64) *plan {
	rows := 1
	for rows < maxBandRows && 2*rows*width <= bandPositions && rows < height {
		rows *= 2
	}
	for rows = max(rows, 2); ; rows /= 2 {
		plan := &plan{program: p, width: width, height: height, rows: rows}
		plan.measure()
		if rows == 1 || plan.bytes(elementSize) <= memory {
			return plan
		}
	}
}

// bytes returns the size of all rings.
func (p *plan) bytes(elementSize int) int64 {
	var sum int64
	for i, s := range p.program.Tensors {
		positions := int64(p.width) * int64(s.Scale)
		sum += positions * int64(p.capacity[i]*s.Channels*elementSize+p.kept[i]*s.Kept*4)
	}
	return sum
}

func (p *plan) start() *progress { return &progress{done: make([]int, len(p.program.Convolutions))} }

func (p *plan) finished(at *progress) bool {
	return at.done[len(at.done)-1] == p.heightOf(len(at.done)-1)
}

// scale is that of a convolution's output.
func (p *plan) scale(i int) int {
	c := p.program.Convolutions[i]
	return p.program.Tensors[c.From].Scale * c.Upsample
}

func (p *plan) heightOf(i int) int { return p.height * p.scale(i) }

// step reads rows and runs every convolution as far as possible, but on no more
// rows than were read, in bands whose heights are powers of two. compute is called
// before progress counts the band as done.
func (p *plan) step(at *progress, producers []int, compute func(i, y, rows int) error) error {
	at.taken = min(at.taken+p.rows, p.height)
	for i, c := range p.program.Convolutions {
		available := at.taken
		if producers[i] >= 0 {
			available = at.done[producers[i]]
		}
		height := p.heightOf(i)
		ready := height
		if available*c.Upsample < height {
			ready = available*c.Upsample - 1
		}
		// At the image's end all of the rest is ready at once, which the rings are
		// not made for.
		ready = min(ready, at.done[i]+p.rows*p.scale(i))
		most := max(1, p.rows/p.scale(i))
		for at.done[i] < ready {
			rows := min(most, 1<<(bits.Len(uint(ready-at.done[i]))-1))
			if err := compute(i, at.done[i], rows); err != nil {
				return err
			}
			at.done[i] += rows
		}
	}
	return nil
}

// producers returns, for each convolution, the one that completes its input: the
// last one before it that writes what it reads, or -1 for the image.
func producers(p *network.Sequential) []int {
	all := make([]int, len(p.Convolutions))
	for i, c := range p.Convolutions {
		all[i] = -1
		for j, before := range p.Convolutions[:i] {
			if before.To == c.From && before.At < c.In {
				all[i] = j
			}
		}
	}
	return all
}

// reader is a convolution that holds rows of a tensor, from done-back on, counted
// in the tensor's own rows.
type reader struct{ convolution, back, enlarge int }

// measure runs the plan without computing to see how many rows are held.
func (p *plan) measure() {
	tensors := p.program.Tensors
	p.capacity, p.kept = make([]int, len(tensors)), make([]int, len(tensors))
	reads, adds := make([][]reader, len(tensors)), make([][]reader, len(tensors))
	for i, c := range p.program.Convolutions {
		reads[c.From] = append(reads[c.From], reader{i, 1, c.Upsample})
		for _, a := range c.Residuals {
			adds[a.Tensor] = append(adds[a.Tensor], reader{i, 0, 1})
		}
	}
	at := p.start()
	held := func(top int, readers []reader) int {
		most := 0
		for _, r := range readers {
			if done := at.done[r.convolution]; done < p.heightOf(r.convolution) {
				most = max(most, top-max(0, done-r.back)/r.enlarge)
			}
		}
		return most
	}
	order := producers(p.program)
	for !p.finished(at) {
		p.capacity[0] = max(p.capacity[0], held(min(at.taken+p.rows, p.height), reads[0]))
		_ = p.step(at, order, func(i, y, rows int) error {
			if to := p.program.Convolutions[i].To; to >= 0 {
				p.capacity[to] = max(p.capacity[to], held(y+rows, reads[to]))
				p.kept[to] = max(p.kept[to], held(y+rows, adds[to]))
			}
			return nil
		})
	}
}
