package native

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/labstack/echo/v4"

	"upscaled/engine/fault"
	"upscaled/server/fetch"
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

func (a *API) readJSON(c echo.Context) (order, error) {
	limit := max(a.config.MaxBytes*4/3, mostURL) + overhead
	if err := bound(c, limit); err != nil {
		return order{}, err
	}
	body, err := io.ReadAll(c.Request().Body)
	if err != nil {
		return order{}, tooLong(fault.Wrap(fault.Invalid, err, "The request's body is incomplete."), limit)
	}
	parsed, err := parseJSON(body, a.config.MaxBytes)
	if err != nil {
		return order{}, err
	}
	o := order{options: parsed.options}
	if o.webhook, err = a.webhook(parsed.webhook.URL, parsed.webhook.Started); err != nil {
		return order{}, err
	}
	o.pictures = make([]original, 1)
	o.pictures[0], err = a.load(c.Request().Context(), parsed)
	return o, err
}

// parsedJSON is a JSON body that is sound in itself.
type parsedJSON struct {
	url, dataURI, name string
	options            job.Options
	webhook            job.Webhook
}

// parseJSON reads a body. Names are matched exactly.
func parseJSON(body []byte, maxBytes int64) (parsedJSON, error) {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(body, &object); err != nil || object == nil { // null is no object either
		return parsedJSON{}, fault.New(fault.Invalid, "The request's body must be a JSON object.")
	}
	var p parsedJSON
	f := &fields{left: map[string]field{}}
	for name, raw := range object {
		if name == "webhook" {
			p.webhook = parseWebhook(f, raw)
			continue
		}
		f.addJSON(name, raw)
	}
	p.url, p.dataURI = f.text("url", mostURL), f.text("data_uri", int(2*maxBytes+overhead))
	p.name, p.options = f.text("name", mostURL), takeOptions(f)
	if err := f.end(); err != nil {
		return parsedJSON{}, err
	}
	if (p.url == "") == (p.dataURI == "") {
		return parsedJSON{}, fault.New(fault.Invalid, "Give the picture as one of url and data_uri.")
	}
	return p, nil
}

func parseWebhook(f *fields, raw json.RawMessage) job.Webhook {
	if string(raw) == "null" {
		return job.Webhook{}
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(raw, &object); err != nil {
		f.fail("webhook must be an object with url and started.")
		return job.Webhook{}
	}
	inner := &fields{left: map[string]field{}}
	for name, raw := range object {
		inner.addJSON(name, raw)
	}
	hook := job.Webhook{URL: inner.text("url", mostURL), Started: inner.isYes("started")}
	if err := inner.end(); err != nil && f.err == nil {
		f.err = fault.New(fault.Invalid, "In webhook: %s", fault.Sentence(err))
	}
	return hook
}

// webhook checks the address to call, if one was given.
func (a *API) webhook(address string, started bool) (*job.Webhook, error) {
	switch {
	case address == "" && started:
		return nil, fault.New(fault.Invalid, "A webhook needs a url.")
	case address == "":
		return nil, nil
	case a.parts.CheckWebhook == nil:
		return nil, fault.New(fault.Unsupported, "This server calls no webhooks; ask for the job or follow its events instead.")
	}
	if err := a.parts.CheckWebhook(address); err != nil {
		return nil, err
	}
	return &job.Webhook{URL: address, Started: started}, nil
}

// load gets the picture of a JSON body.
func (a *API) load(ctx context.Context, p parsedJSON) (original, error) {
	var data []byte
	var err error
	switch {
	case p.dataURI != "":
		data, err = fetch.ParseDataURI(p.dataURI, a.config.MaxBytes)
	case a.parts.Fetcher == nil:
		err = fault.New(fault.Unsupported, "This server fetches no pictures; send the file or a data URI instead.")
	default:
		data, err = a.parts.Fetcher.Fetch(ctx, p.url)
		if p.name == "" {
			p.name = lastPart(p.url)
		}
	}
	return original{shown(p.name), data, int64(len(data))}, err
}

// lastPart is the last part of a URL's path, or "".
func lastPart(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	if name := path.Base(u.Path); name != "." && name != "/" {
		return name
	}
	return ""
}

// shown is a client's text as it can be kept and shown.
func shown(text string) string {
	return strings.ToValidUTF8(text[:min(len(text), mostShown)], "")
}
