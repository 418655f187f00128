package dialect

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"upscaled/server/job"
)

// ModelInputs are the inputs of a Real-ESRGAN model of Replicate, which containers
// of Cog run too:
// models differ in their inputs.
type ModelInputs struct {
	// Image and Scale are the names of the inputs, Preset is the default scale.
	Image, Scale string
	Preset       float64
	// Models maps values of the input "version" to models of the catalog, "" to the
	// default.
	Models map[string]string
}

// ModelInput is a parsed input; its image has not been loaded.
type ModelInput struct {
	Image string // a URL or a data URI
	// Scale, FaceEnhance and Version are as given.
	Scale       *float64
	FaceEnhance *bool
	Version     string
	Options     job.Options
}

// The model's own maximum of the scale. Its minimum is 0, on which it fails; the
// engine starts at a tenth.
const minScale, maxScale = 0.1, 10

// Parse parses the field input. Inputs of other models are ignored, as Replicate
// does. Results are PNG, as the model's are.
func (m ModelInputs) Parse(value json.RawMessage) (ModelInput, FieldErrors) {
	if Absent(value) {
		return ModelInput{}, FieldErrors{{"required", "", "input is required"}}
	}
	var given map[string]json.RawMessage
	if json.Unmarshal(value, &given) != nil {
		return ModelInput{}, WrongType("input", "object", value)
	}
	in := ModelInput{Options: job.Options{Scale: m.Preset, Format: "png", Model: m.Models[""]}}
	image, field := given[m.Image], "input."+m.Image
	var wrong FieldErrors
	switch {
	case Absent(image):
		wrong = append(wrong, FieldError{"required", "input", m.Image + " is required"})
	case json.Unmarshal(image, &in.Image) != nil:
		wrong = append(wrong, WrongType(field, "string", image)...)
	case !IsReference(strings.TrimSpace(in.Image)):
		wrong = append(wrong, FieldError{"format", field, "Does not match format 'uri'"})
	}
	in.Image = strings.TrimSpace(in.Image)
	wrong = append(wrong, in.parseScale("input."+m.Scale, given[m.Scale])...)
	if enhance := given["face_enhance"]; !Absent(enhance) && json.Unmarshal(enhance, &in.FaceEnhance) != nil {
		wrong = append(wrong, WrongType("input.face_enhance", "boolean", enhance)...)
	}
	in.Options.FaceEnhance = in.FaceEnhance != nil && *in.FaceEnhance
	if m.Models != nil {
		wrong = append(wrong, in.parseVersion(m.Models, given["version"])...)
	}
	return in, wrong
}

func (in *ModelInput) parseScale(field string, value json.RawMessage) FieldErrors {
	number := func(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }
	var scale float64
	switch {
	case Absent(value):
		return nil
	case JSONType(value) != "number":
		return WrongType(field, "number", value)
	case json.Unmarshal(value, &scale) != nil || scale > maxScale: // a number that overflows float64
		return FieldErrors{{"number_lte", field, "Must be less than or equal to " + number(maxScale)}}
	case scale < minScale:
		return FieldErrors{{"number_gte", field, "Must be greater than or equal to " + number(minScale)}}
	}
	in.Scale, in.Options.Scale = &scale, scale
	return nil
}

// parseVersion parses the input that chooses one of several models.
func (in *ModelInput) parseVersion(models map[string]string, value json.RawMessage) FieldErrors {
	const field = "input.version"
	if Absent(value) {
		return nil
	}
	if json.Unmarshal(value, &in.Version) != nil {
		return WrongType(field, "string", value)
	}
	var known bool
	if in.Options.Model, known = models[in.Version]; !known || in.Version == "" {
		names := slices.Sorted(maps.Keys(models))[1:] // the first is the default, ""
		return FieldErrors{{"enum", field, `Must be one of the following: "` + strings.Join(names, `", "`) + `"`}}
	}
	return nil
}
