package replicate

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/dialect"
)

// bodyOverhead is room for the JSON around an image, in bytes.
const bodyOverhead = 64 << 10

// fields are the values of a JSON object.
type fields = map[string]json.RawMessage

// readBody reads and parses a request's body; unknown fields are ignored.
func (a *API) readBody(c echo.Context) (fields, error) {
	limit := a.config.MaxBytes*4/3 + bodyOverhead
	body, err := dialect.ReadObject(c, limit)
	switch {
	case dialect.IsBodyTooLarge(err):
		return nil, apiError{Problem{
			Detail: fmt.Sprintf("The request is larger than %d bytes. Upload the image to /v1/files, or send its URL.", limit),
			Status: http.StatusRequestEntityTooLarge,
		}}
	case err != nil:
		return nil, badRequest(fault.Sentence(err))
	}
	return body, nil
}

func badRequest(why string) error {
	return apiError{Problem{Title: "Bad request", Detail: why, Status: http.StatusBadRequest}}
}

// repeat returns an input as predictions repeat it, in the names of the model.
func (v variant) repeat(in dialect.ModelInput) Input {
	given := Input{FaceEnhance: in.FaceEnhance, Version: in.Version}
	if v.Image == "img" {
		given.Img = repeated(in.Image)
	} else {
		given.Image = repeated(in.Image)
	}
	if v.Scale == "upscale" {
		given.Upscale = in.Scale
	} else {
		given.Scale = in.Scale
	}
	return given
}
