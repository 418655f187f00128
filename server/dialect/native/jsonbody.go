package native

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"path"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/fetch"
	"upscaled/server/job"
)

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

// load gets the picture of a JSON body.
func (a *API) load(ctx context.Context, p parsedJSON) (original, error) {
	var data []byte
	var err error
	switch {
	case p.dataURI != "":
		data, err = fetch.ParseDataURI(p.dataURI, a.config.MaxBytes)
	case a.parts.Fetcher == nil:
		err = answered{http.StatusUnprocessableEntity,
			fault.New(fault.Unsupported, "This server fetches no pictures; send the file or a data URI instead.")}
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
