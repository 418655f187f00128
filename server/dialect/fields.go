package dialect

import (
	"encoding/json"
	"strings"
)

// FieldError is the error of one field of a JSON body, in the words of the JSON
// Schema validator that Replicate uses.
type FieldError struct {
	Type string
	// Field is a path such as input.scale; "" is the body itself.
	Field, Description string
}

// FieldErrors are the errors of a body's fields.
type FieldErrors []FieldError

func (e FieldErrors) Error() string {
	var text strings.Builder
	for _, one := range e {
		text.WriteString("- ")
		if one.Field != "" {
			text.WriteString(one.Field + ": ")
		}
		text.WriteString(one.Description + "\n")
	}
	return text.String()
}

// Violations returns the errors in the form of FastAPI.
func (e FieldErrors) Violations() (v Violations) {
	for _, one := range e {
		kind, message, path := "value_error", one.Description, one.Field
		if name, missing := strings.CutSuffix(message, " is required"); missing {
			kind, message, path = "value_error.missing", "Field required", strings.TrimPrefix(path+"."+name, ".")
		}
		location := []any{"body"}
		for part := range strings.SplitSeq(path, ".") {
			location = append(location, part)
		}
		v.Add(message, kind, location...)
	}
	return v
}

// WrongType returns the error of a value of another type than expected.
func WrongType(field, expected string, value json.RawMessage) FieldErrors {
	return FieldErrors{{"invalid_type", field, "Invalid type. Expected: " + expected + ", given: " + JSONType(value)}}
}

// JSONType returns the JSON Schema type of a valid JSON value.
func JSONType(value json.RawMessage) string {
	switch value[0] {
	case '{':
		return "object"
	case '[':
		return "array"
	case '"':
		return "string"
	case 't', 'f':
		return "boolean"
	case 'n':
		return "null"
	}
	return "number"
}

// EncodeMemo returns a dialect's own data as job.Spec.Memo keeps it.
func EncodeMemo(memo any) string {
	text, _ := json.Marshal(memo) // strings and finite numbers always marshal
	return string(text)
}

// DecodeMemo is the inverse of EncodeMemo. It returns the zero value for any other
// text.
func DecodeMemo[T any](text string) T {
	var memo, none T
	if json.Unmarshal([]byte(text), &memo) != nil {
		return none
	}
	return memo
}
