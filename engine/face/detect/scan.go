package detect

import (
	"context"
	"math"

	"upscaled/engine/parallel"
)

// window is a square that the face cascade accepted: center and side in samples
// of the searched plane (sample indices, so the center is a whole number), roll in
// radians clockwise.
type window struct {
	row, column, size, roll, score float64
}

// comparisons is a face cascade prepared for one size and roll in planes of one
// width: the offset from the window's center to each pixel of each node.
type comparisons struct {
	cascade *faceCascade
	// pairs holds two offsets per node, and an unused pair before each tree's
	// root, so that the children of node i are 2i and 2i+1.
	pairs [][2]int32
	// Reach of the pixels from the center, in rows and columns.
	up, down, left, right int
}

func (c *faceCascade) prepare(size int, roll float64, stride int) comparisons {
	sin, cos := math.Sincos(roll)
	unit := float64(size) / 256
	inner := 1<<c.depth - 1
	out := comparisons{cascade: c, pairs: make([][2]int32, 0, len(c.thresholds)<<c.depth)}
	for codes := c.codes; len(codes) > 0; {
		out.pairs = append(out.pairs, [2]int32{})
		for range inner {
			var pair [2]int32
			for i := range pair {
				y, x := float64(codes[2*i])*unit, float64(codes[2*i+1])*unit
				row := int(math.Floor(y*cos + x*sin))
				column := int(math.Floor(x*cos - y*sin))
				out.up, out.down = min(out.up, row), max(out.down, row)
				out.left, out.right = min(out.left, column), max(out.right, column)
				pair[i] = int32(row*stride + column)
			}
			out.pairs = append(out.pairs, pair)
			codes = codes[4:]
		}
	}
	return out
}

// score evaluates the window around pix[center]; 0 means no face.
func (c *comparisons) score(pix []uint8, center int) float32 {
	depth := c.cascade.depth
	leaves := c.cascade.leaves
	pairs := c.pairs
	var sum float32
	for tree, threshold := range c.cascade.thresholds {
		node := 1
		base := tree << depth
		nodes := pairs[base : base+1<<depth]
		for range depth {
			pair := nodes[node]
			// This compiles to a conditional set; a branch could not be
			// predicted.
			lower := 0
			if pix[center+int(pair[0])] <= pix[center+int(pair[1])] {
				lower = 1
			}
			node = 2*node + lower
		}
		sum += leaves[base+node-1<<depth]
		if sum <= threshold {
			return 0
		}
	}
	return sum - c.cascade.thresholds[len(c.cascade.thresholds)-1]
}

// Steps of the search relative to the window's side. Finer ones find no more
// faces of the trial set and take longer.
const (
	shiftFactor = 0.1
	scaleFactor = 1.1
)

// scan searches for windows with sides from smallest to largest at each roll. The
// order of the result does not depend on the number of cores.
func (c *faceCascade) scan(ctx context.Context, p plane, smallest, largest int, rolls []float64) ([]window, error) {
	type job struct {
		size int
		roll float64
	}
	var jobs []job
	for size := smallest; size <= largest; size = max(size+2, int(float64(size)*scaleFactor)) {
		for _, roll := range rolls {
			jobs = append(jobs, job{size, roll})
		}
	}
	found := make([][]window, len(jobs))
	parallel.For(len(jobs), func(i int) {
		if ctx.Err() == nil {
			ready := c.prepare(jobs[i].size, jobs[i].roll, p.width)
			found[i] = ready.sweep(ctx, p, jobs[i].size, jobs[i].roll)
		}
	})
	var all []window
	for _, windows := range found {
		all = append(all, windows...)
	}
	return all, ctx.Err()
}

func (c *comparisons) sweep(ctx context.Context, p plane, size int, roll float64) []window {
	var found []window
	step := max(int(shiftFactor*float64(size)), 1)
	for row := -c.up; row < p.height-c.down && ctx.Err() == nil; row += step {
		for column := -c.left; column < p.width-c.right; column += step {
			if score := c.score(p.pix, row*p.width+column); score > 0 {
				found = append(found, window{
					row: float64(row + p.top), column: float64(column + p.left),
					size: float64(size), roll: roll, score: float64(score),
				})
			}
		}
	}
	return found
}
