package detect

import (
	"context"
	"math"

	"upscaled/engine/face"
	"upscaled/engine/imagedata"
	"upscaled/models/fault"
)

// Cascades are the files in the folder cascade of github.com/esimov/pigo.
type Cascades struct {
	// Face and Pupil are facefinder and puploc.
	Face, Pupil []byte
	// Landmarks are the files in lps by name; LandmarkNames are required.
	Landmarks map[string][]byte
}

// The cascades of single points: lp93 finds the tip of the nose, lp84 the left
// corner of the mouth and, mirrored, the right one.
const (
	noseCascade  = "lp93"
	mouthCascade = "lp84"
)

// LandmarkNames returns the names of the files used of Cascades.Landmarks.
func LandmarkNames() []string { return []string{noseCascade, mouthCascade} }

// DefaultPigoThreshold is the lowest score of the faces in the trial set, some of
// them half covered by hair; false detections rarely reach it.
const DefaultPigoThreshold = 10.0

// Pigo finds faces with pigo's cascades. Its scores are sums over neighboring
// windows: weak detections have 10, clear portraits hundreds.
type Pigo struct {
	face               *faceCascade
	pupil, nose, mouth *pointCascade
	options            Options
}

// NewPigo parses the cascades and does not keep them.
func NewPigo(c Cascades, o Options) (*Pigo, error) {
	d, err := new(Pigo).With(o)
	if err != nil {
		return nil, err
	}
	if d.face, err = parseFaceCascade(c.Face); err != nil {
		return nil, err
	}
	for _, part := range []struct {
		to   **pointCascade
		name string
		data []byte
	}{
		{&d.pupil, "pupil", c.Pupil},
		{&d.nose, noseCascade, c.Landmarks[noseCascade]},
		{&d.mouth, mouthCascade, c.Landmarks[mouthCascade]},
	} {
		if *part.to, err = parsePointCascade(part.name, part.data); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// With returns d with other options; both share the cascades.
func (d *Pigo) With(o Options) (*Pigo, error) {
	o, err := o.withDefaults(DefaultPigoThreshold)
	other := *d
	other.options = o
	return &other, err
}

// Name returns "pigo".
func (d *Pigo) Name() string { return "pigo" }

const (
	// searchedSide bounds the longest side of the copy that is searched, in
	// samples: cost grows with its area, and so does the smallest face found
	// (see smallestWindow).
	searchedSide = 1600
	// smallestWindow is the smallest the face cascade can recognize, in samples.
	smallestWindow = 20
	// marginPart of the shorter side surrounds the copy, so that faces slightly
	// cut by the image's edge are found.
	marginPart = 0.125
)

// searchedRolls returns the angles searched. The cascade tolerates about 15
// degrees to either side of each, so faces up to 30 degrees are found; in group
// photos the upright search alone misses one face in five. Three angles take 2.7
// times as long as one: 0.27 s instead of 0.10 s for one megapixel on two cores,
// 0.9 s instead of 0.35 s for twelve.
func searchedRolls() []float64 {
	return []float64{0, -20 * math.Pi / 180, 20 * math.Pi / 180}
}

// Detect implements face.Detector.
func (d *Pigo) Detect(ctx context.Context, p imagedata.Raster) ([]face.Face, error) {
	if err := begin(ctx, p); err != nil {
		return nil, err
	}
	if min(p.Width, p.Height) < smallestWindow {
		return nil, nil
	}
	factor := (max(p.Width, p.Height) + searchedSide - 1) / searchedSide
	shorter := min(p.Width, p.Height) / factor
	margin := int(marginPart * float64(shorter))
	reduced := shrink(p, factor, margin)
	smallest := max(smallestWindow, d.options.MinimumFace/factor)
	windows, err := d.face.scan(ctx, reduced, smallest, shorter+margin, searchedRolls())
	if err != nil {
		return nil, canceled(ctx)
	}
	var faces []face.Face
	for _, w := range cluster(windows) {
		if ctx.Err() != nil {
			return nil, canceled(ctx)
		}
		if w.score < d.options.Threshold {
			continue
		}
		if f, ok := d.examine(p, reduced, factor, w); ok {
			faces = append(faces, f)
		}
	}
	return finish(suppress(faces, facesOverlap), d.options), nil
}

// facesOverlap merges detections of one face after their landmarks are known.
const facesOverlap = 0.3

func canceled(ctx context.Context) error {
	return fault.Wrap(fault.Canceled, ctx.Err(), "The face detection was canceled.")
}
