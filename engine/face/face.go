// Package face defines the types shared by detecting, aligning and restoring
// faces. Package detect finds faces in an image; package align rotates one upright
// into a restorer's square and blends it into the upscaled image.
package face

import (
	"context"

	"upscaled/engine/imagedata"
)

// Point is in pixels of the image, from the left and the top; the center of the
// first pixel is (0.5, 0.5).
type Point struct{ X, Y float64 }

// Landmarks are five points of a face as a viewer sees it: the centers of the
// eyes, left of the image first, the tip of the nose, and the left and right
// corners of the mouth. A detector that finds only the mouth's center stores it as
// both corners.
type Landmarks [5]Point

// The order of Landmarks.
const (
	LeftEye = iota
	RightEye
	Nose
	LeftMouth
	RightMouth
)

// Face is a detected face.
type Face struct {
	// Left, Top, Width and Height bound it, in pixels; parts may be outside the
	// image.
	Left, Top, Width, Height float64
	// Score is comparable within one detector only; see Threshold in detect.
	Score     float64
	Landmarks Landmarks
	// Ears are the openings of the left and right ear, as a viewer sees them; both
	// are zero if the detector does not find ears.
	Ears [2]Point
}

// Holds reports whether a point is inside the face's box.
func (f Face) Holds(p Point) bool {
	return p.X >= f.Left && p.Y >= f.Top && p.X < f.Left+f.Width && p.Y < f.Top+f.Height
}

// Frontal returns the ratio of the distances from the nose to the ears along the line
// of the eyes, the smaller by the larger: about 1 for a face that looks at the camera
// and 0 for a profile. Without ears it is 1.
func (f Face) Frontal() float64 {
	l := f.Landmarks
	x, y := l[RightEye].X-l[LeftEye].X, l[RightEye].Y-l[LeftEye].Y
	along := func(from, to Point) float64 { return (to.X-from.X)*x + (to.Y-from.Y)*y }
	left, right := along(f.Ears[0], l[Nose]), along(l[Nose], f.Ears[1])
	switch {
	case f.Ears == [2]Point{}:
		return 1
	case min(left, right) <= 0:
		return 0
	}
	return min(left, right) / max(left, right)
}

// Detector finds faces. It is safe for concurrent use.
type Detector interface {
	// Name is for notes and logs, for example "pigo".
	Name() string
	// Detect finds faces in an upright 8-bit image of 1 or 3 channels, which it
	// neither keeps nor changes. The largest faces come first; overlapping
	// detections are merged. Finding no face is not an error.
	Detect(ctx context.Context, p imagedata.Raster) ([]Face, error)
}

// Restorer improves an image of one aligned face. It is safe for concurrent use.
type Restorer interface {
	Name() string
	// Size returns the side of its input and output squares, in pixels.
	Size() int
	// Restore takes a square 3-channel raster of 8 or 16 bits, upright and aligned
	// to align.Template, and returns a new one of the same kind.
	Restore(ctx context.Context, aligned imagedata.Raster) (imagedata.Raster, error)
}
