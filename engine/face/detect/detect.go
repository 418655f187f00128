// Package detect finds faces and five landmarks of each. Pigo runs the small
// decision-tree cascades of github.com/esimov/pigo and needs nothing else; Blaze and
// YuNet run neural networks that the caller provides.
package detect

import (
	"context"

	"upscaled/engine/imagedata"
	"upscaled/models/fault"
)

// Options say which detections count. The zero value means all defaults.
type Options struct {
	// MinimumFace is the shortest side of a face's box in pixels of the image; 0
	// means DefaultMinimumFace. Smaller faces are dropped.
	MinimumFace int
	// Threshold is the lowest score that passes, on the detector's own scale; 0
	// means its default.
	Threshold float64
	// MaximumFaces keeps that many of the largest faces; 0 keeps all.
	MaximumFaces int
}

const (
	// DefaultMinimumFace is about the smallest face whose features a restorer
	// can recognize: its eyes are about 11 pixels apart.
	DefaultMinimumFace = 32
	// MinimumEyeDistance is GFPGAN's limit, in pixels (gfpgan/utils.py ignores
	// faces whose eyes are closer).
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

// begin rejects canceled calls and rasters outside face.Detector's contract.
func begin(ctx context.Context, p imagedata.Raster) error {
	if p.Channels != 1 && p.Channels != 3 {
		return fault.New(fault.Invalid, "Face detection needs images of 1 or 3 channels, not %d.", p.Channels)
	}
	if p.Width < 0 || p.Height < 0 || len(p.Pix) != p.Width*p.Height*p.Channels {
		return fault.New(fault.Invalid, "Face detection needs complete images of 8 bits per channel.")
	}
	if ctx.Err() != nil {
		return canceled(ctx)
	}
	return nil
}
