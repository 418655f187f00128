package maskr

import (
	"context"
	"github.com/labstack/echo/v4"

	"upscaled/engine/imagedata"
	"upscaled/models/fault"
	"upscaled/server/dialect"
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
)

// template is a job.Spec without the parts that differ between a batch's items.
type template job.Spec

func (a *API) template(caller job.Caller, options job.Options) template {
	return template{API: apiName, Account: caller.ID, Price: a.config.Price, Options: options}
}

// named completes the template for one file under a new ID.
func (t template) named(file string) job.Spec {
	spec := job.Spec(t)
	spec.ID, spec.InputName = newID(), dialect.DisplayName(file)
	return spec
}

// idVersion is RFC 9562's version for vendor-defined UUIDs; it distinguishes
// maskr's jobs from other dialects'.
const idVersion = 0x8

func newID() string { return dialect.NewUUID(idVersion) }

// IsID reports whether a job's ID has this dialect's form.
func IsID(id string) bool {
	const length, versionAt = 36, 14
	return len(id) == length && id[versionAt] == '0'+idVersion
}

func (a *API) readSingle(c echo.Context) (upload.File, job.Options, error) {
	form, err := a.readForm(c, singleField, 1+strayFiles)
	if dialect.IsBodyTooLarge(err) {
		err = tooLarge("File", a.config.MaxBytes)
	}
	if err != nil {
		return upload.File{}, job.Options{}, err
	}
	options, invalid := parseOptions(c.QueryParams(), form.Fields)
	file, given := form.File(singleField)
	if !given {
		invalid.Add("field required", "value_error.missing", "body", singleField)
	}
	return file, options, invalid.OrNil()
}

func (a *API) readBatch(c echo.Context) ([]upload.File, job.Options, error) {
	form, err := a.readForm(c, batchField, a.config.MaxBatch)
	if dialect.IsBodyTooLarge(err) {
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
		invalid.Add("field required", "value_error.missing", "body", batchField)
	}
	return files, options, invalid.OrNil()
}

func (a *API) bodyLimit() int64 { return max(a.config.MaxBatchBytes, a.config.MaxBytes+formOverhead) }

// readForm treats a body that is not a form as an empty one, as FastAPI does.
func (a *API) readForm(c echo.Context, field string, files int) (upload.Form, error) {
	form, err := dialect.ReadForm(c, a.bodyLimit(), upload.Limits{FileBytes: a.config.MaxBytes, Files: files}, singleField, batchField)
	switch {
	case err == nil || dialect.IsBodyTooLarge(err):
		return form, err
	case fault.KindOf(err) == fault.Unsupported:
		return upload.Form{}, nil
	case fault.KindOf(err) == fault.Invalid:
		return form, dialect.NewViolation("there was an error parsing the body", "value_error", "body")
	case fault.KindOf(err) == fault.TooLarge: // too many files or fields
		return form, dialect.NewViolation(fault.Sentence(err), "value_error.list.max_items", "body", field)
	}
	return form, err
}

// check validates a file by its bytes, and checks that the format of the result
// can hold it.
func (a *API) check(ctx context.Context, file upload.File, options job.Options) (job.InputInfo, error) {
	if file.Size > a.config.MaxBytes {
		return job.InputInfo{}, tooLarge("File", a.config.MaxBytes)
	}
	info, err := a.services.Inspect(ctx, file.Data, a.config.Config)
	switch imagedata.Format(info.Format) {
	case "", imagedata.JPEG, imagedata.PNG, imagedata.WebP:
	default:
		return info, unreadable(fault.Unsupported)
	}
	if info.Frames > 1 && options.Format == string(imagedata.JPEG) {
		return info, dialect.NewViolation("jpeg holds no animation; permitted: 'png', 'webp'", "value_error.image", "query", "output_format")
	}
	switch kind := fault.KindOf(err); kind {
	case fault.Invalid, fault.Unsupported, fault.TooLarge:
		return info, unreadable(kind)
	}
	return info, err
}
