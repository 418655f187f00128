package native

import (
	"context"
	"slices"

	"upscaled/engine"
	"upscaled/models"
	"upscaled/models/fault"
	"upscaled/server/job"
)

// check validates an image by its bytes alone.
func (i intake) check(ctx context.Context, in input, o job.Options) (job.InputInfo, error) {
	switch {
	case o.Film != nil:
		return job.InputInfo{}, fault.New(fault.Invalid, "This is an image: video_codec, crf, preset, from and to are for films.")
	case in.size == 0:
		return job.InputInfo{}, fault.New(fault.Invalid, "The file is empty.")
	case in.size > i.config.MaxBytes:
		return job.InputInfo{}, fault.New(fault.TooLarge, "The file has %d bytes; at most %d are accepted.", in.size, i.config.MaxBytes)
	}
	return i.services.Inspect(ctx, in.data, i.config.Config)
}

// checkOptions rejects options that this server cannot apply, before the job is
// paid for. The worker checks the options that this process cannot.
func (i intake) checkOptions(ctx context.Context, o job.Options) error {
	byDefault := o.Face == nil || o.Face.Missing == "" && o.Face.Restorer == "" && o.Face.Report != string(engine.DetectFaces)
	if o.FaceEnhance && i.services.Faces != nil && byDefault {
		if err := i.services.Faces(ctx); err != nil {
			return err
		}
	}
	if o.Model == "" && o.Denoise == nil {
		return nil
	}
	all, err := i.parts.System.Models(ctx)
	if err != nil || len(all) == 0 {
		return err
	}
	if shares, err := models.ParseMix(o.Model); err != nil {
		return err
	} else if shares != nil && o.Denoise != nil {
		return fault.New(fault.Invalid, "A mix cannot denoise: leave denoise out or choose a model.")
	}
	for _, name := range models.Names(o.Model) {
		if err := checkModel(all, name, o.Denoise != nil); err != nil {
			return err
		}
	}
	return nil
}

// checkModel rejects a model that is unknown or unsuitable.
func checkModel(all []Model, name string, denoise bool) error {
	at := slices.IndexFunc(all, func(m Model) bool {
		return models.SameName(m.Name, name) || name == "" && m.Default
	})
	switch {
	case at < 0 && name == "": // the worker's own default is not known here
		return nil
	case at < 0:
		return fault.New(fault.Invalid, "There is no model %q; /api/v1/models lists all.", name)
	case all[at].Faces:
		return fault.New(fault.Invalid, "%s restores faces: name it as face_restorer, with face_enhance.", name)
	case denoise && !all[at].Denoise:
		return fault.New(fault.Invalid, "The model %s cannot denoise: leave denoise out or choose another model.", all[at].Name)
	}
	return nil
}
