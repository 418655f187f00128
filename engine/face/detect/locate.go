package detect

import (
	"math"
	"slices"
)

// spot is a position in a plane, in samples.
type spot struct{ row, column float64 }

// locate runs the cascade once from a guess; side is the window's, in samples.
// Mirrored, it finds the mirror image of its point.
func (c *pointCascade) locate(p plane, guess spot, side float64, mirrored bool) spot {
	sign := 1.0
	if mirrored {
		sign = -1
	}
	inner := 1<<c.depth - 1
	codes, leaves := c.codes, c.leaves
	for range c.stages {
		var down, right float64
		across, upright := sign*side/256, side/256
		for range c.trees {
			node := 0
			for range c.depth {
				n := codes[4*node : 4*node+4 : 4*node+4]
				first := p.near(guess.row+float64(n[0])*upright, guess.column+float64(n[1])*across)
				second := p.near(guess.row+float64(n[2])*upright, guess.column+float64(n[3])*across)
				node = 2*node + 1
				if first > second {
					node++
				}
			}
			leaf := 2 * (node - inner)
			down += float64(leaves[leaf])
			right += float64(leaves[leaf+1])
			codes, leaves = codes[4*inner:], leaves[2*(inner+1):]
		}
		guess.row += down * side
		guess.column += sign * right * side
		side *= c.shrinking
	}
	return guess
}

// near returns the sample at a position, or the nearest one inside.
func (p plane) near(row, column float64) uint8 {
	y := min(max(int(row+0.5), 0), p.height-1)
	x := min(max(int(column+0.5), 0), p.width-1)
	return p.pix[y*p.width+x]
}

// tries is the number of perturbed guesses for a point.
const tries = 31

// Size of the perturbation in units of the window's side, as in pigo and pico.
const (
	perturbedShift = 0.15
	perturbedSide  = 0.15
)

// settle locates a point from many perturbed guesses and returns the medians and
// the spread of the results: their median absolute distance in units of the
// window's side. On a face the guesses converge, elsewhere they scatter. The
// perturbations are fixed, so equal images have equal points. With both, half of
// the guesses run mirrored: for points on the face's axis and for eyes, where
// both directions mean the same point.
func (c *pointCascade) settle(p plane, guess spot, side float64, mirrored, both bool) (spot, float64) {
	results := make([]spot, 0, 2*tries)
	for i := range tries {
		// The R3 sequence (Roberts 2018) fills the cube evenly.
		a, b, d := fraction(i, 0.8191725133961645), fraction(i, 0.6710436067037893), fraction(i, 0.5497004779019703)
		results = append(results, c.locate(p, spot{
			row:    guess.row + side*perturbedShift*(a-0.5),
			column: guess.column + side*perturbedShift*(b-0.5),
		}, side*(1+perturbedSide*(d-0.5)), mirrored))
		if both {
			results = append(results, c.locate(p, spot{
				row:    guess.row + side*perturbedShift*(a-0.5),
				column: guess.column - side*perturbedShift*(b-0.5),
			}, side*(1+perturbedSide*(d-0.5)), !mirrored))
		}
	}
	center := spot{
		row:    median(results, func(s spot) float64 { return s.row }),
		column: median(results, func(s spot) float64 { return s.column }),
	}
	spread := median(results, func(s spot) float64 {
		return math.Hypot(s.row-center.row, s.column-center.column)
	})
	return center, spread / side
}

func fraction(i int, step float64) float64 {
	_, f := math.Modf(0.5 + float64(i)*step)
	return f
}

func median(spots []spot, of func(spot) float64) float64 {
	values := make([]float64, len(spots))
	for i, s := range spots {
		values[i] = of(s)
	}
	slices.Sort(values)
	return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
}
