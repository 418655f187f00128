package replicate

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/job"
)

const (
	// The model's own maximum. Its minimum is 0, on which it fails; the engine starts
	// at a tenth.
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

// order is a prediction's input with its meaning.
type order struct {
	Input
	image   string // a reference
	options job.Options
}

// parseInput parses a prediction's input without loading the image. Inputs of
// other models are ignored, as the vendor does. Results are PNG, as the model's
// are.
func (v variant) parseInput(value json.RawMessage) (order, error) {
	if dialect.Absent(value) {
		return order{}, violations{{"required", "", "input is required"}}
	}
	var given fields
	if json.Unmarshal(value, &given) != nil {
		return order{}, violations{wrongType("input", "object", value)}
	}
	o := order{options: job.Options{Scale: v.preset, Format: "png", Model: v.models[""]}}
	image, field := given[v.image], "input."+v.image
	var wrong violations
	switch {
	case dialect.Absent(image):
		wrong = append(wrong, Violation{"required", "input", v.image + " is required"})
	case json.Unmarshal(image, &o.image) != nil:
		wrong = append(wrong, wrongType(field, "string", image))
	case !dialect.IsReference(strings.TrimSpace(o.image)):
		wrong = append(wrong, Violation{"format", field, "Does not match format 'uri'"})
	}
	o.image = strings.TrimSpace(o.image)
	wrong = append(wrong, o.parseScale("input."+v.scale, given[v.scale])...)
	if enhance := given["face_enhance"]; !dialect.Absent(enhance) && json.Unmarshal(enhance, &o.FaceEnhance) != nil {
		wrong = append(wrong, wrongType("input.face_enhance", "boolean", enhance))
	}
	if v.models != nil {
		wrong = append(wrong, o.parseModel(v.models, given["version"])...)
	}
	if len(wrong) > 0 {
		return order{}, wrong
	}
	o.options.FaceEnhance = o.FaceEnhance != nil && *o.FaceEnhance
	if v.image == "img" {
		o.Img = repeated(o.image)
	} else {
		o.Image = repeated(o.image)
	}
	if v.scale == "upscale" {
		o.Scale, o.Upscale = nil, o.Scale
	}
	return o, nil
}

func (o *order) parseScale(field string, value json.RawMessage) violations {
	number := func(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }
	var scale float64
	switch {
	case dialect.Absent(value):
		return nil
	case kindOf(value) != "number":
		return violations{wrongType(field, "number", value)}
	case json.Unmarshal(value, &scale) != nil || scale > maxScale: // a number that overflows float64
		return violations{{"number_lte", field, "Must be less than or equal to " + number(maxScale)}}
	case scale < minScale:
		return violations{{"number_gte", field, "Must be greater than or equal to " + number(minScale)}}
	}
	o.Scale, o.options.Scale = &scale, scale
	return nil
}

// parseModel parses the input that chooses one of several models.
func (o *order) parseModel(models map[string]string, value json.RawMessage) violations {
	const field = "input.version"
	if dialect.Absent(value) {
		return nil
	}
	if json.Unmarshal(value, &o.Version) != nil {
		return violations{wrongType(field, "string", value)}
	}
	var known bool
	if o.options.Model, known = models[o.Version]; !known || o.Version == "" {
		names := slices.Sorted(maps.Keys(models))[1:] // the first is the default, ""
		return violations{{"enum", field, "Must be one of the following: \"" + strings.Join(names, `", "`) + `"`}}
	}
	return nil
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
