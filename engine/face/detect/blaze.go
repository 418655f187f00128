package detect

import (
	"cmp"
	"context"
	"math"
	"slices"
	"sync"

	"upscaled/engine/face"
	"upscaled/engine/imagedata"
	"upscaled/engine/parallel"
	"upscaled/engine/resize"
	"upscaled/models/fault"
)

// DefaultBlazeThreshold separates faces from chance patterns once a candidate was
// looked at upright: faces of the trial set reach 0.75, half covered ones too, those of
// very noisy photographs 0.6. Of 85 photographs without people one has a candidate
// above 0.55: a dog's face, at 0.65.
const DefaultBlazeThreshold = 0.66

const (
	// Sides of the two variants' inputs, in pixels.
	blazeBack, blazeFront = 256, 128
	// blazeLeast is the smallest face, in input pixels, that the back variant finds
	// at any position and roll; see TestBlazeSizes.
	blazeLeast = 12
	// blazeStep is the ratio of the pyramid's levels.
	blazeStep = 2
	// blazeOverlap of the windows of a level, in input pixels: a face that is larger
	// is found on the next level.
	blazeOverlap = blazeStep*blazeLeast + 12
	// candidateScore is the least score of a candidate. Faces upside down reach 0.5.
	candidateScore = 0.5
	// mostCandidates bounds the time for images full of faces or of patterns.
	mostCandidates = 1000
	// confirmedAtOnce is the number of candidates that are confirmed at a time.
	confirmedAtOnce = 32
)

// Blaze finds faces at any roll with both variants of BlazeFace (Bazarevsky et al.,
// 2019): the back camera's searches windows of a pyramid of reduced copies, the front
// camera's confirms each candidate in a crop turned upright. Its scores are 0..1.
type Blaze struct {
	back, front variant
	options     Options
	invalid     error
}

// NewBlaze takes the two loaded models. Detect reports options out of range.
func NewBlaze(back, front TensorNetwork, o Options) *Blaze {
	o, err := o.withDefaults(DefaultBlazeThreshold)
	if err == nil && o.Threshold > 1 {
		err = fault.New(fault.Invalid, "The threshold of BlazeFace must be between 0 and 1.")
	}
	return &Blaze{back: variant{back, blazeBack}, front: variant{front, blazeFront}, options: o, invalid: err}
}

// Name returns "blazeface".
func (d *Blaze) Name() string { return "blazeface" }

// Detect implements face.Detector.
func (d *Blaze) Detect(ctx context.Context, p imagedata.Raster) ([]face.Face, error) {
	if d.invalid != nil {
		return nil, d.invalid
	}
	if err := begin(ctx, p); err != nil {
		return nil, err
	}
	if min(p.Width, p.Height) < blazeLeast {
		return nil, nil
	}
	copies := d.copies(p)
	candidates, err := d.search(ctx, copies[1:])
	if err != nil {
		return nil, err
	}
	// The largest come first, in groups: more than the wanted number need not be looked at.
	slices.SortStableFunc(candidates, func(a, b sighting) int { return cmp.Compare(b.width, a.width) })
	var faces []face.Face
	for group := range slices.Chunk(candidates, confirmedAtOnce) {
		confirmed := make([]face.Face, len(group))
		if err := each(len(group), func(i int) (err error) {
			confirmed[i], err = d.confirm(ctx, copies, group[i])
			return err
		}); err != nil {
			return nil, err
		}
		confirmed = slices.DeleteFunc(confirmed, func(f face.Face) bool { return f.Score < d.options.Threshold })
		faces = suppress(append(faces, confirmed...), facesOverlap)
		if d.options.MaximumFaces > 0 && len(faces) >= d.options.MaximumFaces {
			break
		}
	}
	return finish(faces, d.options), nil
}

// each runs work for 0..n-1 on all cores and returns the first error by index.
func each(n int, work func(i int) error) error {
	var mu sync.Mutex // guards first and at
	first, at := error(nil), n
	parallel.For(n, func(i int) {
		mu.Lock()
		skip := i > at
		mu.Unlock()
		if skip {
			return
		}
		if err := work(i); err != nil {
			mu.Lock()
			defer mu.Unlock()
			if i < at {
				first, at = err, i
			}
		}
	})
	return first
}

// reduced is a copy of the image with the size of its pixels in the image's.
type reduced struct {
	imagedata.Raster
	toX, toY float64
}

func (r reduced) toImage(p face.Point) face.Point { return face.Point{X: p.X * r.toX, Y: p.Y * r.toY} }

// copies returns the image and then the levels to search. The first has the smallest
// wanted faces at blazeLeast pixels, the last the whole image in the middle half of
// one window, for faces that fill it.
func (d *Blaze) copies(p imagedata.Raster) []reduced {
	all := []reduced{{p, 1, 1}}
	longest := float64(max(p.Width, p.Height))
	for scale := min(1, blazeLeast/float64(d.options.MinimumFace)); ; scale /= blazeStep {
		width, height := sideAt(p.Width, scale), sideAt(p.Height, scale)
		level := resize.Whole(all[len(all)-1].Raster, width, height)
		all = append(all, reduced{level, float64(p.Width) / float64(width), float64(p.Height) / float64(height)})
		if longest*scale <= blazeBack/2 {
			return all
		}
	}
}

