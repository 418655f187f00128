package mnml

import (
	"errors"
	"io"
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
	// Scales as the vendor's page and wire.md have them.
	presetScale, leastScale, mostScale = 2, 1.5, 8
)

// allowedTypes are the vendor's, in its order.
func allowedTypes() []string { return []string{"image/jpeg", "image/png", "image/gif"} }

// read makes a job of a request. The order of its checks is the contract:
// form, image present, its bytes, then the parameters.
func (a *API) read(c echo.Context, caller job.Caller) (job.Spec, []byte, error) {
	form, err := a.readForm(c)
	if err != nil {
		return job.Spec{}, nil, err
	}
	file, given := form.File(imageField)
	if !given || file.Size == 0 && file.Name == "" { // HTML forms send such a file where none was chosen
		return job.Spec{}, nil, problem(http.StatusBadRequest, "MISSING_IMAGE", "Image file is required", nil)
	}
	if err := a.check(file); err != nil {
		return job.Spec{}, nil, err
	}
	options, err := parseOptions(form.Fields)
	if err == nil && options.FaceEnhance && a.services.Faces != nil {
		err = a.faces(c)
	}
	options.MaxInputWidth = a.config.MaxInputWidth
	return job.Spec{
		ID: newID(a.services.Now()), API: apiName, Account: caller.ID, Price: a.config.Price,
		InputName: displayName(file.Name), Options: options,
	}, file.Data, err
}

// faces refuses face enhancement where the operator wants no substitute for a
// face restorer and none is installed.
func (a *API) faces(c echo.Context) error {
	err := a.services.Faces(c.Request().Context())
	switch fault.KindOf(err) {
	case fault.ModelMissing, fault.NotFound, fault.Unsupported:
		return problem(http.StatusBadRequest, "FACE_ENHANCE_UNAVAILABLE", "Face enhancement is not available on this server", nil)
	}
	return err
}

func displayName(name string) string {
	return strings.ToValidUTF8(name[:min(len(name), maxNameBytes)], "")
}

// readForm reads the body in bounded memory.
func (a *API) readForm(c echo.Context) (upload.Form, error) {
	r, limit := c.Request(), a.config.MaxBytes+excessBytes
	if !upload.IsMultipart(r) {
		return upload.Form{}, wrongBody(r)
	}
	if r.ContentLength > limit {
		return upload.Form{}, a.tooLarge(r.ContentLength)
	}
	r.Body = http.MaxBytesReader(c.Response().Writer, r.Body, limit)
	form, err := upload.Read(r, upload.Limits{FileBytes: a.config.MaxBytes, Files: maxFiles}, imageField)
	if errors.As(err, new(*http.MaxBytesError)) {
		return upload.Form{}, a.tooLarge(limit)
	}
	switch fault.KindOf(err) {
	case fault.Invalid, fault.TooLarge: // damaged; too many files, too many or too long fields
		_, _ = io.Copy(io.Discard, r.Body) // for the same clients as excessBytes
		return upload.Form{}, problem(http.StatusBadRequest, "INVALID_REQUEST", fault.Sentence(err), nil)
	}
	return form, err
}

// wrongBody refuses what is no form. The type is the client's own word, shown
// only where it can be one.
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

// check judges a file by its bytes alone.
func (a *API) check(file upload.File) error {
	switch {
	case file.Size < a.config.MinBytes:
		return problem(http.StatusBadRequest, "IMAGE_TOO_SMALL", "Image file is too small",
			TooSmall{Size: file.Size, MinSize: a.config.MinBytes, Unit: "bytes"})
	case file.Size > a.config.MaxBytes:
		return a.tooLarge(file.Size)
	}
	info, err := a.services.Validator.Probe(file.Data)
	received := dialect.Sniff(file.Data, info.Format)
	wrongType := func(message string) error {
		return problem(http.StatusBadRequest, "INVALID_IMAGE_TYPE", message, WrongType{received, allowedTypes()})
	}
	if !slices.Contains(allowedTypes(), received) {
		return wrongType("Invalid image type")
	}
	switch fault.KindOf(err) {
	case "":
	case fault.Invalid:
		return wrongType("The image is corrupt or incomplete")
	case fault.Unsupported: // whole, but of a variant such as lossless JPEG
		return wrongType(fault.Sentence(err))
	case fault.TooLarge:
		return tooManyPixels(0, 0) // the prober's sentence names flags of the server
	default:
		return err
	}
	return a.checkResolution(info)
}

func (a *API) checkResolution(info job.InputInfo) error {
	pixels, side := int64(info.Width)*int64(info.Height), int64(max(info.Width, info.Height))
	switch most := int64(a.config.MaxSide); {
	case most > 0 && side > most:
		return tooManyPixels(side, most)
	case a.config.MaxPixels > 0 && pixels > a.config.MaxPixels:
		return tooManyPixels(pixels, a.config.MaxPixels)
	}
	return nil
}

// tooManyPixels has the form of a too large file, since clients read details;
// size and limit are of the side or of the whole picture, 0 where not known.
func tooManyPixels(size, limit int64) error {
	return problem(http.StatusBadRequest, "IMAGE_TOO_LARGE", "Image resolution is too high",
		TooLarge{Size: size, MaxSize: limit, Unit: "pixels"})
}

// parseOptions reads the form's text fields. Results are PNG, as the vendor's
// are.
func parseOptions(fields map[string]string) (job.Options, error) {
	options := job.Options{Scale: presetScale, Format: string(imagedata.PNG)}
	if text := fields["scale"]; text != "" {
		scale, err := strconv.ParseFloat(text, 64)
		hexadecimal := strings.ContainsAny(text, "xX") // Go reads it, nobody means it
		if err != nil || hexadecimal || math.IsNaN(scale) || scale < leastScale || scale > mostScale {
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
