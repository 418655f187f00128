package ailab

import (
	"context"
	"github.com/labstack/echo/v4"

	"upscaled/engine/imagedata"
	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/job"
	"upscaled/server/upload"
)

// imageField is the form's field for the image.
const imageField = "image"

const (
	// maxFiles limits the files of a form; all except the first image are
	// ignored.
	maxFiles = 4
	// idLength makes 124 random bits.
	idLength = 24
)

// read turns a request into a job. The order of its checks is part of the API:
// form, presence of an image, parameters, then the file.
func (a *API) read(c echo.Context, caller job.Caller) (spec job.Spec, input []byte, err error) {
	form, err := a.readForm(c)
	if err != nil {
		return job.Spec{}, nil, err
	}
	file, given := form.File(imageField)
	if !given || file.Size == 0 { // browsers send an empty file if none was chosen
		return job.Spec{}, nil, newError(MissingParameters,
			"The request must be multipart/form-data with a picture file in the field %s.", imageField)
	}
	p, err := parseParameters(form.Fields)
	if err != nil {
		return job.Spec{}, nil, err
	}
	info, err := a.check(c.Request().Context(), file)
	if err != nil {
		return job.Spec{}, nil, err
	}
	options, err := a.options(p, info)
	return job.Spec{
		ID: "ailab_" + dialect.Random(idLength), API: apiName, Account: caller.ID, Price: a.config.Price,
		InputName: dialect.DisplayName(file.Name), Options: options, Input: info,
	}, file.Data, err
}

// readForm treats a body that is not a form as an empty one.
func (a *API) readForm(c echo.Context) (upload.Form, error) {
	form, err := dialect.ReadForm(c, a.config.MaxBytes+dialect.FormSlack,
		upload.Limits{FileBytes: a.config.MaxBytes, Files: maxFiles}, imageField)
	if dialect.IsBodyTooLarge(err) {
		return upload.Form{}, a.fileTooLarge()
	}
	switch fault.KindOf(err) {
	case fault.Unsupported:
		return upload.Form{}, nil
	case fault.Invalid, fault.TooLarge: // damaged; too many or too long fields
		return upload.Form{}, newError(InvalidParameter, "%s", fault.Sentence(err))
	}
	return form, err
}

func (a *API) fileTooLarge() error {
	return newError(FileTooLarge, "The picture file must not be larger than %s MB.", dialect.Megabytes(a.config.MaxBytes))
}

// check validates a file by its bytes alone: size, type, contents and
// resolution, in this order.
func (a *API) check(ctx context.Context, file upload.File) (job.InputInfo, error) {
	if file.Size > a.config.MaxBytes {
		return job.InputInfo{}, a.fileTooLarge()
	}
	info, err := a.services.Inspect(ctx, file.Data, a.config.Config)
	kind := fault.KindOf(err)
	switch kind {
	case "", fault.Invalid, fault.Unsupported, fault.TooLarge:
	default:
		return job.InputInfo{}, err
	}
	switch dialect.Sniff(file.Data, info.Format) {
	case imagedata.JPEG.ContentType(), imagedata.PNG.ContentType(), imagedata.BMP.ContentType():
	default:
		return job.InputInfo{}, newError(UnsupportedFileType, "The picture must be a JPEG, PNG or BMP file.")
	}
	switch kind {
	case fault.Invalid, fault.Unsupported:
		return job.InputInfo{}, newError(DecodingFailure, "%s", fault.Sentence(err))
	case fault.TooLarge:
		return job.InputInfo{}, newError(ResolutionTooHigh, tooManyPixels)
	}
	return info, a.checkResolution(info)
}

func (a *API) checkResolution(info job.InputInfo) error {
	longer, shorter, limits := max(info.Width, info.Height), min(info.Width, info.Height), a.config
	switch {
	case limits.MaxWidth > 0 && longer > limits.MaxWidth:
		return newError(ResolutionTooHigh, "The longer side of the picture must be at most %d pixels.", limits.MaxWidth)
	case limits.MaxHeight > 0 && shorter > limits.MaxHeight:
		return newError(ResolutionTooHigh, "The shorter side of the picture must be at most %d pixels.", limits.MaxHeight)
	case shorter <= limits.MinSide:
		return newError(ResolutionTooLow, "Both sides of the picture must be larger than %d pixels.", limits.MinSide)
	}
	return nil
}

// options returns the job's options. Only PNG holds the frames of an animated
// PNG, so other formats are rejected before the job is paid for.
func (a *API) options(p parameters, info job.InputInfo) (job.Options, error) {
	o := job.Options{Model: a.config.BaseModel, Scale: float64(p.scale)}
	if p.enhancement {
		o.Model = a.config.EnhancementModel
	}
	format := p.output(info)
	if info.Frames > 1 && format != imagedata.PNG {
		return job.Options{}, newError(UnsupportedFileType, "An animated picture can only be answered as png.")
	}
	o.Format = string(format)
	if format == imagedata.JPEG {
		o.Quality = p.quality
	}
	return o, nil
}