// search returns the candidates of all levels in pixels of the image, the best first.
func (d *Blaze) search(ctx context.Context, levels []reduced) ([]sighting, error) {
	var all []sighting
	for i, level := range levels {
		found, err := d.level(ctx, level.Raster, turnsOf(i))
		if err != nil {
			return nil, err
		}
		for _, s := range found {
			all = append(all, s.mapped((level.toX+level.toY)/2, level.toImage))
		}
	}
	all = blend(all, facesOverlap)
	return all[:min(len(all), mostCandidates)], nil
}

// turnsOf returns the quarters of a turn in which a level is searched: the variants
// know faces rolled by up to about 60 degrees. The finest level, most of the time, is
// searched upright and upside down.
func turnsOf(level int) []int {
	if level == 0 {
		return []int{0, 2}
	}
	return []int{0, 1, 2, 3}
}

func sideAt(side int, scale float64) int { return max(1, int(math.Round(float64(side)*scale))) }

// level searches one copy in overlapping windows, each turned by some quarters.
func (d *Blaze) level(ctx context.Context, p imagedata.Raster, turns []int) ([]sighting, error) {
	columns, rows := windowStarts(p.Width), windowStarts(p.Height)
	found := make([][]sighting, len(columns)*len(rows)*len(turns))
	err := each(len(found), func(i int) error {
		turn, window := turns[i%len(turns)], i/len(turns)
		left, top := columns[window%len(columns)], rows[window/len(columns)]
		here, err := d.look(ctx, d.back, func(out []float32) {
			fillWindow(out, p, left, top)
			for range turn {
				quarterTurn(out)
			}
		})
		for _, s := range here {
			found[i] = append(found[i], s.mapped(1, func(q face.Point) face.Point {
				for range turn {
					q = face.Point{X: q.Y, Y: blazeBack - q.X}
				}
				return face.Point{X: q.X + float64(left), Y: q.Y + float64(top)}
			}))
		}
		return err
	})
	return blend(slices.Concat(found...), facesOverlap), err
}

// windowStarts returns the first pixels of the windows along a side. A side shorter
// than a window is in its middle, so that no face is at the input's edge only because
// it is at the image's.
func windowStarts(side int) []int {
	if side <= blazeBack {
		return []int{(side - blazeBack) / 2}
	}
	count := (side - blazeOverlap + blazeBack - blazeOverlap - 1) / (blazeBack - blazeOverlap)
	starts := make([]int, count)
	for i := range starts {
		starts[i] = i * (side - blazeBack) / (count - 1)
	}
	return starts
}

// fillWindow writes a window's samples as the networks take them: interleaved RGB from
// -1 to 1. It is black outside the image.
func fillWindow(out []float32, p imagedata.Raster, left, top int) {
	for i := range out {
		out[i] = -1
	}
	from, end := max(0, -left), min(blazeBack, p.Width-left)
	for y := max(0, -top); y < min(blazeBack, p.Height-top); y++ {
		row := p.Pix[((y+top)*p.Width+left+from)*p.Channels:][:(end-from)*p.Channels]
		toInput(out[(y*blazeBack+from)*3:], row, p.Channels)
	}
}

// quarterTurn turns a window's samples clockwise: it swaps rows and columns, then left
// and right.
func quarterTurn(window []float32) {
	type rgb = [3]float32
	at := func(x, y int) *rgb { return (*rgb)(window[3*(y*blazeBack+x):]) }
	for y := range blazeBack {
		for x := range y {
			a, b := at(x, y), at(y, x)
			*a, *b = *b, *a
		}
	}
	for y := range blazeBack {
		for x := range blazeBack / 2 {
			a, b := at(x, y), at(blazeBack-1-x, y)
			*a, *b = *b, *a
		}
	}
}

// toInput converts samples; gray is repeated in three channels.
func toInput(out []float32, row []uint8, channels int) {
	for x := range len(row) / channels {
		for c := range 3 {
			out[3*x+c] = float32(row[x*channels+min(c, channels-1)])/127.5 - 1
		}
	}
}

// look runs a variant on the input that fill writes.
func (d *Blaze) look(ctx context.Context, v variant, fill func([]float32)) ([]sighting, error) {
	input := make([]float32, v.side*v.side*3)
	fill(input)
	outputs, err := v.network.Run(ctx, input, []int64{1, int64(v.side), int64(v.side), 3})
	if err != nil {
		return nil, err
	}
	found, err := decodeBlaze(outputs, float64(v.side), candidateScore)
	return blend(found, facesOverlap), err
}
