package automatic1111

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"upscaled/server/dialect"
)

// limit is the context of a number that is out of range.
type limit struct {
	LimitValue float64 `json:"limit_value"`
}

// fields parses the values of an object and collects their violations. Like the
// vendor it accepts strings that hold a number or boolean, and ignores unknown
// fields.
type fields struct {
	values  map[string]json.RawMessage
	invalid dialect.Violations
}

// object parses a body.
func object(body []byte) (*fields, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, dialect.NewViolation("field required", "value_error.missing", "body")
	}
	f := &fields{}
	err := json.Unmarshal(body, &f.values)
	if syntax, damaged := err.(*json.SyntaxError); damaged {
		message := fmt.Sprintf("The JSON is damaged at byte %d.", syntax.Offset)
		return nil, dialect.NewViolation(message, "value_error.jsondecode", "body", syntax.Offset)
	}
	if err != nil || f.values == nil {
		return nil, dialect.NewViolation("value is not a valid dict", "type_error.dict", "body")
	}
	return f, nil
}

func (f *fields) reject(name, kind, message string) {
	f.invalid.Add(message, kind, "body", name)
}

// get returns a value that is present and not null.
func (f *fields) get(name string) (json.RawMessage, bool) {
	raw, given := f.values[name]
	if given && bytes.Equal(raw, []byte("null")) {
		f.reject(name, "type_error.none.not_allowed", "none is not an allowed value")
		return nil, false
	}
	return raw, given
}

// interval is from least to most; open excludes least.
type interval struct {
	least, most float64
	open        bool
}

// share is the interval of a visibility.
func share() interval { return interval{most: 1} }

func (f *fields) number(name string, fallback float64, in interval) float64 {
	raw, given := f.get(name)
	if !given {
		return fallback
	}
	n, ok := parseNumber(raw)
	if !ok {
		f.reject(name, "type_error.float", "value is not a valid float")
		return fallback
	}
	return f.within(name, n, in)
}

// whole parses an integer; like the vendor it truncates numbers, but not strings.
func (f *fields) whole(name string, fallback int, in interval) int {
	raw, given := f.get(name)
	if !given {
		return fallback
	}
	n, ok := parseNumber(raw)
	if !ok || raw[0] == '"' && n != math.Trunc(n) {
		f.reject(name, "type_error.integer", "value is not a valid integer")
		return fallback
	}
	return int(f.within(name, math.Trunc(n), in))
}

// parseNumber parses a number, or a string that holds one.
func parseNumber(raw json.RawMessage) (float64, bool) {
	written := string(raw)
	switch raw[0] {
	case '"':
		written = strings.TrimSpace(string(text(raw)))
	case '[', '{', 't', 'f':
		return 0, false
	}
	n, err := strconv.ParseFloat(written, 64)
	return n, err == nil && !math.IsNaN(n) && !math.IsInf(n, 0) && !strings.ContainsAny(written, "xX_")
}

// within returns n if it is in the interval; else it adds a violation and returns
// least.
func (f *fields) within(name string, n float64, in interval) float64 {
	kind, words, bound := "", "", in.least
	switch {
	case in.open && n <= in.least:
		kind, words = "gt", "greater than"
	case n < in.least:
		kind, words = "ge", "greater than or equal to"
	case n > in.most:
		kind, words, bound = "le", "less than or equal to", in.most
	default:
		return n
	}
	v := dialect.NewViolation(fmt.Sprintf("ensure this value is %s %v", words, int(bound)), "value_error.number.not_"+kind, "body", name).Detail[0]
	v.Context = limit{bound}
	f.invalid.Detail = append(f.invalid.Detail, v)
	return in.least
}

func (f *fields) boolean(name string, fallback bool) bool {
	raw, given := f.get(name)
	if !given {
		return fallback
	}
	written := string(raw)
	if raw[0] == '"' {
		written = strings.ToLower(string(text(raw)))
	}
	switch written {
	case "true", "1", "on", "t", "y", "yes":
		return true
	case "false", "0", "off", "f", "n", "no":
		return false
	}
	f.reject(name, "type_error.bool", "value could not be parsed to a boolean")
	return fallback
}

func (f *fields) text(name, fallback string) string {
	raw, given := f.get(name)
	if !given {
		return fallback
	}
	if raw[0] != '"' {
		f.reject(name, "type_error.str", "str type expected")
		return fallback
	}
	return string(text(raw))
}

// text returns the contents of a JSON string. It shares its memory if possible:
// images are large.
func text(raw json.RawMessage) []byte {
	inner := raw[1 : len(raw)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return inner
	}
	var unescaped string
	_ = json.Unmarshal(raw, &unescaped) // it is known to be valid
	return []byte(unescaped)
}
