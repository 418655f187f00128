package automatic1111

import (
	"context"
	"errors"

	"upscaled/engine"
	"upscaled/engine/imagedata"
	"upscaled/server/dialect"
	"upscaled/server/job"
)

// plan is how one image becomes its result.
type plan struct {
	choice
	options job.Options
}

// choice is the part of a plan that is the same for all images of a request.
type choice struct {
	first Upscaler
	// second covers the first with a visibility; 0 means that there is none.
	second     Upscaler
	visibility float64
	faces      *job.FaceOptions
}

// choose finds the upscalers and the face restorer. Like the vendor it looks at
// the second upscaler only if there is a first.
func (a *API) choose(ctx context.Context, r request) (choice, error) {
	first, err := a.upscaler(ctx, r.first)
	if err != nil {
		return choice{}, err
	}
	c := choice{first: first}
	if first.Name != none {
		if c.second, err = a.upscaler(ctx, r.second); err != nil {
			return choice{}, err
		}
		if c.second.Name != none {
			c.visibility = r.secondVisibility
		}
	}
	c.faces, err = a.faces(ctx, r)
	return c, err
}

// faces returns the options of face restoration, or nil if none is requested.
func (m menus) faces(ctx context.Context, r request) (*job.FaceOptions, error) {
	f := &job.FaceOptions{Strength: &r.gfpgan, Restorer: m.config.GFPGAN}
	switch {
	case r.codeformer > 0 && m.config.CodeFormer == "":
		f.Strength = new(max(r.gfpgan, r.codeformer))
	case r.gfpgan > 0 && r.codeformer > 0:
		return nil, exception("ValueError", "This server runs one face restorer: set either gfpgan_visibility or codeformer_visibility to 0.")
	case r.codeformer > 0 && m.config.CodeFormer == Off:
		return nil, exception("ValueError", "CodeFormer is not installed on this server: set codeformer_visibility to 0, or use gfpgan_visibility.")
	case r.codeformer > 0 && r.weight != m.config.CodeFormerWeight:
		return nil, exception("ValueError", "The CodeFormer of this server has the codeformer_weight "+decimal(m.config.CodeFormerWeight)+" and no other.")
	case r.codeformer > 0:
		f.Strength, f.Restorer = &r.codeformer, m.config.CodeFormer
	case r.gfpgan == 0:
		return nil, nil
	}
	if f.Restorer != "" {
		return f, nil
	}
	err := m.services.CheckFaces(ctx)
	if errors.Is(err, dialect.ErrFaces) {
		return nil, errNoFaces
	}
	return f, err
}

// runs returns how many models run: one for each upscaler that has one. Face
// restoration runs one for the others too.
func (c choice) runs() int64 {
	var runs int64
	for i, u := range []Upscaler{c.first, c.second} {
		if used := i == 0 || c.visibility > 0; used && (!u.plain() || c.faces != nil) {
			runs++
		}
	}
	return runs
}

// planOf applies the choice to one image and rejects results that are too large.
func (a *API) planOf(r request, c choice, info job.InputInfo) (plan, error) {
	o := job.Options{
		Model: c.first.Model, Filter: c.first.filter(), Format: string(imagedata.PNG), FaceEnhance: c.faces != nil, Face: c.faces,
	}
	if c.visibility > 0 {
		o.Second = &job.Layer{Model: c.second.Model, Filter: c.second.filter(), Visibility: c.visibility}
	}
	width, height := info.Width, info.Height
	if c.first.Name == none {
		o.Scale = 1
	} else if width, height = r.size(info.Width, info.Height); !r.toSize {
		o.Scale = r.scale
	} else {
		o.Width, o.Height = width, height
		if r.crop {
			o.CropWidth, o.CropHeight = r.width, r.height
		}
	}
	if int64(width) > a.config.MaxOutputPixels/int64(height)/int64(max(1, info.Frames)) {
		return plan{}, errOutput
	}
	return plan{c, o}, nil
}

// filter returns the engine's filter of an upscaler without a model, else "".
func (u Upscaler) filter() string {
	switch {
	case !u.plain():
		return ""
	case u.Name == nearest:
		return string(engine.Nearest)
	}
	return string(engine.Lanczos)
}

// size returns the exact size in pixels of an image's result, before the crop. The
// vendor cuts it to multiples of 8, which leaves black edges when it crops; this
// server does not.
func (r request) size(width, height int) (int, int) {
	if r.toSize {
		return dialect.Cover(width, height, r.width, r.height)
	}
	return dialect.Scaled(width, r.scale), dialect.Scaled(height, r.scale)
}
