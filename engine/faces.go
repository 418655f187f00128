package engine

import (
	"context"
	"fmt"
	"math"

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
	// Minimum is the shorter side of a face's box in input pixels, Maximum how
	// many faces are taken, the largest first.
	Minimum, Maximum int
	// Threshold is the least score, 0 the detector's own default.
	Threshold float64
}

// FaceMissing decides what happens where no face restorer is installed.
type FaceMissing string

const (
	// Refine runs a super-resolution network on the aligned faces.
	Refine FaceMissing = "refine"
	// Refuse is an error before any work.
	Refuse FaceMissing = "error"
	// Ignore leaves faces as they are.
	Ignore FaceMissing = "ignore"
)

// Faces ask for faces to be enhanced.
type Faces struct {
	DetectorOptions
	// Restorer is a name, or "" or "auto" for the best that is installed.
	Restorer string
	// Strength is 0..1: how much of the restored face is blended in.
	Strength float64
	// OnlyCentre takes the face nearest to the picture's centre alone.
	OnlyCentre bool
	Missing    FaceMissing
}

// FaceResult tells what became of the faces of all frames.
type FaceResult struct {
	// Found and Enhanced count faces.
	Found, Enhanced int
	// Restorer is the network's name, "" where none was used. Refined says
	// that it is a super-resolution network in place of a restorer.
	Restorer string
	Refined  bool
}

const (
	// minEyeDistance drops faces whose eyes are nearer, in input pixels, as
	// facexlib does: nothing can be said of so few pixels.
	minEyeDistance = 5
	// Sides of the square that a refined face is cut out with, in pixels.
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
	if f == nil || f.Strength == 0 {
		return nil
	}
	if !(f.Strength > 0 && f.Strength <= 1) {
		return fault.New(fault.Invalid, "The strength of face enhancement must be from 0 to 1, not %g.", f.Strength)
	}
	if options.Detector == nil {
		return fault.New(fault.Unsupported, "Face enhancement is not available here.")
	}
	found := &restoration{faces: *f}
	name := f.Restorer
	if name == "auto" {
		name = ""
	}
	var err error
	found.model, found.result.Restorer, err = options.Library.LoadRestorer(ctx, name)
	if fault.KindOf(err) == fault.ModelMissing && name == "" {
		switch f.Missing {
		case Ignore:
			return nil
		case Refine, "":
			found.result.Refined, found.result.Restorer = true, Refiner
			found.model, err = options.Library.Load(ctx, Refiner, nil)
		}
	}
	if err != nil {
		return err
	}
	r.restoration = found
	found.detector, err = options.Detector(ctx, f.DetectorOptions)
	return err
}

// note tells the user what was used in place of a restorer.
func (r *restoration) note() []string {
	if r == nil || !r.result.Refined || r.result.Enhanced == 0 {
		return nil
	}
	return []string{fmt.Sprintf("Faces were refined with %s and not restored: 'upscaled models pull gfpgan-v1.4' installs a face restorer.", r.result.Restorer)}
}

// patches finds and enhances the faces of one frame. Each patch is blended
// into the enlarged frame, whose pixels are scaleX and scaleY as many.
func (r *run) patches(ctx context.Context, frame imagedata.Raster, width, height int) ([]*align.Patch, error) {
	if r.restoration == nil {
		return nil, nil
	}
	found, err := r.restoration.detector.Detect(ctx, eightBits(frame))
	if err != nil {
		return nil, fmt.Errorf("find faces: %w", err)
	}
	r.restoration.result.Found += len(found)
	scaleX := float64(width) / float64(frame.Width)
	scaleY := float64(height) / float64(frame.Height)
	var patches []*align.Patch
	for _, f := range r.restoration.chosen(found, frame) {
		patch, err := r.patch(ctx, frame, f, scaleX, scaleY)
		if err != nil {
			return nil, err
		}
		if patch != nil {
			patches = append(patches, patch)
			r.restoration.result.Enhanced++
		}
	}
	return patches, nil
}

// chosen drops faces that are too small and, where asked for, all but the one
// nearest to the centre.
func (r *restoration) chosen(found []face.Face, frame imagedata.Raster) []face.Face {
	var kept []face.Face
	nearest := math.Inf(1)
	for _, f := range found {
		eyes := math.Hypot(f.Landmarks[face.RightEye].X-f.Landmarks[face.LeftEye].X, f.Landmarks[face.RightEye].Y-f.Landmarks[face.LeftEye].Y)
		if eyes < minEyeDistance {
			continue
		}
		distance := math.Hypot(f.Left+f.Width/2-float64(frame.Width)/2, f.Top+f.Height/2-float64(frame.Height)/2)
		switch {
		case !r.faces.OnlyCentre:
			kept = append(kept, f)
		case distance < nearest:
			kept, nearest = []face.Face{f}, distance
		}
	}
	return kept
}

// patch enhances one face; nil where its points make no face.
func (r *run) patch(ctx context.Context, frame imagedata.Raster, f face.Face, scaleX, scaleY float64) (*align.Patch, error) {
	taken, given := r.squares(f, math.Sqrt(scaleX*scaleY))
	into, err := align.Estimate(f.Landmarks, align.Template(taken))
	if err != nil {
		return nil, nil
	}
	crop := align.Crop(frame, into, taken)
	r.expect(int64(taken) * int64(taken))
	restored, err := r.wholePass(ctx, r.restoration.model, []imagedata.Raster{crop})
	if err != nil {
		return nil, fmt.Errorf("enhance face: %w", err)
	}
	into = into.ScaleBy(float64(given) / float64(taken))
	return align.NewPatch(restored[0], crop, into, scaleX, scaleY, r.restoration.faces.Strength), nil
}

// squares are the sides of the square that is cut out for a face and of the
// one that the network makes of it. A restorer has its own; a refiner gets as
// many pixels as give the face's size in the output.
func (r *run) squares(f face.Face, scale float64) (taken, given int) {
	facts := r.restoration.model.Info()
	if facts.FixedWidth > 0 {
		return facts.FixedWidth, facts.FixedWidth * facts.Scale
	}
	const side = 512
	into, err := align.Estimate(f.Landmarks, align.Template(side))
	if err != nil {
		return leastRefined, leastRefined * facts.Scale
	}
	natural := side / math.Hypot(into.A, into.B) // in input pixels
	wanted := roundUp(int(math.Ceil(natural*scale/float64(facts.Scale))), refinedStep)
	taken = min(max(wanted, leastRefined), mostRefined)
	return taken, taken * facts.Scale
}

// eightBits is a raster as detectors take it.
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
