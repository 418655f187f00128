package maskr

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"upscaled/engine/imagedata"
	"upscaled/models/fault"
	"upscaled/server/job"
	"upscaled/server/upload"
)

// The forms' fields for files.
const (
	singleField = "file"
	batchField  = "files"
)

const (
	// strayFiles is how many files a single call may hold beside its own; they
	// are ignored, as FastAPI does.
	strayFiles = 1
	// formOverhead is room for a form's headers and text fields, in bytes.
	formOverhead = 1 << 20
	// maxNameBytes bounds a client's file name, which is for display only, as
	// most file systems do.
	maxNameBytes = 255
)

// order is a job.Spec that lacks what differs between a batch's items.
type order job.Spec

func (a *API) order(caller job.Caller, options job.Options) order {
	return order{API: apiName, Account: caller.ID, Price: a.config.Price, Options: options}
}

// named completes the order for one file under a new ID.
func (o order) named(file string) job.Spec {
	spec := job.Spec(o)
	if len(file) > maxNameBytes {
		file = file[:maxNameBytes]
	}
	spec.ID, spec.InputName = newID(), strings.ToValidUTF8(file, "")
	return spec
}

// idVersion is RFC 9562's version for what a vendor defines: all but the
// version is random, and the version tells maskr's jobs from other dialects'.
const idVersion = 0x8

// newID is a UUID that cannot be guessed.
func newID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails, see crypto/rand
	id[6], id[8] = id[6]&0x0f|idVersion<<4, id[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}

// IsID says whether a job's ID has this dialect's form.
func IsID(id string) bool {
	const length, versionAt = 36, 14
	return len(id) == length && id[versionAt] == '0'+idVersion
}

func (a *API) readSingle(c echo.Context) (upload.File, job.Options, error) {
	form, err := a.readForm(c, singleField, 1+strayFiles)
	if errors.As(err, new(*http.MaxBytesError)) {
		err = tooLarge("File", a.config.MaxBytes)
	}
	if err != nil {
		return upload.File{}, job.Options{}, err
	}
	options, invalid := parseOptions(c.QueryParams(), form.Fields)
	file, given := form.File(singleField)
	if !given {
		invalid.add("field required", "value_error.missing", "body", singleField)
	}
	return file, options, invalid.orNil()
}

func (a *API) readBatch(c echo.Context) ([]upload.File, job.Options, error) {
	form, err := a.readForm(c, batchField, a.config.MaxBatch)
	if errors.As(err, new(*http.MaxBytesError)) {
		err = tooLarge("Request", a.bodyLimit())
	}
	if err != nil {
		return nil, job.Options{}, err
	}
	options, invalid := parseOptions(c.QueryParams(), form.Fields)
	var files []upload.File
	for _, file := range form.Files {
		if file.Field == batchField {
			files = append(files, file)
		}
	}
	if len(files) == 0 {
		invalid.add("field required", "value_error.missing", "body", batchField)
	}
	return files, options, invalid.orNil()
}

func (a *API) bodyLimit() int64 { return max(a.config.MaxBatchBytes, a.config.MaxBytes+formOverhead) }

// readForm reads the body. One that is no form holds nothing, as with FastAPI;
// one over the limit is an *http.MaxBytesError, at once where the client
// declares its length.
func (a *API) readForm(c echo.Context, field string, files int) (upload.Form, error) {
	r, limit := c.Request(), a.bodyLimit()
	if r.ContentLength > limit {
		return upload.Form{}, &http.MaxBytesError{Limit: limit}
	}
	r.Body = http.MaxBytesReader(c.Response().Writer, r.Body, limit)
	form, err := upload.Read(r, upload.Limits{FileBytes: a.config.MaxBytes, Files: files}, singleField, batchField)
	switch {
	case err == nil || errors.As(err, new(*http.MaxBytesError)):
		return form, err
	case fault.KindOf(err) == fault.Unsupported:
		return upload.Form{}, nil
	case fault.KindOf(err) == fault.Invalid:
		return form, violation("there was an error parsing the body", "value_error", "body")
	case fault.KindOf(err) == fault.TooLarge: // in number
		// Most clients read the answer only after they have sent everything.
		_, _ = io.Copy(io.Discard, r.Body)
		return form, violation(fault.Sentence(err), "value_error.list.max_items", "body", field)
	}
	return form, err
}

// check judges a file by its bytes, and whether the format of the result can
// hold it.
func (a *API) check(file upload.File, options job.Options) error {
	if file.Size > a.config.MaxBytes {
		return tooLarge("File", a.config.MaxBytes)
	}
	info, err := a.services.Validator.Probe(file.Data)
	switch kind := fault.KindOf(err); kind {
	case "":
	case fault.Invalid, fault.Unsupported, fault.TooLarge:
		return unreadable(kind)
	default:
		return err
	}
	switch imagedata.Format(info.Format) {
	case imagedata.JPEG, imagedata.PNG, imagedata.WebP:
	default:
		return unreadable(fault.Unsupported)
	}
	if info.Frames > 1 && options.Format == string(imagedata.JPEG) {
		return violation("jpeg holds no animation; permitted: 'png', 'webp'", "value_error.image", "query", "output_format")
	}
	pixels, side := int64(info.Width)*int64(info.Height), max(info.Width, info.Height)
	if a.config.MaxPixels > 0 && pixels > a.config.MaxPixels || a.config.MaxSide > 0 && side > a.config.MaxSide {
		return unreadable(fault.TooLarge)
	}
	return nil
}
