package onednn

import (
	"math/bits"

	"upscaled/models/network"
)

const (
	// bandPositions is about how many positions a convolution computes at a
	// time: few enough that its rows stay in the caches, many enough that
	// starting the threads costs nothing (measured from 2048 on;
	// 4096 is 2 % slower).
	bandPositions = 16384
	maxBandRows   = 64
)

// plan is a program for pictures of one size: how many rows each step takes
// in, and how many rows of each stack are needed at once.
type plan struct {
	program *network.Sequential
	// width and height of stack 0.
	width, height int
	// rows of stack 0 that a step takes in.
	rows int
	// capacity and kept are the rows that each stack's rings hold.
	capacity, kept []int
}

// progress says how far a run of a plan has come.
type progress struct {
	// taken rows of stack 0 are there, and done rows of each convolution.
	taken int
	done  []int
}

// newPlan finds the highest bands whose rings fit the memory, in bytes.
func newPlan(p *network.Sequential, width, height int, number int, memory int64) *plan {
	rows := 1
	for rows < maxBandRows && 2*rows*width <= bandPositions && rows < height {
		rows *= 2
	}
	for rows = max(rows, 2); ; rows /= 2 {
		plan := &plan{program: p, width: width, height: height, rows: rows}
		plan.measure()
		if rows == 1 || plan.bytes(number) <= memory {
			return plan
		}
	}
}

// bytes are those of all rings; number is the size of a stack's numbers.
func (p *plan) bytes(number int) int64 {
	var sum int64
	for i, s := range p.program.Tensors {
		positions := int64(p.width) * int64(s.Scale)
		sum += positions * int64(p.capacity[i]*s.Channels*number+p.kept[i]*s.Kept*4)
	}
	return sum
}

func (p *plan) start() *progress { return &progress{done: make([]int, len(p.program.Convolutions))} }

func (p *plan) finished(at *progress) bool {
	return at.done[len(at.done)-1] == p.heightOf(len(at.done)-1)
}

// zoom is that of a convolution's result.
func (p *plan) zoom(i int) int {
	c := p.program.Convolutions[i]
	return p.program.Tensors[c.From].Scale * c.Upsample
}

func (p *plan) heightOf(i int) int { return p.height * p.zoom(i) }

// step takes rows in and has every convolution compute what it now can, but
// no more rows than were taken in, in bands whose heights are powers of two. compute is called before progress
// counts the band as done.
func (p *plan) step(at *progress, makers []int, compute func(i, y, rows int) error) error {
	at.taken = min(at.taken+p.rows, p.height)
	for i, c := range p.program.Convolutions {
		available := at.taken
		if makers[i] >= 0 {
			available = at.done[makers[i]]
		}
		height := p.heightOf(i)
		ready := height
		if available*c.Upsample < height {
			ready = available*c.Upsample - 1
		}
		// Where the picture ends all of the rest is ready at once, and the rings
		// are not made for that.
		ready = min(ready, at.done[i]+p.rows*p.zoom(i))
		most := max(1, p.rows/p.zoom(i))
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

// makers tell for each convolution which one completes its input: the last one
// before it that adds to what it reads, or -1 for the picture.
func makers(p *network.Sequential) []int {
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

// reader is a convolution that holds rows of a stack: those from done-back on,
// counted in the stack's own rows.
type reader struct{ convolution, back, enlarge int }

// measure runs the plan without computing to see how many rows are held.
func (p *plan) measure() {
	stacks := p.program.Tensors
	p.capacity, p.kept = make([]int, len(stacks)), make([]int, len(stacks))
	reads, adds := make([][]reader, len(stacks)), make([][]reader, len(stacks))
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
	order := makers(p.program)
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
