package engine

import (
	"context"
	"fmt"
	"math"
	"slices"

	"upscaled/engine/face"
	"upscaled/engine/face/align"
	"upscaled/engine/imagedata"
	"upscaled/models/fault"
	"upscaled/models/network"
)

// Refiner is the upscaling model that refines faces if no face restorer is
// installed.
const Refiner = "realesrgan-x4plus"

// DetectorOptions select the faces to enhance.
type DetectorOptions struct {
	// Minimum is the shorter side of a face's box in input pixels, Maximum the
	// number of faces, of which the largest are cut.
	Minimum, Maximum int
	// Threshold is the least score; 0 is the detector's default.
	Threshold float64
}

// FaceMissing selects the behavior without an installed face restorer.
type FaceMissing string

const (
	// Refine runs an upscaling model on the aligned faces.
	Refine FaceMissing = "refine"
	// Refuse is an error before any work.
	Refuse FaceMissing = "error"
	// Ignore leaves faces as they are.
	Ignore FaceMissing = "ignore"
)

// Faces configures the enhancement of faces.
type Faces struct {
	DetectorOptions
	// Restorer is a name, or "" or "auto" for the best that is installed.
	Restorer string
	// Strength is 0 to 1: the restored face's part in the result.
	Strength float64
	// OnlyCentre takes only the face nearest to the image's center.
	OnlyCentre bool
	// At chooses faces by points of the upright input: each takes the face around it,
	// even a profile. Without points all faces are taken.
	At      []face.Point
	Missing FaceMissing
	// Report selects how the result lists the faces' places.
	Report FaceReport
}

// FaceReport says whether found faces are listed.
type FaceReport string

const (
	// ListFaces lists the faces of the first frame in FaceResult.
	ListFaces FaceReport = "list"
	// DetectFaces only lists them: nothing is enhanced.
	DetectFaces FaceReport = "detect"
	// mostListed bounds FaceResult.List.
	mostListed = 200
)

// FoundFace is a face of the first frame, in pixels of the upright input.
type FoundFace struct {
	face.Face
	Enhanced bool
}

// FaceResult reports what happened to the faces of all frames.
type FaceResult struct {
	// Found and Enhanced count faces.
	Found, Enhanced int
	// Restorer is the model's name, "" if none was used. Refined is set if it is a
	// Refiner.
	Restorer string
	Refined  bool
	// List holds the faces of the first frame if they were asked for, the largest
	// first.
	List []FoundFace
}

const (
	// minEyeDistance is in input pixels. Faces whose eyes are closer are dropped, as
	// in facexlib.
	minEyeDistance = 5
	// A face with less than leastFrontal whose eyes are closer than profileEyes, by its
	// width, is a profile: restorers know none, and one of its eyes is a guess. Faces
	// turned half aside have 0.35, profiles 0.15 to 0.25.
	leastFrontal, profileEyes = 0.1, 0.3
	// Sides of the square that is cut out for a refined face, in pixels.
	leastRefined, mostRefined = 32, 512
	refinedStep               = 8
)

// restoration is how one call enhances faces.
type restoration struct {
	faces    Faces
	detector face.Detector
	model    *network.Network
	result   FaceResult
}

// findRestorer loads the models that enhance faces, if the request asks for it,
// before any other work.
func (r *run) findRestorer(ctx context.Context) error {
	f, options := r.request.Faces, r.engine.options
	if f == nil || f.Strength == 0 && f.Report == "" {
		return nil
	}
	if !(f.Strength >= 0 && f.Strength <= 1) {
		return fault.New(fault.Invalid, "The strength of face enhancement must be from 0 to 1, not %g.", f.Strength)
	}
	if options.Detector == nil {
		return fault.New(fault.Unsupported, "Face enhancement is not available here.")
	}
	found := &restoration{faces: *f}
	var err error
	if f.Strength > 0 && f.Report != DetectFaces {
		if err = found.load(ctx, options.Library); err != nil || found.model == nil && f.Report == "" {
			return err
		}
	}
	r.restoration = found
	found.detector, err = options.Detector(ctx, f.DetectorOptions)
	return err
}

// load loads the model that enhances faces. It stays nil if none is installed and that
// is to be ignored.
func (r *restoration) load(ctx context.Context, library Library) error {
	name := r.faces.Restorer
	if name == "auto" {
		name = ""
	}
	var err error
	r.model, r.result.Restorer, err = library.LoadRestorer(ctx, name)
	if fault.KindOf(err) == fault.ModelMissing && name == "" {
		switch r.faces.Missing {
		case Ignore:
			return nil
		case Refine, "":
			r.result.Refined, r.result.Restorer = true, Refiner
			r.model, err = library.Load(ctx, Refiner, nil)
		}
	}
	return err
}

// note returns a sentence for the user if a refiner took the place of a restorer.
func (r *restoration) note() []string {
	if r == nil || !r.result.Refined || r.result.Enhanced == 0 {
		return nil
	}
	return []string{fmt.Sprintf("Faces were refined with %s and not restored: 'upscaled models pull gfpgan-v1.4' installs a face restorer.", r.result.Restorer)}
}

