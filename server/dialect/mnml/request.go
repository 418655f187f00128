package mnml

import (
	"context"
	"errors"
	"math"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

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
	// The vendor's scales.
	defaultScale, minScale, maxScale = 2, 1.5, 8
)

// allowedTypes are the vendor's, in its order.
func allowedTypes() []string { return []string{"image/jpeg", "image/png", "image/gif"} }

// read turns a request into a job. The order of its checks is part of the API:
// form, presence of an image, its bytes, then the parameters.
func (a *API) read(c echo.Context, caller job.Caller) (job.Spec, []byte, error) {
	form, err := a.readForm(c)
	if err != nil {
		return job.Spec{}, nil, err
	}
	file, given := form.File(imageField)
	if !given || file.Size == 0 && file.Name == "" { // browsers send this if no file was chosen
		return job.Spec{}, nil, problem(http.StatusBadRequest, "MISSING_IMAGE", "Image file is required", nil)
	}
	info, err := a.check(c.Request().Context(), file)
	if err != nil {
		return job.Spec{}, nil, err
	}
	options, err := parseOptions(form.Fields)
	if err == nil && options.FaceEnhance {
		if err = a.services.CheckFaces(c.Request().Context()); errors.Is(err, dialect.ErrFaces) {
			err = problem(http.StatusBadRequest, "FACE_ENHANCE_UNAVAILABLE", "Face enhancement is not available on this server", nil)
		}
	}
	options.MaxInputWidth = a.config.MaxInputWidth
	return job.Spec{
		ID: newID(a.services.Now()), API: apiName, Account: caller.ID, Price: a.config.Price,
		InputName: dialect.DisplayName(file.Name), Options: options, Input: info,
	}, file.Data, err
}

func (a *API) readForm(c echo.Context) (upload.Form, error) {
	r, limit := c.Request(), a.config.MaxBytes+dialect.FormSlack
	if !upload.IsMultipart(r) {
		return upload.Form{}, wrongBody(r)
	}
	form, err := dialect.ReadForm(c, limit, upload.Limits{FileBytes: a.config.MaxBytes, Files: maxFiles}, imageField)
	if dialect.IsBodyTooLarge(err) {
		return upload.Form{}, a.tooLarge(max(limit, r.ContentLength))
	}
	switch fault.KindOf(err) {
	case fault.Invalid, fault.TooLarge: // damaged; too many files, too many or too long fields
		return upload.Form{}, problem(http.StatusBadRequest, "INVALID_REQUEST", fault.Sentence(err), nil)
	}
	return form, err
}

// wrongBody returns the error of a request that is not a form. It quotes the
// client's content type only if that is valid.
func wrongBody(r *http.Request) error {
	received, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		received = ""
	}
	return problem(http.StatusUnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE",
		"The request must be multipart/form-data", WrongType{received, []string{"multipart/form-data"}})
}

func (a *API) tooLarge(size int64) error {
	return problem(http.StatusBadRequest, "IMAGE_TOO_LARGE", "Image file is too large",
		TooLarge{Size: size, MaxSize: a.config.MaxBytes, Unit: "bytes"})
}

// check validates a file by its bytes alone.
func (a *API) check(ctx context.Context, file upload.File) (job.InputInfo, error) {
	switch {
	case file.Size < a.config.MinBytes:
		return job.InputInfo{}, problem(http.StatusBadRequest, "IMAGE_TOO_SMALL", "Image file is too small",
			TooSmall{Size: file.Size, MinSize: a.config.MinBytes, Unit: "bytes"})
	case file.Size > a.config.MaxBytes:
		return job.InputInfo{}, a.tooLarge(file.Size)
	}
	info, err := a.services.Inspect(ctx, file.Data, a.config.Config)
	received := dialect.Sniff(file.Data, info.Format)
	wrongType := func(message string) error {
		return problem(http.StatusBadRequest, "INVALID_IMAGE_TYPE", message, WrongType{received, allowedTypes()})
	}
	if !slices.Contains(allowedTypes(), received) {
		return info, wrongType("Invalid image type")
	}
	switch fault.KindOf(err) {
	case fault.Invalid:
		return info, wrongType("The image is corrupt or incomplete")
	case fault.Unsupported: // intact, but of a variant such as lossless JPEG
		return info, wrongType(fault.Sentence(err))
	case fault.TooLarge: // the size is unknown if the server's own limits are exceeded
		details := TooLarge{Unit: "pixels"}
		if exceeded, ok := errors.AsType[*dialect.InputTooLarge](err); ok {
			details.Size, details.MaxSize = exceeded.Size, exceeded.Limit
		}
		return info, problem(http.StatusBadRequest, "IMAGE_TOO_LARGE", "Image resolution is too high", details)
	}
	return info, err
}

// parseOptions parses the form's text fields. Results are PNG, as the vendor's
// are.
func parseOptions(fields map[string]string) (job.Options, error) {
	options := job.Options{Scale: defaultScale, Format: string(imagedata.PNG)}
	if text := fields["scale"]; text != "" {
		scale, err := strconv.ParseFloat(text, 64)
		hexadecimal := strings.ContainsAny(text, "xX") // ParseFloat accepts it
		if err != nil || hexadecimal || math.IsNaN(scale) || scale < minScale || scale > maxScale {
			return job.Options{}, problem(http.StatusBadRequest, "INVALID_SCALE", "Scale must be a number from 1.5 to 8", nil)
		}
		options.Scale = scale
	}
	if text := fields["face_enhance"]; text != "" {
		enhance, ok := upload.ParseBool(text)
		if !ok {
			return job.Options{}, problem(http.StatusBadRequest, "INVALID_FACE_ENHANCE", "face_enhance must be true or false", nil)
		}
		options.FaceEnhance = enhance
	}
	return options, nil
}
