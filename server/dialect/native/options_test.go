package native

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/job"
)

// ask returns options as JSON members, and as form fields.
func ask(t *testing.T, members string) (viaJSON, viaForm job.Options, errJSON, errForm error) {
	t.Helper()
	p, errJSON := parseJSON([]byte(`{"url":"https://a.example/",`+members+`}`), 1000)
	var object map[string]any
	texts := map[string]string{}
	decoder := json.NewDecoder(strings.NewReader("{" + members + "}"))
	decoder.UseNumber()
	if err := decoder.Decode(&object); err != nil {
		t.Fatal(err)
	}
	for name, value := range object {
		text, _ := json.Marshal(value)
		texts[name] = strings.Trim(string(text), `"`)
	}
	f := formFields(texts)
	o := takeOptions(f)
	return p.options, o, errJSON, f.end()
}

func TestOptions(t *testing.T) {
	t.Parallel()
	half, zero, yes, no := 0.5, 0.0, true, false
	for members, want := range map[string]job.Options{
		`"model":"realesrgan-x4plus"`:                  {Model: "realesrgan-x4plus"},
		`"scale":0.1`:                                  {Scale: 0.1},
		`"scale":16`:                                   {Scale: 16},
		`"scale":2.5e0`:                                {Scale: 2.5},
		`"width":100`:                                  {Width: 100},
		`"width":100,"height":1048576`:                 {Width: 100, Height: 1 << 20},
		`"longest":4096`:                               {Longest: 4096},
		`"fit":"1920x1080"`:                            {FitWidth: 1920, FitHeight: 1080},
		`"max_input_width":1400`:                       {MaxInputWidth: 1400},
		`"format":"WEBP","quality":1`:                  {Format: "webp", Quality: 1},
		`"format":"","lossless":true`:                  {Lossless: true},
		`"format":"webp","lossless":true,"strip":true`: {Format: "webp", Lossless: true, Strip: true},
		`"lossless":false,"strip":false`:               {},
		`"denoise":0`:                                  {Denoise: &zero},
		`"denoise":0.5,"tile":256`:                     {Denoise: &half, Tile: 256},
		`"face_enhance":true`:                          {FaceEnhance: true},
		`"face_enhance":true,"face_strength":0.5,"face_min":8,"face_only_center":true,"face_restorer":"auto","face_missing":"error"`: {
			FaceEnhance: true, Face: &job.FaceOptions{Strength: &half, Minimum: 8, OnlyCentre: &yes, Restorer: "auto", Missing: "error"},
		},
		`"face_enhance":true,"face_only_center":false,"face_strength":0`: {
			FaceEnhance: true, Face: &job.FaceOptions{Strength: &zero, OnlyCentre: &no},
		},
		`"width":null,"model":"","scale":2`: {Scale: 2},
	} {
		viaJSON, viaForm, errJSON, errForm := ask(t, strings.ReplaceAll(members, "null", `""`))
		if errJSON != nil || errForm != nil || !reflect.DeepEqual(viaJSON, want) || !reflect.DeepEqual(viaForm, want) {
			t.Errorf("%s:\nJSON %+v, %v\nform %+v, %v\nwant %+v", members, viaJSON, errJSON, viaForm, errForm, want)
		}
	}
}

func TestRefusedOptions(t *testing.T) {
	t.Parallel()
	for members, want := range map[string]string{
		`"scale":0`:         "scale must be a number from 0.1 to 16.",
		`"scale":16.01`:     "scale must be a number from 0.1 to 16.",
		`"scale":1e999`:     "scale must be a number from 0.1 to 16.",
		`"width":0`:         "width must be a whole number from 1 to 1048576.",
		`"height":-1`:       "height must be a whole number from 1 to 1048576.",
		`"longest":1.5`:     "longest must be a whole number from 1 to 1048576.",
		`"longest":2e3`:     "longest must be a whole number from 1 to 1048576.",
		`"fit":"100"`:       "fit must be WIDTHxHEIGHT in pixels, such as 1920x1080, each side from 1 to 1048576.",
		`"fit":"0x5"`:       "fit must be WIDTHxHEIGHT in pixels, such as 1920x1080, each side from 1 to 1048576.",
		`"fit":"9999999x5"`: "fit must be WIDTHxHEIGHT in pixels, such as 1920x1080, each side from 1 to 1048576.",
		`"format":"heic"`:   "format must be jpeg, png, webp, gif, bmp, tiff, avif, jxl, mkv, mp4, m4v, mov or webm.",
		`"quality":101`:     "quality must be a whole number from 1 to 100.",
		`"denoise":1.1`:     "denoise must be a number from 0 to 1.",
		`"tile":65537`:      "tile must be a whole number from 1 to 65536.",
		`"face_enhance":true,"face_strength":-0.1`:   "face_strength must be a number from 0 to 1.",
		`"face_enhance":true,"face_missing":"oh"`:    "face_missing must be refine, error or ignore.",
		`"face_strength":1`:                          "Options of faces need face_enhance to be true.",
		`"face_enhance":false,"face_min":9`:          "Options of faces need face_enhance to be true.",
		`"lossless":true,"format":"jpeg"`:            "lossless is for webp, avif and jxl; the format jpeg has no such choice.",
		`"lossless":true,"quality":9`:                "lossless and quality exclude each other.",
		`"scale":2,"width":9`:                        "Give the size in one way only: scale, width and height, longest, or fit.",
		`"fit":"9x9","longest":9`:                    "Give the size in one way only: scale, width and height, longest, or fit.",
		`"zoom":2,"angle":3`:                         `There is no option "angle"; /docs/api lists all.`,
		`"model":"` + strings.Repeat("x", 201) + `"`: "model is longer than 200 bytes.",
	} {
		_, _, errJSON, errForm := ask(t, members)
		for how, err := range map[string]error{"JSON": errJSON, "form": errForm} {
			if fault.KindOf(err) != fault.Invalid || fault.Sentence(err) != want {
				t.Errorf("%s as %s: %v, want %s", members, how, err, want)
			}
		}
	}
}

