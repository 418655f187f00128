package detect

import (
	"cmp"
	"math"
	"slices"

	"upscaled/engine/face"
)

// sheetGap is the distance of the pieces of a sheet, in pixels.
const sheetGap = 16

// piece is a rectangle of a level that is searched after some clockwise quarters of a
// turn. It fits one input of the back variant.
type piece struct {
	level                    *reduced
	left, top, width, height int
	turn                     int
}

// cover returns the upright pieces of a level: windows that overlap by blazeOverlap.
func cover(level *reduced) (pieces []piece) {
	for _, top := range windowStarts(level.Height) {
		for _, left := range windowStarts(level.Width) {
			pieces = append(pieces, piece{level, left, top, min(blazeBack, level.Width), min(blazeBack, level.Height), 0})
		}
	}
	return pieces
}

// windowStarts returns the first pixels of the windows along a side.
func windowStarts(side int) []int {
	if side <= blazeBack {
		return []int{0}
	}
	count := (side - blazeOverlap + blazeBack - blazeOverlap - 1) / (blazeBack - blazeOverlap)
	starts := make([]int, count)
	for i := range starts {
		starts[i] = i * (side - blazeBack) / (count - 1)
	}
	return starts
}

// turned returns the size of a piece after its turn.
func (p piece) turned() (width, height int) {
	if p.turn%2 == 1 {
		return p.height, p.width
	}
	return p.width, p.height
}

// placed is a piece at its place in an input.
type placed struct {
	piece
	x, y int
}

// pack arranges pieces on few inputs, in rows of falling height, each input's in its
// middle: no face is at an input's edge only because it is at the image's.
func pack(pieces []piece) (sheets [][]placed) {
	slices.SortStableFunc(pieces, func(a, b piece) int {
		_, first := a.turned()
		_, second := b.turned()
		return cmp.Compare(second, first)
	})
	var x, y, row int
	for _, p := range pieces {
		width, height := p.turned()
		if x+width > blazeBack {
			x, y, row = 0, y+row+sheetGap, 0
		}
		if len(sheets) == 0 || y+height > blazeBack {
			sheets = append(sheets, nil)
			x, y, row = 0, 0, 0
		}
		last := &sheets[len(sheets)-1]
		*last = append(*last, placed{p, x, y})
		x, row = x+width+sheetGap, max(row, height)
	}
	for _, s := range sheets {
		var right, bottom int
		for _, p := range s {
			width, height := p.turned()
			right, bottom = max(right, p.x+width), max(bottom, p.y+height)
		}
		for i := range s {
			s[i].x += (blazeBack - right) / 2
			s[i].y += (blazeBack - bottom) / 2
		}
	}
	return sheets
}

// draw writes a piece's samples into an input.
func (p placed) draw(input []float32) {
	n := p.level.Channels
	width, height := p.turned()
	// Steps in the level for one to the right and one down in the input.
	right, down := n, p.level.Width*n
	first := p.top*down + p.left*n
	for range p.turn {
		right, down = -down, right
	}
	first -= min(right, 0)*(width-1) + min(down, 0)*(height-1)
	for y := range height {
		out := input[3*((p.y+y)*blazeBack+p.x):]
		for x := range width {
			pixel := p.level.Pix[first+x*right+y*down:][:n]
			for c := range 3 {
				out[3*x+c] = toInput(float32(pixel[min(c, n-1)]))
			}
		}
	}
}

// far returns the distance of a position in the input from the piece.
func (p placed) far(q face.Point) float64 {
	width, height := p.turned()
	outside := func(at float64, from, length int) float64 { return max(float64(from)-at, at-float64(from+length), 0) }
	return math.Hypot(outside(q.X, p.x, width), outside(q.Y, p.y, height))
}

// toLevel maps a position in the input to one in the level.
func (p placed) toLevel(q face.Point) face.Point {
	q = face.Point{X: q.X - float64(p.x), Y: q.Y - float64(p.y)}
	width, height := p.turned()
	for range p.turn {
		q = face.Point{X: q.Y, Y: float64(width) - q.X}
		width, height = height, width
	}
	return face.Point{X: q.X + float64(p.left), Y: q.Y + float64(p.top)}
}
