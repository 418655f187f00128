package automatic1111_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/decode"
)

// TestPostprocessingText checks the text that the vendor adds to its images.
func TestPostprocessingText(t *testing.T) {
	t.Parallel()
	s := newServer()
	r := s.post(single, body(t, "image", photo(t, 4, 4), "upscaling_resize", 2, "upscaler_1", "R-ESRGAN 4x+"))
	var answer struct {
		Image string `json:"image"`
	}
	if err := json.Unmarshal(r.Body.Bytes(), &answer); err != nil {
		t.Fatal(err)
	}
	data, err := base64.StdEncoding.DecodeString(answer.Image)
	if err != nil {
		t.Fatal(err)
	}
	info, err := decode.Probe(data, imagedata.Limits{})
	if err != nil || len(info.Meta.Text) != 1 {
		t.Fatalf("%q, %v", info.Meta.Text, err)
	}
	const want = "postprocessing\x00Postprocess upscale by: 2.0, Postprocess upscaler: R-ESRGAN 4x+"
	if text := info.Meta.Text[0]; text.Kind != "tEXt" || !strings.HasPrefix(string(text.Data), want) {
		t.Errorf("%s %q", text.Kind, text.Data)
	}
}
