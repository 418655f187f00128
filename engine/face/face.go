// Package face holds what finding, aligning and restoring faces have in
// common. Its folders do one step each: detect finds faces in a picture, align
// brings one upright into a restorer's square and back onto the enlarged
// picture.
package face

import (
	"context"

	"upscaled/engine/imagedata"
)

// Point is in pixels of the picture, from the left and from the top; the
// centre of the first pixel is (0.5, 0.5).
type Point struct{ X, Y float64 }

// Landmarks are five points of a face as a viewer sees it: the eye on the left
// of the picture and the one on the right (centres), tip of the nose, left
// and right corner of the mouth.
type Landmarks [5]Point

// The order of Landmarks.
const (
	LeftEye = iota
	RightEye
	Nose
	LeftMouth
	RightMouth
)

// Face is one that was found.
type Face struct {
	// Left, Top, Width and Height bound it, in pixels; parts may lie outside
	// the picture.
	Left, Top, Width, Height float64
	// Score is the detector's own, comparable within one detector only;
	// Threshold of its package says what passes.
	Score     float64
	Landmarks Landmarks
}

// Detector finds faces. It may be used concurrently.
type Detector interface {
	// Name is for notes and logs, such as "pigo".
	Name() string
	// Detect looks for faces in an upright picture of 8 bits with 1 or 3
	// channels, which it neither keeps nor changes. The largest faces come
	// first; overlapping finds are merged. No face is no error.
	Detect(ctx context.Context, p imagedata.Raster) ([]Face, error)
}

// Restorer makes a better picture of one aligned face. It may be used
// concurrently.
type Restorer interface {
	Name() string
	// Size is the side of the square that it takes and gives, in pixels.
	Size() int
	// Restore takes a square raster of 3 channels in 8 or 16 bits, upright and
	// aligned to align.Template, and gives a new one of the same kind.
	Restore(ctx context.Context, aligned imagedata.Raster) (imagedata.Raster, error)
}
