package automatic1111

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
)

// Violation is one thing that is wrong with a body, as the vendor's validator
// (pydantic 1) tells it.
type Violation struct {
	Loc  []any  `json:"loc"`
	Msg  string `json:"msg"`
	Type string `json:"type"`
	Ctx  any    `json:"ctx,omitempty"`
}

// Limit is the Ctx of a number out of range.
type Limit struct {
	LimitValue float64 `json:"limit_value"`
}

// violation names the place by the path within the body.
func violation(kind, message string, path ...any) Violation {
	return Violation{Loc: append([]any{"body"}, path...), Msg: message, Type: kind}
}

// unprocessable is the answer to violations; nil for none.
func unprocessable(all []Violation) error {
	if len(all) == 0 {
		return nil
	}
	return apiError{http.StatusUnprocessableEntity, Detail{all}, all[0].Msg}
}

// fields reads the values of an object and collects what is wrong with them.
// As the vendor's does it takes texts that hold a number or truth value, and
// ignores what it does not know.
type fields struct {
	values map[string]json.RawMessage
	wrong  []Violation
}

// object reads a body.
func object(body []byte) (*fields, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, unprocessable([]Violation{violation("value_error.missing", "field required")})
	}
	f := &fields{}
	err := json.Unmarshal(body, &f.values)
	if syntax, damaged := err.(*json.SyntaxError); damaged {
		message := fmt.Sprintf("The JSON is damaged at byte %d.", syntax.Offset)
		return nil, unprocessable([]Violation{violation("value_error.jsondecode", message, syntax.Offset)})
	}
	if err != nil || f.values == nil {
		return nil, unprocessable([]Violation{violation("type_error.dict", "value is not a valid dict")})
	}
	return f, nil
}

func (f *fields) refuse(name, kind, message string) {
	f.wrong = append(f.wrong, violation(kind, message, name))
}

// get gives a value that is there and not null.
func (f *fields) get(name string) (json.RawMessage, bool) {
	raw, there := f.values[name]
	if there && bytes.Equal(raw, []byte("null")) {
		f.refuse(name, "type_error.none.not_allowed", "none is not an allowed value")
		return nil, false
	}
	return raw, there
}

// scalar is a number's or text's characters; "" for everything else.
func scalar(raw json.RawMessage) string {
	switch raw[0] {
	case '"':
		return strings.TrimSpace(string(text(raw)))
	case '[', '{', 't', 'f':
		return ""
	}
	return string(raw)
}

// interval is from least to most; open leaves out least itself.
type interval struct {
	least, most float64
	open        bool
}

// share is a visibility.
func share() interval { return interval{most: 1} }

func (f *fields) number(name string, fallback float64, in interval) float64 {
	raw, there := f.get(name)
	if !there {
		return fallback
	}
	written := scalar(raw)
	n, err := strconv.ParseFloat(written, 64)
	if err != nil || math.IsNaN(n) || math.IsInf(n, 0) || strings.ContainsAny(written, "xX_") {
		f.refuse(name, "type_error.float", "value is not a valid float")
		return fallback
	}
	return f.within(name, n, in)
}

// whole reads an integer; the vendor cuts fractions of numbers off.
func (f *fields) whole(name string, fallback int, in interval) int {
	raw, there := f.get(name)
	if !there {
		return fallback
	}
	written := scalar(raw)
	n, err := strconv.ParseFloat(written, 64)
	if err != nil || math.IsNaN(n) || math.IsInf(n, 0) || strings.ContainsAny(written, "xX_") || raw[0] == '"' && n != math.Trunc(n) {
		f.refuse(name, "type_error.integer", "value is not a valid integer")
		return fallback
	}
	return int(f.within(name, math.Trunc(n), in))
}

// within gives a number in the interval; outside it is a violation and least.
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
	v := violation("value_error.number.not_"+kind, fmt.Sprintf("ensure this value is %s %v", words, int(bound)), name)
	v.Ctx = Limit{bound}
	f.wrong = append(f.wrong, v)
	return in.least
}

func (f *fields) yes(name string, fallback bool) bool {
	raw, there := f.get(name)
	if !there {
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
	f.refuse(name, "type_error.bool", "value could not be parsed to a boolean")
	return fallback
}

func (f *fields) text(name, fallback string) string {
	raw, there := f.get(name)
	if !there {
		return fallback
	}
	if raw[0] != '"' {
		f.refuse(name, "type_error.str", "str type expected")
		return fallback
	}
	return string(text(raw))
}

// text is what a JSON string holds. It shares the string's bytes where it can:
// pictures are large.
func text(raw json.RawMessage) []byte {
	inner := raw[1 : len(raw)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return inner
	}
	var unescaped string
	_ = json.Unmarshal(raw, &unescaped) // it was read once already
	return []byte(unescaped)
}
