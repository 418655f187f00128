package ailab

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"upscaled/engine/imagedata"
	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/job"
	"upscaled/server/upload"
)

// imageField is the form's field for the picture.
const imageField = "image"

const (
	// maxFiles is how many files a form may hold; all but the first image are
	// ignored.
	maxFiles = 4
	// excessBytes is how much a body may hold beyond one file of the largest
	// size. A too large file is read to its end up to here, because most
	// clients read the answer only after they have sent everything.
	excessBytes = 64 << 20
	// maxNameBytes bounds a client's file name, which is for display only, as
	// most file systems do.
	maxNameBytes = 255
	// idLength makes 124 random bits.
	idLength = 24
)

// read makes a job of a request. The order of its checks is the contract:
// form, image present, parameters, then the file.
func (a *API) read(c echo.Context, caller job.Caller) (spec job.Spec, input []byte, err error) {
	form, err := a.readForm(c)
	if err != nil {
		return job.Spec{}, nil, err
	}
	file, given := form.File(imageField)
	if !given || file.Size == 0 { // HTML forms send an empty file where none was chosen
		return job.Spec{}, nil, refuse(MissingParameters,
			"The request must be multipart/form-data with a picture file in the field %s.", imageField)
	}
	p, err := parseParameters(form.Fields)
	if err != nil {
		return job.Spec{}, nil, err
	}
	info, err := a.check(file)
	if err != nil {
		return job.Spec{}, nil, err
	}
	options, err := a.options(p, info)
	return job.Spec{
		ID: "ailab_" + dialect.Random(idLength), API: apiName, Account: caller.ID, Price: a.config.Price,
		InputName: displayName(file.Name), Options: options,
	}, file.Data, err
}

func displayName(name string) string {
	return strings.ToValidUTF8(name[:min(len(name), maxNameBytes)], "")
}

// readForm reads the body; one that is no form holds nothing.
func (a *API) readForm(c echo.Context) (upload.Form, error) {
	r, limit := c.Request(), a.config.MaxBytes+excessBytes
	if r.ContentLength > limit {
		return upload.Form{}, a.fileTooLarge()
	}
	r.Body = http.MaxBytesReader(c.Response().Writer, r.Body, limit)
	form, err := upload.Read(r, upload.Limits{FileBytes: a.config.MaxBytes, Files: maxFiles}, imageField)
	if errors.As(err, new(*http.MaxBytesError)) {
		return upload.Form{}, a.fileTooLarge()
	}
	switch fault.KindOf(err) {
	case fault.Unsupported:
		return upload.Form{}, nil
	case fault.Invalid, fault.TooLarge: // damaged; too many or too long fields
		return upload.Form{}, refuse(InvalidParameter, "%s", fault.Sentence(err))
	}
	return form, err
}

// fileTooLarge tells the limit in MB of 2^20, to the hundredth.
func (a *API) fileTooLarge() error {
	megabytes := strconv.FormatFloat(float64(a.config.MaxBytes*100>>20)/100, 'f', -1, 64)
	return refuse(FileTooLarge, "The picture file must not be larger than %s MB.", megabytes)
}

// check judges a file by its bytes alone: size, type, whether it can be
// decoded and resolution, in this order.
func (a *API) check(file upload.File) (job.InputInfo, error) {
	if file.Size > a.config.MaxBytes {
		return job.InputInfo{}, a.fileTooLarge()
	}
	info, err := a.services.Validator.Probe(file.Data)
	kind := fault.KindOf(err)
	switch kind {
	case "", fault.Invalid, fault.Unsupported, fault.TooLarge:
	default:
		return job.InputInfo{}, err
	}
	switch dialect.Sniff(file.Data, info.Format) {
	case imagedata.JPEG.ContentType(), imagedata.PNG.ContentType(), imagedata.BMP.ContentType():
	default:
		return job.InputInfo{}, refuse(UnsupportedFileType, "The picture must be a JPEG, PNG or BMP file.")
	}
	switch kind {
	case fault.Invalid, fault.Unsupported:
		return job.InputInfo{}, refuse(DecodingFailure, "%s", fault.Sentence(err))
	case fault.TooLarge:
		return job.InputInfo{}, refuse(ResolutionTooHigh, tooManyPixels)
	}
	return info, a.checkResolution(info)
}

func (a *API) checkResolution(info job.InputInfo) error {
	longer, shorter, limits := max(info.Width, info.Height), min(info.Width, info.Height), a.config
	switch {
	case limits.MaxWidth > 0 && longer > limits.MaxWidth:
		return refuse(ResolutionTooHigh, "The longer side of the picture must be at most %d pixels.", limits.MaxWidth)
	case limits.MaxHeight > 0 && shorter > limits.MaxHeight:
		return refuse(ResolutionTooHigh, "The shorter side of the picture must be at most %d pixels.", limits.MaxHeight)
	case shorter <= limits.MinSide:
		return refuse(ResolutionTooLow, "Both sides of the picture must be larger than %d pixels.", limits.MinSide)
	}
	return nil
}

// options decides what the engine does. Only PNG holds the frames of an
// animated PNG, so one that must become something else is refused before it
// is paid for.
func (a *API) options(p parameters, info job.InputInfo) (job.Options, error) {
	o := job.Options{Model: a.config.BaseModel, Scale: float64(p.factor)}
	if p.enhancement {
		o.Model = a.config.EnhancementModel
	}
	format := p.output(info)
	if info.Frames > 1 && format != imagedata.PNG {
		return job.Options{}, refuse(UnsupportedFileType, "An animated picture can only be answered as png.")
	}
	o.Format = string(format)
	if format == imagedata.JPEG {
		o.Quality = p.quality
	}
	return o, nil
}
