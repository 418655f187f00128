package replicate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"upscaled/server/job"
)

const (
	// The model's own default and upper bound. Its lower one is 0, on which it
	// fails; the engine makes pictures from a tenth on.
	defaultScale       = 4
	minScale, maxScale = 0.1, 10
	// bodyOverhead is room for the JSON around a picture, in bytes.
	bodyOverhead = 64 << 10
)

// fields are a JSON object's. Names are matched exactly.
type fields map[string]json.RawMessage

// readBody reads a request's body.
func (a *API) readBody(c echo.Context) (fields, error) {
	r, limit := c.Request(), a.config.MaxBytes*4/3+bodyOverhead
	tooLarge := apiError{Problem{
		Detail: fmt.Sprintf("The request is larger than %d bytes. Upload the image to /v1/files, or send its URL.", limit),
		Status: http.StatusRequestEntityTooLarge,
	}}
	if r.ContentLength > limit {
		return nil, tooLarge
	}
	body, err := io.ReadAll(http.MaxBytesReader(c.Response().Writer, r.Body, limit))
	if errors.As(err, new(*http.MaxBytesError)) {
		return nil, tooLarge
	} else if err != nil {
		return nil, badRequest("The request body is incomplete.")
	}
	return parseBody(body)
}

func badRequest(why string) error {
	return apiError{Problem{Title: "Bad request", Detail: why, Status: http.StatusBadRequest}}
}

// parseBody splits a body into fields; unknown ones are ignored.
func parseBody(body []byte) (fields, error) {
	var all fields
	if err := json.Unmarshal(body, &all); err != nil || all == nil { // null is no object either
		return nil, badRequest("The request body must be a JSON object.")
	}
	return all, nil
}

// parseInput reads and checks a prediction's input as far as that goes without
// the picture. Inputs of other models are ignored, as the vendor does.
func parseInput(value json.RawMessage) (Input, error) {
	if absent(value) {
		return Input{}, violations{{"required", "", "input is required"}}
	}
	var given fields
	if json.Unmarshal(value, &given) != nil {
		return Input{}, violations{wrongType("input", "object", value)}
	}
	var in Input
	var wrong violations
	switch image := given["image"]; {
	case absent(image):
		wrong = append(wrong, Violation{"required", "input", "image is required"})
	case json.Unmarshal(image, &in.Image) != nil:
		wrong = append(wrong, wrongType("input.image", "string", image))
	case !isReference(strings.TrimSpace(in.Image)):
		wrong = append(wrong, Violation{"format", "input.image", "Does not match format 'uri'"})
	}
	in.Image = strings.TrimSpace(in.Image)
	if scale := given["scale"]; !absent(scale) {
		wrong = append(wrong, in.parseScale(scale)...)
	}
	if enhance := given["face_enhance"]; !absent(enhance) && json.Unmarshal(enhance, &in.FaceEnhance) != nil {
		wrong = append(wrong, wrongType("input.face_enhance", "boolean", enhance))
	}
	if len(wrong) > 0 {
		return Input{}, wrong
	}
	return in, nil
}

func (in *Input) parseScale(value json.RawMessage) violations {
	number := func(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }
	var scale float64
	switch {
	case kindOf(value) != "number":
		return violations{wrongType("input.scale", "number", value)}
	case json.Unmarshal(value, &scale) != nil || scale > maxScale: // what is no float64 is too much for one
		return violations{{"number_lte", "input.scale", "Must be less than or equal to " + number(maxScale)}}
	case scale < minScale:
		return violations{{"number_gte", "input.scale", "Must be greater than or equal to " + number(minScale)}}
	}
	in.Scale = &scale
	return nil
}

// options are what the input asks of the engine. Results are PNG, as the
// model's are.
func (in Input) options() job.Options {
	o := job.Options{Scale: defaultScale, Format: "png"}
	if in.Scale != nil {
		o.Scale = *in.Scale
	}
	if in.FaceEnhance != nil {
		o.FaceEnhance = *in.FaceEnhance
	}
	return o
}

// isReference says whether an image can be a URL or a data URI.
func isReference(image string) bool {
	return hasScheme(image, "data:") || hasScheme(image, "https://") || hasScheme(image, "http://")
}

func hasScheme(image, scheme string) bool {
	return len(image) >= len(scheme) && strings.EqualFold(image[:len(scheme)], scheme)
}

func absent(value json.RawMessage) bool { return len(value) == 0 || bytes.Equal(value, []byte("null")) }

func wrongType(field, expected string, value json.RawMessage) Violation {
	return Violation{"invalid_type", field, "Invalid type. Expected: " + expected + ", given: " + kindOf(value)}
}

// kindOf is a valid JSON value's type in JSON Schema's words.
func kindOf(value json.RawMessage) string {
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
