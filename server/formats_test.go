package server_test

import (
	"bytes"
	"encoding/base64"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"upscaled/engine/film"
	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/encode"
)

// fileOf returns a file of 80x64 pixels, or of 48x32 in a format that is only read; nil
// if its library is missing.
func fileOf(t *testing.T, format imagedata.Format) []byte {
	t.Helper()
	if encode.Writable(format) != nil {
		return nil
	}
	if format.Output() != format {
		file, err := os.ReadFile("../engine/imagedata/decode/testdata/codec/color." + strings.TrimPrefix(format.Extension(), "."))
		if err != nil {
			t.Fatal(err)
		}
		return file
	}
	image := imagedata.NewRaster(80, 64, 3, 8)
	for i := range image.Pix {
		image.Pix[i] = byte(i * i >> 3)
	}
	var out bytes.Buffer
	encoder, err := encode.New(&out, encode.Header{Width: 80, Height: 64, Channels: 3, Depth: 8, Frames: 1}, encode.Options{Format: format})
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{encoder.BeginFrame(0), encoder.WriteBand(image, nil), encoder.Close()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

// TestFormatsOfAllAPIs sends a file of each format to each API. Those that name no list
// of their own take every format that the engine reads; the others take theirs and
// refuse the rest when it is sent.
func TestFormatsOfAllAPIs(t *testing.T) {
	t.Parallel()
	const jpeg, png, webp, bmp, gif = imagedata.JPEG, imagedata.PNG, imagedata.WebP, imagedata.BMP, imagedata.GIF
	web := []imagedata.Format{jpeg, png, webp}
	all := imagedata.Formats()
	s := open(t, succeeding(), nil)
	for _, format := range all {
		file := fileOf(t, format)
		if file == nil {
			t.Logf("no library for %s", format)
			continue
		}
		text := base64.StdEncoding.EncodeToString(file)
		name := "a" + format.Extension()
		file = append(file, make([]byte, 1024)...) // a vendor's least size
		for _, c := range []struct {
			row
			takes []imagedata.Format
		}{
			{row{name: "own", path: "/api/v1/jobs", form: []string{"file@" + name}, file: file}, all},
			{row{name: "cog", path: "/predictions", json: `{"input":{"image":"data:` + format.ContentType() + `;base64,` + text + `"}}`}, all},
			{row{name: "replicate", path: "/v1/models/nightmareai/real-esrgan/predictions", json: `{"input":{"image":"data:` + format.ContentType() + `;base64,` + text + `"}}`}, all},
			{row{name: "AUTOMATIC1111", path: "/sdapi/v1/extra-single-image", json: `{"image":"` + text + `","upscaler_1":"R-ESRGAN 4x+"}`}, all},
			{row{name: "comfyui", path: "/upload/image", form: []string{"image@" + name}, file: file}, all},
			{row{name: "openai", path: "/v1/images/upscale", json: `{"image":"` + text + `"}`}, all},
			{row{name: "mnml", path: mnmlUpscale, form: []string{"image@" + name}, file: file}, []imagedata.Format{jpeg, png, gif}},
			{row{name: "ailab", path: ailabUpscale, form: []string{"image@" + name}, file: file}, []imagedata.Format{jpeg, png, bmp}},
			{row{name: "maskr", path: maskrUpscale, form: []string{"file@" + name}, file: file}, web},
			{row{name: "aetherforge", path: forgeUpscale, form: []string{"image@" + name, "scale=1K"}, file: file}, all},
			{row{name: "stability", path: "/v2beta/stable-image/upscale/fast", form: []string{"image@" + name}, file: file}, web},
			{row{name: "artnex", path: mnmlUpscale, json: `{"image":"data:` + format.ContentType() + `;base64,` + text + `"}`}, web},
		} {
			c.key = "good"
			response, err := http.DefaultClient.Do(c.request(t, s))
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(response.Body)
			_ = response.Body.Close()
			taken, refused := response.StatusCode < 300, response.StatusCode >= 400 && response.StatusCode < 500
			if taken != slices.Contains(c.takes, format) || taken == refused {
				t.Errorf("%s sent to %s: %d %s", format, c.name, response.StatusCode, body)
			}
		}
	}
}

// TestFormatsOfResults: the own API's description and its system name the formats that
// the engine writes, which the command line's help and the page list too.
func TestFormatsOfResults(t *testing.T) {
	t.Parallel()
	var names []string
	for _, format := range imagedata.Outputs() {
		names = append(names, string(format))
	}
	document, err := os.ReadFile("openapi/parts/11-native-schemas.yaml")
	if want := `format: {type: string, enum: ["", ` + strings.Join(append(names, film.Names()...), ", ") + "]"; err != nil || !bytes.Contains(document, []byte(want)) {
		t.Errorf("the description lacks %s (%v)", want, err)
	}
	help, err := os.ReadFile("docs/cli.md")
	if err != nil || !bytes.Contains(help, []byte("format of the output: "+imagedata.Choices())) {
		t.Errorf("the help lacks %s (%v)", imagedata.Choices(), err)
	}
}
