package limits

import (
	"context"
	"io"

	"upscaled/models/fault"
)

// Limits of JSON bodies that no honest client reaches.
const (
	maxJSONValues = 10_000
	maxJSONDepth  = 64
)

var (
	errJSONValues error = fault.New(fault.Invalid, "The JSON has more than %d values.", maxJSONValues)
	errJSONDepth  error = fault.New(fault.Invalid, "The JSON is nested more than %d levels deep.", maxJSONDepth)
)

// JSON returns a reader of a request's JSON body that fails with a fault once the
// body has too many values or levels: parsed, each takes many times its bytes. The
// bytes are charged to the budget twice, since a parsed body is a second copy. ctx
// is the request's. Invalid JSON is passed on.
func JSON(ctx context.Context, from io.Reader) io.Reader {
	b, _ := ctx.Value(bodyKey{}).(*body)
	return &jsonReader{from: from, body: b}
}

type jsonReader struct {
	from            io.Reader
	body            *body // nil outside of requests
	values, depth   int
	quoted, escaped bool // within a string; behind a backslash in one
}

// Read implements io.Reader.
func (r *jsonReader) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	if exceeded := r.count(p[:n]); exceeded != nil {
		return 0, exceeded
	}
	if r.body != nil {
		if crowded := r.body.chargeCopy(int64(n), true); crowded != nil {
			return 0, crowded
		}
	}
	return n, err
}

// count counts values by the byte before them: a comma or an opening bracket. A key
// and its value count once.
func (r *jsonReader) count(text []byte) error {
	for _, c := range text {
		switch {
		case r.escaped:
			r.escaped = false
		case r.quoted:
			r.escaped, r.quoted = c == '\\', c != '"'
		case c == '"':
			r.quoted = true
		case c == ',':
			r.values++
		case c == '[', c == '{':
			r.values++
			r.depth++
		case c == ']', c == '}':
			r.depth--
		}
		//guard:json-values TestJSON TestSmallBodiesOfManyValues
		if r.values > maxJSONValues {
			return errJSONValues
		}
		//guard:json-depth TestJSON
		if r.depth > maxJSONDepth {
			return errJSONDepth
		}
	}
	return nil
}
