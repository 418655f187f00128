package automatic1111

import (
	"context"
	"math"

	"upscaled/engine/imagedata"
	"upscaled/models/fault"
	"upscaled/server/job"
)

// plan is how one picture becomes its result.
type plan struct {
	first Upscaler
	// second covers the first by share; share 0 means that there is none.
	second Upscaler
	share  float64
	// width and height are those before the crop.
	width, height int
	// cropWidth and cropHeight are 0 where nothing is cropped.
	cropWidth, cropHeight int
	// byScale, where not 0, is the factor that makes width and height.
	byScale float64
	faces   *job.FaceOptions
}

// size is the exact size in pixels of a picture's result, before the crop. The
// vendor cuts it to multiples of 8, which leaves black edges where it crops;
// this server does not.
func (r request) size(width, height int) (int, int) {
	if r.toSize {
		return cover(width, height, r.width, r.height)
	}
	return scaled(width, r.scale), scaled(height, r.scale)
}

func scaled(side int, scale float64) int { return max(1, int(math.Round(float64(side)*scale))) }

// cover is the least size of a picture's shape that covers a target: one side
// is the target's, the other is at least the target's, to the nearest pixel.
func cover(width, height, targetWidth, targetHeight int) (int, int) {
	w, h, tw, th := int64(width), int64(height), int64(targetWidth), int64(targetHeight)
	if tw*h >= th*w {
		return targetWidth, max(targetHeight, int((2*h*tw+w)/(2*w)))
	}
	return max(targetWidth, int((2*w*th+h)/(2*h))), targetHeight
}

// choice is what an order asks for whatever the picture.
type choice struct {
	first, second Upscaler
	share         float64
	faces         *job.FaceOptions
}

// choose finds the upscalers and the face restorer. Like the vendor it looks
// at the second upscaler only where there is a first.
func (a *API) choose(ctx context.Context, r request) (choice, error) {
	first, err := a.config.upscaler(r.first)
	if err != nil {
		return choice{}, err
	}
	c := choice{first: first}
	if first.Name != none {
		if c.second, err = a.config.upscaler(r.second); err != nil {
			return choice{}, err
		}
		if c.second.Name != none {
			c.share = r.secondShare
		}
	}
	c.faces, err = a.faces(ctx, r)
	return c, err
}

// faces are the options of face restoration; nil where none is asked for.
func (a *API) faces(ctx context.Context, r request) (*job.FaceOptions, error) {
	f := &job.FaceOptions{Strength: &r.gfpgan, Restorer: a.config.GFPGAN}
	switch {
	case r.gfpgan > 0 && r.codeformer > 0:
		return nil, exception("ValueError", "This server runs one face restorer: set either gfpgan_visibility or codeformer_visibility to 0.")
	case r.codeformer > 0 && a.config.CodeFormer == "":
		return nil, exception("ValueError", "CodeFormer is not installed on this server: set codeformer_visibility to 0, or use gfpgan_visibility.")
	case r.codeformer > 0 && r.weight != a.config.CodeFormerWeight:
		return nil, exception("ValueError", "The CodeFormer of this server has the codeformer_weight "+decimal(a.config.CodeFormerWeight)+" and no other.")
	case r.codeformer > 0:
		f.Strength, f.Restorer = &r.codeformer, a.config.CodeFormer
	case r.gfpgan == 0:
		return nil, nil
	}
	if f.Restorer != "" || a.services.Faces == nil {
		return f, nil
	}
	err := a.services.Faces(ctx)
	switch fault.KindOf(err) {
	case fault.ModelMissing, fault.NotFound, fault.Unsupported:
		return nil, errNoFaces
	}
	return f, err
}

// planOf lays the choice on one picture and refuses results that are too
// large.
func (a *API) planOf(r request, c choice, info job.InputInfo) (plan, error) {
	p := plan{first: c.first, second: c.second, share: c.share, faces: c.faces, width: info.Width, height: info.Height}
	if c.first.Name != none {
		p.width, p.height = r.size(info.Width, info.Height)
		if !r.toSize {
			p.byScale = r.scale
		} else if r.crop {
			p.cropWidth, p.cropHeight = r.width, r.height
		}
	}
	if int64(p.width) > a.config.MaxOutputPixels/int64(p.height)/int64(max(1, info.Frames)) {
		return plan{}, errOutput
	}
	return p, nil
}

// options are what a network is asked for; one without a model restores faces
// only, and the size stays.
func (p plan) options(u Upscaler) job.Options {
	o := job.Options{Model: u.Model, Format: string(imagedata.PNG), FaceEnhance: p.faces != nil, Face: p.faces}
	switch {
	case u.Model == "":
		o.Scale = 1
	case p.byScale != 0:
		o.Scale = p.byScale
	default:
		o.Width, o.Height = p.width, p.height
	}
	return o
}
