package native

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/fetch"
	"upscaled/server/job"
)

func (i intake) readJSON(c echo.Context) (request, error) {
	r := request{close: func() {}}
	limit := max(i.config.MaxBytes*4/3, maxURL) + overhead
	body, err := dialect.ReadJSON(c, limit)
	if err != nil {
		return r, bodyError(err, limit)
	}
	parsed, err := parseJSON(body, i.config.MaxBytes)
	if err != nil {
		return r, err
	}
	r.options, r.images = parsed.options, make([]input, 1)
	if r.webhook, err = i.webhook(parsed.webhook.URL, parsed.webhook.Started); err != nil {
		return r, err
	}
	r.images[0], err = i.load(c.Request().Context(), parsed)
	return r, err
}

// parsedJSON is a JSON body that is valid in itself.
type parsedJSON struct {
	url, dataURI, name string
	options            job.Options
	webhook            job.Webhook
}

// parseJSON parses a body. It matches names exactly.
func parseJSON(body []byte, maxBytes int64) (parsedJSON, error) {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(body, &object); err != nil || object == nil { // null is no object either
		return parsedJSON{}, fault.New(fault.Invalid, "The request's body must be a JSON object.")
	}
	var p parsedJSON
	f := &fields{values: map[string]field{}}
	for name, raw := range object {
		if name == "webhook" {
			p.webhook = parseWebhook(f, raw)
			continue
		}
		f.addJSON(name, raw)
	}
	p.url, p.dataURI = f.text("url", maxURL), f.text("data_uri", int(2*maxBytes+overhead))
	p.name, p.options = f.text("name", maxURL), takeOptions(f)
	if err := f.end(); err != nil {
		return parsedJSON{}, err
	}
	if (p.url == "") == (p.dataURI == "") {
		return parsedJSON{}, fault.New(fault.Invalid, "Give the image as one of url and data_uri.")
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
	inner := &fields{values: map[string]field{}}
	for name, raw := range object {
		inner.addJSON(name, raw)
	}
	hook := job.Webhook{URL: inner.text("url", maxURL), Started: inner.isTrue("started")}
	if err := inner.end(); err != nil && f.err == nil {
		f.err = fault.New(fault.Invalid, "In webhook: %s", fault.Sentence(err))
	}
	return hook
}

// load returns the image of a JSON body.
func (i intake) load(ctx context.Context, p parsedJSON) (input, error) {
	var data []byte
	var err error
	switch {
	case p.dataURI != "":
		data, err = fetch.ParseDataURI(p.dataURI, i.config.MaxBytes)
	case i.parts.Fetcher == nil:
		err = withStatus{http.StatusUnprocessableEntity,
			fault.New(fault.Unsupported, "This server downloads no images; send the file or a data URI instead.")}
	default:
		data, err = i.parts.Fetcher.Fetch(ctx, p.url)
		if p.name == "" {
			p.name = dialect.NameOf(p.url)
		}
	}
	return input{dialect.DisplayName(p.name), data, int64(len(data)), nil}, err
}
