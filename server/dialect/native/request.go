package native

import (
	"errors"
	"mime"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/job"
	"upscaled/server/upload"
)

const (
	// fileField is the form's field for pictures.
	fileField = "file"
	// overhead is room for a body's texts beside its pictures, in bytes.
	overhead = 1 << 20
	// mostURL bounds the URLs of pictures and webhooks, and mostShown a
	// picture's name, which is for display only, in bytes.
	mostURL   = 4 << 10
	mostShown = 255
)

// original is one input. Its data are nil where size is over the limit.
type original struct {
	name string
	data []byte
	size int64
}

// order is what a request asks for.
type order struct {
	pictures []original // at least one
	// several says that the request had more than one file.
	several bool
	options job.Options
	webhook *job.Webhook
}

// read takes a form or a JSON body.
func (a *API) read(c echo.Context) (order, error) {
	kind, _, _ := mime.ParseMediaType(c.Request().Header.Get(echo.HeaderContentType))
	switch kind {
	case echo.MIMEMultipartForm:
		return a.readForm(c)
	case echo.MIMEApplicationJSON:
		return a.readJSON(c)
	}
	return order{}, fault.New(fault.Unsupported, "The request must be multipart/form-data with a field named file, or application/json.")
}

func (a *API) readForm(c echo.Context) (order, error) {
	r, limit := c.Request(), max(a.config.MaxRequestBytes, a.config.MaxBytes+overhead)
	if err := bound(c, limit); err != nil {
		return order{}, err
	}
	form, err := upload.Read(r, upload.Limits{FileBytes: a.config.MaxBytes, Files: a.config.MaxFiles}, fileField)
	if err != nil {
		return order{}, tooLong(err, limit)
	}
	var o order
	for _, file := range form.Files {
		switch {
		case file.Field != fileField:
			return order{}, fault.New(fault.Invalid, "The form has a file in the field %q; send pictures in the field \"file\".", shown(file.Field))
		case file.Name == "" && file.Size == 0: // so browsers send a field where nothing was chosen
			continue
		}
		o.pictures = append(o.pictures, original{shown(file.Name), file.Data, file.Size})
	}
	o.several = len(o.pictures) > 1
	f := formFields(form.Fields)
	o.options = takeOptions(f)
	if o.webhook, err = a.webhook(f.text("webhook", mostURL), f.isYes("webhook_started")); err != nil && f.err == nil {
		f.err = err
	}
	if err := f.end(); err != nil {
		return order{}, err
	}
	if len(o.pictures) == 0 {
		return order{}, fault.New(fault.Invalid, "The form has no picture: send one or more in the field \"file\".")
	}
	return o, nil
}

// bound lets a request's body have so many bytes. A longer one is refused
// unread where the client declares its length.
func bound(c echo.Context, limit int64) error {
	r := c.Request()
	if r.ContentLength > limit {
		return tooLong(&http.MaxBytesError{Limit: limit}, limit)
	}
	r.Body = http.MaxBytesReader(c.Response().Writer, r.Body, limit)
	return nil
}

func tooLong(err error, limit int64) error {
	if errors.As(err, new(*http.MaxBytesError)) {
		return fault.Wrap(fault.TooLarge, err, "The request is larger than %d bytes: send fewer or smaller pictures at once.", limit)
	}
	return err
}

// webhook checks the address to call, if one was given.
func (a *API) webhook(address string, started bool) (*job.Webhook, error) {
	switch {
	case address == "" && started:
		return nil, fault.New(fault.Invalid, "A webhook needs a url.")
	case address == "":
		return nil, nil
	case a.parts.CheckWebhook == nil:
		return nil, answered{http.StatusUnprocessableEntity,
			fault.New(fault.Unsupported, "This server calls no webhooks; ask for the job or follow its events instead.")}
	}
	if err := a.parts.CheckWebhook(address); err != nil {
		return nil, err
	}
	return &job.Webhook{URL: address, Started: started}, nil
}

// shown is a client's text as it can be kept and shown.
func shown(text string) string {
	return strings.ToValidUTF8(text[:min(len(text), mostShown)], "")
}
