package aetherforge

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"upscaled/engine/imagedata"
	"upscaled/models/fault"
	"upscaled/server/upload"
)

// The form's fields.
const (
	imageField = "image"
	scaleField = "scale"
)

const (
	// maxFiles is the picture and one stray file, which is ignored as FastAPI
	// does.
	maxFiles = 2
	// formOverhead is room for a form's headers and text fields, in bytes.
	formOverhead = 1 << 20
	// maxNameBytes bounds a client's file name, which is for display only, as
	// most file systems do.
	maxNameBytes = 255
)

// order is an upload whose file is not judged yet.
type order struct {
	file    upload.File
	longest int // of the result's sides, in pixels
}

func (a *API) read(c echo.Context) (order, error) {
	form, err := a.readForm(c)
	if err != nil {
		return order{}, err
	}
	var wrong Violations
	file, given := form.File(imageField)
	if !given || file.Name == "" && file.Size == 0 { // so browsers send a field where nothing was chosen
		wrong.add("field required", "value_error.missing", "body", imageField)
	}
	longest := parseScale(form.Fields[scaleField], &wrong)
	if len(wrong.Detail) > 0 {
		return order{}, wrong
	}
	return order{file, longest}, nil
}

// readForm reads the body. One that is no form holds nothing, as with FastAPI;
// one over the limit is refused at once where the client declares its length.
func (a *API) readForm(c echo.Context) (upload.Form, error) {
	r, limit := c.Request(), a.config.MaxBytes+formOverhead
	if r.ContentLength > limit {
		return upload.Form{}, fault.New(fault.TooLarge, "The request is too large.")
	}
	r.Body = http.MaxBytesReader(c.Response().Writer, r.Body, limit)
	form, err := upload.Read(r, upload.Limits{FileBytes: a.config.MaxBytes, Files: maxFiles}, imageField)
	switch {
	case errors.As(err, new(*http.MaxBytesError)):
		return form, fault.Wrap(fault.TooLarge, err, "The request is too large.")
	case fault.KindOf(err) == fault.Unsupported:
		return upload.Form{}, nil
	case err != nil:
		return form, damaged{err}
	}
	return form, nil
}

// parseScale gives the longer side's length in pixels. An empty field counts
// as not given, as with FastAPI.
func parseScale(text string, wrong *Violations) int {
	switch strings.ToUpper(text) {
	case "1K":
		return 1024
	case "2K":
		return 2048
	case "4K":
		return 4096
	case "":
		wrong.add("field required", "value_error.missing", "body", scaleField)
	default:
		wrong.add("value is not a valid enumeration member; permitted: '1K', '2K', '4K'", "type_error.enum", "body", scaleField)
	}
	return 0
}

// check judges a file by its bytes alone and gives the format its result has:
// its own where browsers show it, else PNG.
func (a *API) check(file upload.File) (imagedata.Format, error) {
	if file.Size > a.config.MaxBytes {
		return "", fault.New(fault.TooLarge, "The file is too large.")
	}
	info, err := a.services.Validator.Probe(file.Data)
	if err != nil {
		return "", err
	}
	pixels, side := int64(info.Width)*int64(info.Height), max(info.Width, info.Height)
	if a.config.MaxPixels > 0 && pixels > a.config.MaxPixels || a.config.MaxSide > 0 && side > a.config.MaxSide {
		return "", fault.New(fault.TooLarge, "The picture has too many pixels.")
	}
	switch format := imagedata.Format(info.Format); format {
	case imagedata.JPEG, imagedata.PNG, imagedata.WebP:
		return format, nil
	}
	return imagedata.PNG, nil
}

// newID is a random UUID (version 4 of RFC 9562).
func newID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails, see crypto/rand
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return canonical(id)
}

func canonical(id [16]byte) string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}

// parseID takes every form of a UUID that Python's uuid.UUID takes, since the
// vendor's server is written in it: any case, with or without hyphens, braces
// and urn:uuid:. It gives the form that job records are kept under.
func parseID(text string) (string, bool) {
	text = strings.NewReplacer("urn:", "", "uuid:", "").Replace(text)
	text = strings.ReplaceAll(strings.Trim(text, "{}"), "-", "")
	var id [16]byte
	if len(text) != hex.EncodedLen(len(id)) {
		return "", false
	}
	_, err := hex.Decode(id[:], []byte(text))
	return canonical(id), err == nil
}

// display is a client's file name as records keep it.
func display(name string) string {
	return strings.ToValidUTF8(name[:min(len(name), maxNameBytes)], "")
}
