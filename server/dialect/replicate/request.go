package replicate

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/job"
)

const (
	// The model's own default and maximum. Its minimum is 0, on which it fails;
	// the engine starts at a tenth.
	defaultScale       = 4
	minScale, maxScale = 0.1, 10
	// bodyOverhead is room for the JSON around an image, in bytes.
	bodyOverhead = 64 << 10
)

// fields are the values of a JSON object. Names are matched exactly.
type fields map[string]json.RawMessage

// readBody reads and parses a request's body; unknown fields are ignored.
func (a *API) readBody(c echo.Context) (fields, error) {
	limit := a.config.MaxBytes*4/3 + bodyOverhead
	body, err := dialect.ReadJSON(c, limit)
	switch {
	case dialect.IsBodyTooLarge(err):
		return nil, apiError{Problem{
			Detail: fmt.Sprintf("The request is larger than %d bytes. Upload the image to /v1/files, or send its URL.", limit),
			Status: http.StatusRequestEntityTooLarge,
		}}
	case err != nil:
		return nil, badRequest(fault.Sentence(err))
	}
	return parseBody(body)
}

func badRequest(why string) error {
	return apiError{Problem{Title: "Bad request", Detail: why, Status: http.StatusBadRequest}}
}

func parseBody(body []byte) (fields, error) {
	var all fields
	if err := json.Unmarshal(body, &all); err != nil || all == nil { // null is no object either
		return nil, badRequest("The request body must be a JSON object.")
	}
	return all, nil
}

// parseInput parses a prediction's input without loading the image. Inputs of
// other models are ignored, as the vendor does.
func parseInput(value json.RawMessage) (Input, error) {
	if dialect.Absent(value) {
		return Input{}, violations{{"required", "", "input is required"}}
	}
	var given fields
	if json.Unmarshal(value, &given) != nil {
		return Input{}, violations{wrongType("input", "object", value)}
	}
	var in Input
	var wrong violations
	switch image := given["image"]; {
	case dialect.Absent(image):
		wrong = append(wrong, Violation{"required", "input", "image is required"})
	case json.Unmarshal(image, &in.Image) != nil:
		wrong = append(wrong, wrongType("input.image", "string", image))
	case !dialect.IsReference(strings.TrimSpace(in.Image)):
		wrong = append(wrong, Violation{"format", "input.image", "Does not match format 'uri'"})
	}
	in.Image = strings.TrimSpace(in.Image)
	if scale := given["scale"]; !dialect.Absent(scale) {
		wrong = append(wrong, in.parseScale(scale)...)
	}
	if enhance := given["face_enhance"]; !dialect.Absent(enhance) && json.Unmarshal(enhance, &in.FaceEnhance) != nil {
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
	case json.Unmarshal(value, &scale) != nil || scale > maxScale: // a number that overflows float64
		return violations{{"number_lte", "input.scale", "Must be less than or equal to " + number(maxScale)}}
	case scale < minScale:
		return violations{{"number_gte", "input.scale", "Must be greater than or equal to " + number(minScale)}}
	}
	in.Scale = &scale
	return nil
}

// options returns the job's options. Results are PNG, as the model's are.
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

func wrongType(field, expected string, value json.RawMessage) Violation {
	return Violation{"invalid_type", field, "Invalid type. Expected: " + expected + ", given: " + kindOf(value)}
}

// kindOf returns the JSON Schema type of a valid JSON value.
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
