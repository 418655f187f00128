// Package detect finds faces and five points of each. Pigo runs the small
// decision-tree cascades of github.com/esimov/pigo and needs nothing else;
// YuNet runs a neural network that the caller provides.
package detect

import (
	"upscaled/engine/imagedata"
	"upscaled/models/fault"
)

// Options says which finds count. The zero value takes every default.
type Options struct {
	// MinimumFace is the shortest side of a face's box in pixels of the
	// picture; 0 stands for DefaultMinimumFace. Smaller faces are dropped.
	MinimumFace int
	// Threshold is the lowest score that passes, on the detector's own scale;
	// 0 stands for its default.
	Threshold float64
	// MaximumFaces keeps that many of the largest; 0 keeps all.
	MaximumFaces int
}

const (
	// DefaultMinimumFace is about the smallest face whose features a restorer
	// can tell: its eyes are some 11 pixels apart.
	DefaultMinimumFace = 32
	// MinimumEyeDistance is GFPGAN's own limit, in pixels (gfpgan/utils.py:
	// faces whose eyes are nearer are ignored).
	MinimumEyeDistance = 5.0
)

func (o Options) withDefaults(threshold float64) (Options, error) {
	if o.MinimumFace < 0 || o.MaximumFaces < 0 || !(o.Threshold >= 0) {
		return o, fault.New(fault.Invalid, "The settings of face detection must not be negative.")
	}
	if o.MinimumFace == 0 {
		o.MinimumFace = DefaultMinimumFace
	}
	if o.Threshold == 0 {
		o.Threshold = threshold
	}
	return o, nil
}

// checkRaster refuses what face.Detector does not promise to take.
func checkRaster(p imagedata.Raster) error {
	if p.Channels != 1 && p.Channels != 3 {
		return fault.New(fault.Invalid, "Faces are looked for in pictures of 1 or 3 channels, not %d.", p.Channels)
	}
	if p.Width < 0 || p.Height < 0 || len(p.Pix) != p.Width*p.Height*p.Channels {
		return fault.New(fault.Invalid, "Faces are looked for in complete pictures of 8 bits a channel.")
	}
	return nil
}
