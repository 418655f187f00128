package maskr

import (
	"errors"
	"net/url"
	"strconv"
	"strings"

	"upscaled/engine/imagedata"
	"upscaled/server/dialect"
	"upscaled/server/job"
)

// The defaults that the vendor documents.
const (
	defaultScale   = 4
	defaultFormat  = "jpeg"
	defaultQuality = 85
)

// parameters looks parameters up and collects their violations in the order they
// are read.
type parameters struct {
	query   url.Values
	fields  map[string]string
	invalid dialect.Violations
}

// lookup prefers the query; where is the place that violations name. An empty
// form field counts as absent, an empty query parameter does not, as with
// FastAPI.
func (p *parameters) lookup(name string) (value, where string, given bool) {
	if p.query.Has(name) {
		return p.query.Get(name), "query", true
	}
	value = p.fields[name]
	return value, "body", value != ""
}

// integer accepts the syntax of Python's int(): surrounding space and a sign, no
// fraction. Numbers beyond 64 bits are clamped, which is out of every range
// here.
func (p *parameters) integer(name string, preset int64) (n int64, where string, ok bool) {
	text, where, given := p.lookup(name)
	if !given {
		return preset, where, true
	}
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		p.invalid.Add("value is not a valid integer", "type_error.integer", where, name)
		return preset, where, false
	}
	return n, where, true
}

func (p *parameters) scale() float64 {
	const name = "scale_factor"
	n, where, ok := p.integer(name, defaultScale)
	if ok && n != 2 && n != 4 {
		p.invalid.Add("unexpected value; permitted: 2, 4", "value_error.const", where, name)
	}
	return float64(n)
}

func (p *parameters) format() imagedata.Format {
	const name = "output_format"
	text, where, given := p.lookup(name)
	if !given {
		text = defaultFormat
	}
	switch strings.ToLower(text) {
	case "jpeg", "jpg":
		return imagedata.JPEG
	case "png":
		return imagedata.PNG
	case "webp":
		return imagedata.WebP
	}
	p.invalid.Add("unexpected value; permitted: 'jpeg', 'png', 'webp'", "value_error.const", where, name)
	return ""
}

func (p *parameters) quality() int {
	const name = "quality"
	n, where, ok := p.integer(name, defaultQuality)
	switch {
	case !ok:
	case n < 1:
		p.invalid.Add("ensure this value is greater than or equal to 1", "value_error.number.not_ge", where, name)
	case n > 100:
		p.invalid.Add("ensure this value is less than or equal to 100", "value_error.number.not_le", where, name)
	}
	return int(n)
}

// parseOptions parses the call's parameters; the options are valid only if there
// are no violations.
func parseOptions(query url.Values, fields map[string]string) (job.Options, dialect.Violations) {
	p := parameters{query: query, fields: fields}
	options := job.Options{Scale: p.scale(), Format: string(p.format()), Quality: p.quality()}
	if options.Format == string(imagedata.PNG) {
		options.Quality = 0 // PNG has none, but an invalid one is still an error
	}
	return options, p.invalid
}
