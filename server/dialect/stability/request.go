package stability

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/labstack/echo/v4"

	"upscaled/engine/imagedata"
	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/job"
	"upscaled/server/upload"
)

const (
	// maxFiles is the image and stray files, which are ignored.
	maxFiles = 4
	// leastSide is the smallest width or height that v1 makes, in pixels, and
	// mostSide the engine's limit.
	leastSide, mostSide = 512, 1 << 20
)

// chooser returns the options of a form whose image is valid.
type chooser func(fields map[string]string, info job.InputInfo) (job.Options, error)

// read turns a form into a job.
func (a *API) read(c echo.Context, caller job.Caller, choose chooser) (job.Spec, []byte, error) {
	const field = "image"
	limit := a.config.MaxBytes + dialect.FormSlack
	form, err := dialect.ReadForm(c, limit, upload.Limits{FileBytes: a.config.MaxBytes, Files: maxFiles}, field)
	switch {
	case dialect.IsBodyTooLarge(err):
		return job.Spec{}, nil, a.tooManyBytes()
	case fault.KindOf(err) == fault.Unsupported:
		return job.Spec{}, nil, badRequest("content-type: must be multipart/form-data")
	case fault.KindOf(err) == fault.TooLarge: // too many files, too many or too long fields
		return job.Spec{}, nil, badRequest(fault.Sentence(err))
	case err != nil:
		return job.Spec{}, nil, err
	}
	file, given := form.File(field)
	switch {
	case !given || file.Size == 0:
		return job.Spec{}, nil, badRequest("image: is required")
	case file.Size > a.config.MaxBytes:
		return job.Spec{}, nil, a.tooManyBytes()
	}
	info, err := a.check(c, file.Data)
	if err != nil {
		return job.Spec{}, nil, err
	}
	options, err := choose(form.Fields, info)
	const length = 24
	return job.Spec{
		ID: Name + "-" + dialect.Random(length), API: Name, Account: caller.ID, Price: a.config.Price,
		InputName: dialect.DisplayName(file.Name), Options: options, Input: info,
	}, file.Data, err
}

// check validates an image by its bytes alone. v1 limits only the pixels.
func (a *API) check(c echo.Context, data []byte) (job.InputInfo, error) {
	limits := a.config.Config
	if c.Param("engine") != "" {
		limits.MaxSide = 0
	}
	info, err := a.services.Inspect(c.Request().Context(), data, limits)
	switch format := imagedata.Format(info.Format); {
	case err != nil:
		return info, imageError(err)
	case !slices.Contains([]imagedata.Format{imagedata.JPEG, imagedata.PNG, imagedata.WebP}, format):
		return info, apiError{http.StatusBadRequest, "invalid_mime_type", "image: must be a JPEG, PNG or WebP file"}
	case min(info.Width, info.Height) < a.config.MinSide:
		return info, badRequest("image: each side must have at least " + strconv.Itoa(a.config.MinSide) + " pixels")
	}
	return info, nil
}

// fastOptions returns the options of v2beta.
func (a *API) fastOptions(fields map[string]string, _ job.InputInfo) (job.Options, error) {
	switch format := fields["output_format"]; format {
	case "":
		return job.Options{Scale: 4, Format: string(imagedata.PNG)}, nil
	case "jpeg", "png", "webp":
		return job.Options{Scale: 4, Format: format}, nil
	}
	return job.Options{}, badRequest("output_format: must be one of jpeg, png, webp")
}

// esrganOptions returns the options of v1: twice the size, or a width or a height.
func (a *API) esrganOptions(fields map[string]string, info job.InputInfo) (job.Options, error) {
	o := job.Options{Format: string(imagedata.PNG)}
	width, height := int64(info.Width)*2, int64(info.Height)*2
	switch text := fields["width"] + fields["height"]; {
	case fields["width"] != "" && fields["height"] != "":
		return o, badRequest("only one of width and height may be specified")
	case text == "":
		o.Scale = 2
	default:
		side, err := strconv.Atoi(text)
		if err != nil || side < leastSide || side > mostSide {
			return o, badRequest("width and height must be integers of at least " + strconv.Itoa(leastSide))
		}
		if fields["width"] != "" {
			o.Width, width, height = side, int64(side), int64(side)*int64(info.Height)/int64(info.Width)
		} else {
			o.Height, width, height = side, int64(side)*int64(info.Width)/int64(info.Height), int64(side)
		}
	}
	//guard:stability-output TestPixelCount
	if width*height > a.config.MaxOutputPixels {
		return o, pixelCount("The requested image would exceed the maximum pixel count of %d", a.config.MaxOutputPixels)
	}
	return o, nil
}