// patches finds and enhances the faces of one frame. The patches are for a frame of
// width x height pixels.
func (r *run) patches(ctx context.Context, frame imagedata.Raster, width, height int) ([]*align.Patch, error) {
	if r.restoration == nil {
		return nil, nil
	}
	found, err := r.restoration.detector.Detect(ctx, eightBits(frame))
	if err != nil {
		return nil, fmt.Errorf("find faces: %w", err)
	}
	first := r.restoration.result.Found == 0
	r.restoration.result.Found += len(found)
	scaleX := float64(width) / float64(frame.Width)
	scaleY := float64(height) / float64(frame.Height)
	var patches []*align.Patch
	enhanced := map[face.Face]bool{}
	for _, f := range r.restoration.chosen(found, frame) {
		patch, err := r.patch(ctx, frame, f, scaleX, scaleY)
		if err != nil {
			return nil, err
		}
		if patch != nil {
			patches = append(patches, patch)
			enhanced[f] = true
			r.restoration.result.Enhanced++
		}
	}
	if first && r.restoration.faces.Report != "" {
		for _, f := range found[:min(len(found), mostListed)] {
			r.restoration.result.List = append(r.restoration.result.List, FoundFace{f, enhanced[f]})
		}
	}
	return patches, nil
}

// chosen returns the faces to enhance: those with eyes far enough apart that are asked
// for by place, or are no profiles. Without a model it returns none.
func (r *restoration) chosen(found []face.Face, frame imagedata.Raster) []face.Face {
	if r.model == nil {
		return nil
	}
	kept := slices.DeleteFunc(slices.Clone(found), func(f face.Face) bool {
		l := f.Landmarks
		eyes := math.Hypot(l[face.RightEye].X-l[face.LeftEye].X, l[face.RightEye].Y-l[face.LeftEye].Y)
		return eyes < minEyeDistance || len(r.faces.At) == 0 && f.Frontal() < leastFrontal && eyes < profileEyes*f.Width
	})
	switch {
	case len(r.faces.At) > 0:
		return nearest(kept, r.faces.At, face.Face.Holds)
	case r.faces.OnlyCentre:
		middle := face.Point{X: float64(frame.Width) / 2, Y: float64(frame.Height) / 2}
		return nearest(kept, []face.Point{middle}, func(face.Face, face.Point) bool { return true })
	}
	return kept
}

// nearest returns, in their order, the faces of which one is the nearest to a point
// among those that may be.
func nearest(faces []face.Face, points []face.Point, may func(face.Face, face.Point) bool) []face.Face {
	taken := map[face.Face]bool{}
	for _, p := range points {
		least, best := math.Inf(1), -1
		for i, f := range faces {
			if d := math.Hypot(f.Left+f.Width/2-p.X, f.Top+f.Height/2-p.Y); d < least && may(f, p) {
				least, best = d, i
			}
		}
		if best >= 0 {
			taken[faces[best]] = true
		}
	}
	return slices.DeleteFunc(faces, func(f face.Face) bool { return !taken[f] })
}

// patch enhances one face. It returns nil if the landmarks make no face. Beyond the
// image's edge a restorer sees the edge repeated, and not facexlib's gray: with that,
// faces cut by the edge differ more from the same faces whole. Within the mask GFPGANs of
// random weights are off by 0.4 to 3.3 of 255 with the edge, by 3.3 to 6.6 with gray.
func (r *run) patch(ctx context.Context, frame imagedata.Raster, f face.Face, scaleX, scaleY float64) (*align.Patch, error) {
	cut, made := r.restoration.squares(f, math.Sqrt(scaleX*scaleY))
	into, err := align.Estimate(f.Landmarks, align.Template(cut))
	if err != nil {
		return nil, nil
	}
	crop := align.Crop(frame, into, cut)
	outline := align.Outline(crop, f, into)
	r.expect(int64(cut) * int64(cut))
	restored, err := r.wholePass(ctx, r.restoration.model, []imagedata.Raster{crop})
	if err != nil {
		return nil, fmt.Errorf("enhance face: %w", err)
	}
	into = into.ScaleBy(float64(made) / float64(cut))
	patch := align.NewPatch(restored[0], crop, into, scaleX, scaleY, r.restoration.faces.Strength)
	patch.Limit(outline)
	return patch, nil
}

// squares returns the sides of the square that is cut out for a face and of the
// model's output. A restorer has its own; a refiner gets as many pixels as produce
// the face's size in the output.
func (r *restoration) squares(f face.Face, scale float64) (cut, made int) {
	info := r.model.Info()
	if info.FixedWidth > 0 {
		return info.FixedWidth, info.FixedWidth * info.Scale
	}
	const side = 512
	into, err := align.Estimate(f.Landmarks, align.Template(side))
	if err != nil {
		return leastRefined, leastRefined * info.Scale
	}
	natural := side / math.Hypot(into.A, into.B) // in input pixels
	wanted := roundUp(int(math.Ceil(natural*scale/float64(info.Scale))), refinedStep)
	cut = min(max(wanted, leastRefined), mostRefined)
	return cut, cut * info.Scale
}

// eightBits returns a raster with 8 bits per sample, for detectors.
func eightBits(p imagedata.Raster) imagedata.Raster {
	if p.Pix16 == nil {
		return p
	}
	out := imagedata.NewRaster(p.Width, p.Height, p.Channels, 8)
	for i, v := range p.Pix16 {
		out.Pix[i] = uint8(v >> 8)
	}
	return out
}
