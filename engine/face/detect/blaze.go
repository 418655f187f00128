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
	// at any position and roll; see TestBlazeRecall.
	blazeLeast = 12
	// blazeStep is the ratio of the pyramid's levels.
	blazeStep = 2
	// blazeOverlap of the windows of a level, in input pixels: a face that is larger
	// is found on the next level.
	blazeOverlap = blazeStep*blazeLeast + 12
	// candidateScore is the least score of a candidate, hintScore of a place that is
	// searched in other quarters of a turn, and hintReach the side of its surroundings
	// relative to the hint, of at least leastSurroundings input pixels.
	candidateScore, hintScore    = 0.5, 0.2
	hintReach, leastSurroundings = 3, 64
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
// one window, for faces that fill it. Levels that are too narrow for a face are left out.
func (d *Blaze) copies(p imagedata.Raster) []reduced {
	all := []reduced{{p, 1, 1}}
	shortest, longest := float64(min(p.Width, p.Height)), float64(max(p.Width, p.Height))
	//guard:narrow TestBlazeShapes => true
	for scale := min(1, blazeLeast/float64(d.options.MinimumFace)); shortest*scale >= blazeLeast; scale /= blazeStep {
		width, height := sideAt(p.Width, scale), sideAt(p.Height, scale)
		level := resize.Whole(all[len(all)-1].Raster, width, height)
		all = append(all, reduced{level, float64(p.Width) / float64(width), float64(p.Height) / float64(height)})
		if longest*scale <= blazeBack/2 {
			break
		}
	}
	return all
}

// search returns the candidates of all levels in pixels of the image, the best first.
// The variants know faces rolled by up to about 60 degrees; others leave a hint of a face
// at least, around which the level is searched in the other quarters of a turn.
func (d *Blaze) search(ctx context.Context, levels []reduced) ([]sighting, error) {
	var pieces []piece
	for i := range levels {
		pieces = append(pieces, cover(&levels[i])...)
	}
	hints, err := d.scan(ctx, pieces)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(hints, func(a, b hint) int { return cmp.Compare(b.score, a.score) })
	hints = hints[:min(len(hints), mostCandidates)]
	var turned []piece
	for _, h := range hints {
		if h.score < clearScore {
			turned = append(turned, h.around()...)
		}
	}
	others, err := d.scan(ctx, turned)
	var all []sighting
	for _, h := range append(hints, others...) {
		if h.score >= candidateScore {
			all = append(all, h.mapped((h.in.level.toX+h.in.level.toY)/2, h.in.level.toImage))
		}
	}
	all = blend(all, facesOverlap)
	return all[:min(len(all), mostCandidates)], err
}

func sideAt(side int, scale float64) int { return max(1, int(math.Round(float64(side)*scale))) }

// hint is a sighting in a piece, in pixels of its level.
type hint struct {
	sighting
	in piece
}

// around returns the surroundings of a hint in the other quarters of a turn.
func (h hint) around() (turned []piece) {
	side := min(blazeBack, int(max(hintReach*h.width, leastSurroundings)))
	p := h.in
	p.left, p.width = within(h.center.X, side, p.level.Width)
	p.top, p.height = within(h.center.Y, side, p.level.Height)
	for p.turn = 1; p.turn < 4; p.turn++ {
		turned = append(turned, p)
	}
	return turned
}

// within returns the part of a range around a position that is between 0 and end.
func within(middle float64, side, end int) (first, length int) {
	first = min(max(int(middle)-side/2, 0), max(0, end-side))
	return first, min(side, end-first)
}

// scan returns what the back variant sees in pieces that are packed into its inputs.
func (d *Blaze) scan(ctx context.Context, pieces []piece) ([]hint, error) {
	sheets := pack(pieces)
	found := make([][]hint, len(sheets))
	err := each(len(sheets), func(i int) error {
		input := make([]float32, blazeBack*blazeBack*3)
		for k := range input {
			input[k] = -1 // black
		}
		for _, p := range sheets[i] {
			p.draw(input)
		}
		seen, err := d.look(ctx, d.back, input, hintScore)
		for _, s := range seen {
			p := slices.MinFunc(sheets[i], func(a, b placed) int { return cmp.Compare(a.far(s.center), b.far(s.center)) })
			found[i] = append(found[i], hint{s.mapped(1, p.toLevel), p.piece})
		}
		return err
	})
	return slices.Concat(found...), err
}

// toInput converts a sample as the networks take it, from -1 to 1.
func toInput(sample float32) float32 { return sample/127.5 - 1 }

// look runs a variant on an input, which it takes, and returns sightings of at least
// the given score, the best first.
func (d *Blaze) look(ctx context.Context, v variant, input []float32, least float64) ([]sighting, error) {
	outputs, err := v.network.Run(ctx, input, []int64{1, int64(v.side), int64(v.side), 3})
	if err != nil {
		return nil, err
	}
	found, err := decodeBlaze(outputs, float64(v.side), least)
	return blend(found, facesOverlap), err
}
