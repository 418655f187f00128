package native

import (
	"mime"
	"net/http"
	"os"

	"github.com/labstack/echo/v4"

	"upscaled/engine/film"
	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/job"
	"upscaled/server/limits"
	"upscaled/server/upload"
)

const (
	// fileField is the form's field for images.
	fileField = "file"
	// overhead is room for a body's text fields, in bytes.
	overhead = 1 << 20
	// maxURL limits the URLs of images and webhooks, in bytes.
	maxURL = 4 << 10
)

// input is one input image or film. data is nil if size exceeds the limit or the file is
// on disk.
type input struct {
	name string
	data []byte
	size int64
	disk *os.File
}

// request is a parsed request; its images have not been checked.
type request struct {
	images []input // at least one
	// several means that the request had more than one file.
	several bool
	options job.Options
	webhook *job.Webhook
	close   func() // removes files on disk
}

// intake reads and validates requests for jobs.
type intake struct {
	services dialect.Services
	config   Config
	parts    Parts
}

// read reads a form or a JSON body.
func (i intake) read(c echo.Context) (request, error) {
	kind, _, _ := mime.ParseMediaType(c.Request().Header.Get(echo.HeaderContentType))
	switch kind {
	case echo.MIMEMultipartForm:
		return i.readForm(c)
	case echo.MIMEApplicationJSON:
		return i.readJSON(c)
	}
	return request{close: func() {}}, fault.New(fault.Unsupported, "The request must be multipart/form-data with a field named file, or application/json.")
}

func (i intake) readForm(c echo.Context) (request, error) {
	limit := max(i.config.MaxRequestBytes, i.config.MaxBytes+overhead)
	most := upload.Limits{FileBytes: i.config.MaxBytes, Files: i.config.MaxFiles, Bytes: limit}
	ctx := c.Request().Context()
	if i.takesFilms() {
		most.Large = &upload.Large{
			Is: film.Sniff, Create: i.parts.Scratch, Bytes: i.config.FilmBytes, Written: func(n int64) { limits.Written(ctx, n) },
		}
	}
	form, err := dialect.ReadForm(c, max(limit, i.config.FilmBytes+overhead), most, fileField)
	r := request{close: form.Close}
	if err != nil {
		return r, bodyError(err, limit)
	}
	for _, file := range form.Files {
		switch {
		case file.Field != fileField:
			return r, fault.New(fault.Invalid, "The form has a file in the field %q; send images in the field \"file\".", dialect.DisplayName(file.Field))
		case file.Name == "" && file.Size == 0: // browsers send this if no file was chosen
			continue
		}
		r.images = append(r.images, input{dialect.DisplayName(file.Name), file.Data, file.Size, file.Disk})
	}
	r.several = len(r.images) > 1
	f := formFields(form.Fields)
	r.options = takeOptions(f)
	if r.webhook, err = i.webhook(f.text("webhook", maxURL), f.isTrue("webhook_started")); err != nil && f.err == nil {
		f.err = err
	}
	if err := f.end(); err != nil {
		return r, err
	}
	if len(r.images) == 0 {
		return r, fault.New(fault.Invalid, "The form has no image: send one or more in the field \"file\".")
	}
	return r, nil
}

func bodyError(err error, limit int64) error {
	if dialect.IsBodyTooLarge(err) {
		return fault.Wrap(fault.TooLarge, err, "The request is larger than %d bytes: send fewer or smaller images at once.", limit)
	}
	return err
}

// webhook validates the URL to call, if there is one.
func (i intake) webhook(url string, started bool) (*job.Webhook, error) {
	switch {
	case url == "" && started:
		return nil, fault.New(fault.Invalid, "A webhook needs a url.")
	case url == "":
		return nil, nil
	case i.parts.CheckWebhook == nil:
		return nil, withStatus{http.StatusUnprocessableEntity,
			fault.New(fault.Unsupported, "This server calls no webhooks; ask for the job or follow its events instead.")}
	}
	if err := i.parts.CheckWebhook(url); err != nil {
		return nil, err
	}
	return &job.Webhook{URL: url, Started: started}, nil
}
