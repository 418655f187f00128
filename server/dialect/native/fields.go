package native

import (
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/upload"
)

// kind is how a field was encoded.
type kind int

const (
	formText kind = iota // stands for any of the others: forms have only text
	jsonText
	jsonNumber
	jsonBool
)

// field is one value of a request. JSON numbers and booleans are kept as text.
type field struct {
	text string
	kind kind
}

// fields parses a request's values one by one. After the first error, which it
// keeps, all values count as absent. Empty and null values are absent too, since
// forms send every field.
type fields struct {
	values map[string]field // not taken yet
	err    error
}

func formFields(texts map[string]string) *fields {
	values := map[string]field{}
	for name, text := range texts {
		values[name] = field{text, formText}
	}
	return &fields{values: values}
}

// addJSON adds one value of an object.
func (f *fields) addJSON(name string, raw json.RawMessage) {
	name = dialect.DisplayName(name) // errors quote it
	switch text := string(raw); {
	case text == "null":
		f.values[name] = field{"", jsonText}
	case text == "true", text == "false":
		f.values[name] = field{text, jsonBool}
	case strings.HasPrefix(text, `"`):
		var value string
		if err := json.Unmarshal(raw, &value); err != nil {
			f.fail("%s is damaged.", name)
			return
		}
		f.values[name] = field{strings.TrimSpace(value), jsonText}
	case strings.HasPrefix(text, "{"), strings.HasPrefix(text, "["):
		f.fail("%s must be a single value, not an object or a list.", name)
	default:
		f.values[name] = field{text, jsonNumber}
	}
}

func (f *fields) fail(format string, args ...any) {
	if f.err == nil {
		f.err = fault.New(fault.Invalid, format, args...)
	}
}

// take removes and returns a value that is not empty and of the wanted kind.
func (f *fields) take(name string, wanted kind, what string) (string, bool) {
	value, given := f.values[name]
	delete(f.values, name)
	if f.err != nil || !given || value.text == "" {
		return "", false
	}
	if value.kind != formText && value.kind != wanted {
		f.fail("%s must be %s.", name, what)
		return "", false
	}
	return value.text, true
}

// text returns a text of at most most bytes, or "".
func (f *fields) text(name string, most int) string {
	switch text, _ := f.take(name, jsonText, "a text"); {
	case len(text) > most:
		f.fail("%s is longer than %d bytes.", name, most)
	case !utf8.ValidString(text): // records must be valid UTF-8
		f.fail("%s is not valid UTF-8.", name)
	default:
		return text
	}
	return ""
}

// choice returns one of the words, or "".
func (f *fields) choice(name string, words ...string) string {
	text, given := f.take(name, jsonText, "a text")
	if text = strings.ToLower(text); given && !slices.Contains(words, text) {
		f.fail("%s must be %s or %s.", name, strings.Join(words[:len(words)-1], ", "), words[len(words)-1])
		return ""
	}
	return text
}

// number returns a decimal number from least to most, or nil.
func (f *fields) number(name string, least, most float64) *float64 {
	text, given := f.take(name, jsonNumber, "a number")
	if !given {
		return nil
	}
	n, err := strconv.ParseFloat(text, 64)
	odd := strings.ContainsAny(text, "xX_") // ParseFloat accepts these
	if err != nil || odd || math.IsNaN(n) || n < least || n > most {
		f.fail("%s must be a number from %g to %g.", name, least, most)
		return nil
	}
	return &n
}

// integer returns a whole number from 1 to most, or 0.
func (f *fields) integer(name string, most int) int {
	text, given := f.take(name, jsonNumber, "a number")
	if !given {
		return 0
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		f.fail("%s must be a whole number from 1 to %d.", name, most)
		return 0
	}
	return n
}

// boolean returns nil if the value is absent.
func (f *fields) boolean(name string) *bool {
	text, given := f.take(name, jsonBool, "true or false")
	if !given {
		return nil
	}
	value, ok := upload.ParseBool(text)
	if !ok {
		f.fail("%s must be true or false.", name)
		return nil
	}
	return &value
}

func (f *fields) isTrue(name string) bool {
	value := f.boolean(name)
	return value != nil && *value
}

// end returns the first error, or an error for a value that was not taken.
func (f *fields) end() error {
	if names := slices.Sorted(maps.Keys(f.values)); f.err == nil && len(names) > 0 {
		f.fail("There is no option %q; /docs/api lists all.", names[0])
	}
	return f.err
}