// JSON says of what type a value is, so a wrong one is a mistake.
func TestRefusedTypes(t *testing.T) {
	t.Parallel()
	for members, want := range map[string]string{
		`"scale":"2"`: "scale must be a number.", `"scale":true`: "scale must be a number.", `"model":4`: "model must be a text.",
		`"strip":1`: "strip must be true or false.", `"strip":"yes"`: "strip must be true or false.", `"format":false`: "format must be a text.",
		`"width":[3]`: "width must be a single value, not an object or a list.", `"zoom":{}`: "zoom must be a single value, not an object or a list.",
	} {
		_, err := parseJSON([]byte(`{"url":"https://a.example/",`+members+`}`), 1000)
		if fault.KindOf(err) != fault.Invalid || fault.Sentence(err) != want {
			t.Errorf("%s: %v, want %s", members, err, want)
		}
	}
	f := formFields(map[string]string{"strip": "maybe"})
	if takeOptions(f); fault.Sentence(f.end()) != "strip must be true or false." {
		t.Errorf("%v", f.err)
	}
}

// Valid options are shown as a request for the same options.
func checkRoundTrip(t *testing.T, o job.Options) {
	t.Helper()
	shown, err := dialect.Marshal(optionsView(o))
	if err != nil {
		t.Fatal(err)
	}
	body := `{"url":"https://a.example/"`
	if inner := strings.Trim(string(shown), "{}\n"); inner != "" {
		body += "," + inner
	}
	again, err := parseJSON([]byte(body+"}"), 1000)
	if err != nil || !reflect.DeepEqual(again.options, o) {
		t.Errorf("%s: %+v became %+v, %v", body, o, again.options, err)
	}
}

func FuzzJSON(f *testing.F) {
	for _, seed := range []string{
		`{}`, `null`, `[]`, `{"url":"https://a.example/","scale":2}`, `{"url":"x","fit":"3x4","webhook":{"url":"y","started":true}}`,
		`{"url":"x","face_enhance":true,"face_strength":1,"face_missing":"ignore","format":"webp","lossless":true}`,
		`{"url":"x","denoise":1e-3,"model":"a\u0000b","strip":true,"tile":7}`, `{"data_uri":"data:image/png;base64,AA==","name":"n"}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		p, err := parseJSON([]byte(body), 1000)
		if err != nil {
			if fault.KindOf(err) != fault.Invalid {
				t.Errorf("%q: %v", body, err)
			}
			return
		}
		if (p.url == "") == (p.dataURI == "") || p.options.Scale < 0 || p.options.Scale > maxScale || contradiction(p.options) != nil {
			t.Errorf("%q: %+v", body, p)
		}
		checkRoundTrip(t, p.options)
	})
}

func FuzzForm(f *testing.F) {
	f.Add("scale", "2", "format", "png")
	f.Add("fit", "10X20", "quality", "80")
	f.Add("face_enhance", "on", "face_min", "16")
	f.Add("denoise", "0x1p-2", "width", "+3")
	f.Add("model", "{}", "face_only_center", "no")
	f.Fuzz(func(t *testing.T, name1, value1, name2, value2 string) {
		fields := formFields(map[string]string{name1: strings.TrimSpace(value1), name2: strings.TrimSpace(value2)})
		o := takeOptions(fields)
		if err := fields.end(); err != nil {
			if fault.KindOf(err) != fault.Invalid {
				t.Errorf("%v", err)
			}
			return
		}
		checkRoundTrip(t, o)
	})
}

// A model's sample is an image of the kind that the model is for.
func TestSampleKind(t *testing.T) {
	t.Parallel()
	for want, all := range map[string][]job.Model{
		"photo":   {{Name: "realesr-general-x4v3", Summary: "fast, for photos and everything else"}, {Name: "4x-UltraSharp"}},
		"drawing": {{Name: "real-cugan-2x", Summary: "for drawings; keeps noise"}, {Name: "4x-AnimeSharp"}, {Name: "mine", Tags: []string{"Manga"}}},
		"film":    {{Name: "realesr-animevideov3", Summary: "very fast, for frames of animated films"}},
	} {
		for _, m := range all {
			if got := sampleKind(m); got != want {
				t.Errorf("%s: %s, want %s", m.Name, got, want)
			}
		}
	}
}
