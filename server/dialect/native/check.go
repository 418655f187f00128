package native

import (
	"context"
	"slices"

	"upscaled/models/fault"
	"upscaled/server/job"
)

// check judges a picture by its bytes alone.
func (a *API) check(p original) (job.InputInfo, error) {
	switch {
	case p.size == 0:
		return job.InputInfo{}, fault.New(fault.Invalid, "The file is empty.")
	case p.size > a.config.MaxBytes:
		return job.InputInfo{}, fault.New(fault.TooLarge, "The file has %d bytes; at most %d are accepted.", p.size, a.config.MaxBytes)
	}
	info, err := a.services.Validator.Probe(p.data)
	if err != nil {
		return job.InputInfo{}, err
	}
	pixels, side := int64(info.Width)*int64(info.Height), max(info.Width, info.Height)
	switch {
	case a.config.MaxSide > 0 && side > a.config.MaxSide:
		err = fault.New(fault.TooLarge, "The picture has %dx%d pixels; a side may have at most %d.", info.Width, info.Height, a.config.MaxSide)
	case a.config.MaxPixels > 0 && pixels > a.config.MaxPixels:
		err = fault.New(fault.TooLarge, "The picture has %d pixels; at most %d are accepted.", pixels, a.config.MaxPixels)
	}
	return info, err
}

// checkOptions asks the server whether it can do what options name, so that a
// mistake is told before a job is paid for. What this process cannot know is
// left to the worker.
func (a *API) checkOptions(ctx context.Context, o job.Options) error {
	if o.FaceEnhance && a.services.Faces != nil && (o.Face == nil || o.Face.Missing == "" && o.Face.Restorer == "") {
		if err := a.services.Faces(ctx); err != nil {
			return err
		}
	}
	if o.Model == "" && o.Denoise == nil {
		return nil
	}
	all, err := a.parts.System.Models(ctx)
	if err != nil || len(all) == 0 {
		return err
	}
	at := slices.IndexFunc(all, func(m Model) bool {
		return m.Name == o.Model || o.Model == "" && m.Default
	})
	switch {
	case at < 0 && o.Model == "": // the worker's own default is not known here
		return nil
	case at < 0:
		return fault.New(fault.Invalid, "There is no model %q; /api/v1/models lists all.", o.Model)
	case all[at].Faces:
		return fault.New(fault.Invalid, "%s restores faces: name it as face_restorer, with face_enhance.", o.Model)
	case o.Denoise != nil && !all[at].Denoise:
		return fault.New(fault.Invalid, "The model %s cannot denoise: leave denoise out or choose another model.", all[at].Name)
	}
	return nil
}
