package aetherforge

import (
	"context"
	"encoding/hex"
	"strings"

	"github.com/labstack/echo/v4"

	"upscaled/engine/imagedata"
	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/job"
	"upscaled/server/upload"
)

// The form's fields.
const (
	imageField = "image"
	scaleField = "scale"
)

const (
	// maxFiles is the image and one stray file, which is ignored as FastAPI
	// does.
	maxFiles = 2
	// formOverhead is room for a form's headers and text fields, in bytes.
	formOverhead = 1 << 20
)

// request is a parsed form; its file has not been checked.
type request struct {
	file    upload.File
	longest int // side of the result, in pixels
}

func (a *API) read(c echo.Context) (request, error) {
	form, err := a.readForm(c)
	if err != nil {
		return request{}, err
	}
	var invalid dialect.Violations
	file, given := form.File(imageField)
	if !given || file.Name == "" && file.Size == 0 { // browsers send this if no file was chosen
		invalid.Add("field required", "value_error.missing", "body", imageField)
	}
	longest := parseScale(form.Fields[scaleField], &invalid)
	return request{file, longest}, invalid.OrNil()
}

// readForm treats a body that is not a form as an empty one, as FastAPI does.
func (a *API) readForm(c echo.Context) (upload.Form, error) {
	form, err := dialect.ReadForm(c, a.config.MaxBytes+formOverhead,
		upload.Limits{FileBytes: a.config.MaxBytes, Files: maxFiles}, imageField)
	switch {
	case dialect.IsBodyTooLarge(err):
		return form, fault.Wrap(fault.TooLarge, err, "The request is too large.")
	case fault.KindOf(err) == fault.Unsupported:
		return upload.Form{}, nil
	case err != nil:
		return form, damaged{err}
	}
	return form, nil
}

// parseScale returns the length of the longer side in pixels. An empty field
// counts as absent, as with FastAPI.
func parseScale(text string, invalid *dialect.Violations) int {
	switch strings.ToUpper(text) {
	case "1K":
		return 1024
	case "2K":
		return 2048
	case "4K":
		return 4096
	case "":
		invalid.Add("field required", "value_error.missing", "body", scaleField)
	default:
		invalid.Add("value is not a valid enumeration member; permitted: '1K', '2K', '4K'", "type_error.enum", "body", scaleField)
	}
	return 0
}

// check validates a file by its bytes alone and returns the format of its
// result: its own if browsers can show it, else PNG.
func (a *API) check(ctx context.Context, file upload.File) (job.InputInfo, imagedata.Format, error) {
	if file.Size > a.config.MaxBytes {
		return job.InputInfo{}, "", fault.New(fault.TooLarge, "The file is too large.")
	}
	info, err := a.services.Inspect(ctx, file.Data, a.config.Config)
	if err != nil {
		return info, "", err
	}
	switch format := imagedata.Format(info.Format); format {
	case imagedata.JPEG, imagedata.PNG, imagedata.WebP:
		return info, format, nil
	}
	return info, imagedata.PNG, nil
}

// newID returns a random UUID.
func newID() string { return dialect.NewUUID(4) }

// parseID accepts every form of a UUID that Python's uuid.UUID accepts, since
// the vendor's server uses it: any case, with or without hyphens, braces and
// urn:uuid:. It returns the form that job records are kept under.
func parseID(text string) (string, bool) {
	text = strings.NewReplacer("urn:", "", "uuid:", "").Replace(text)
	text = strings.ReplaceAll(strings.Trim(text, "{}"), "-", "")
	var id [16]byte
	if len(text) != hex.EncodedLen(len(id)) {
		return "", false
	}
	_, err := hex.Decode(id[:], []byte(text))
	return dialect.FormatUUID(id), err == nil
}
