package server_test

import (
	"encoding/base64"
	"maps"
	"testing"

	"upscaled/models/fault"
	"upscaled/server"
	"upscaled/server/dialect/dialecttest"
	"upscaled/server/job"
	"upscaled/server/job/jobtest"
)

// An operator names the model of each API whose requests cannot. It is not for
// requests that name one, or run none.
func TestModelsOfAPIs(t *testing.T) {
	t.Parallel()
	got := map[string]string{}
	queue := &jobtest.Queue{Refuse: func(spec job.Spec) error {
		got[spec.API+" "+spec.Options.Filter] = spec.Options.Model
		return fault.New(fault.Busy, "full")
	}}
	picture := dialecttest.PNG(t, 80, 60, false)
	image, json := []string{"image@a.png"}, base64.StdEncoding.EncodeToString(picture)
	uri := `"data:image/png;base64,` + json + `"`
	s := open(t, queue, func(c *server.Config) {
		a := &c.APIs
		a.Mnml.Model, a.Maskr.Model, a.Artnex.Model, a.Aetherforge.Model = "m1", "m2", "m3", "m4"
		a.Replicate.Model, a.Cog.Model, a.Stability.Model, a.Native.Model, a.Automatic.Model = "m5", "m6", "m7", "no", "no"
	})
	checkAll(t, s, []row{
		{name: "mnml", path: mnmlUpscale, form: image, file: picture, status: 503, retry: "5", body: `{...`},
		{name: "maskr", path: maskrUpscale, form: []string{"file@a.png"}, file: picture, status: 503, retry: "5", body: `{...`},
		{name: "artnex", path: mnmlUpscale, json: `{"image":` + uri + `}`, status: 503, retry: "5", body: `{...`},
		{name: "aetherforge", path: forgeUpscale, form: []string{"image@a.png", "scale=1K"}, file: picture, status: 503, retry: "5", body: `{...`},
		{name: "Replicate", path: "/v1/models/nightmareai/real-esrgan/predictions", json: `{"input":{"image":` + uri + `}}`, status: 503, retry: "5", body: `{...`},
		{name: "Cog", path: "/predictions", json: `{"input":{"image":` + uri + `}}`, status: 409, body: `{...`},
		{name: "Stability", path: "/v2beta/stable-image/upscale/fast", form: image, file: picture, status: 503, retry: "5", body: `{...`},
		{name: "own", path: "/api/v1/jobs", form: []string{"file@a.png"}, file: picture, status: 503, retry: "5", body: `{...`},
		{name: "AUTOMATIC1111", path: "/sdapi/v1/extra-single-image", json: `{"upscaler_1":"Lanczos","image":"` + json + `"}`, status: 503, retry: "5", body: `{...`},
	})
	want := map[string]string{
		"mnml ": "m1", "maskr ": "m2", "artnex ": "m3", "aetherforge ": "m4", "replicate ": "m5", "cog ": "m6", "stability ": "m7",
		"native ": "", "automatic1111 lanczos": "",
	}
	if !maps.Equal(got, want) {
		t.Errorf("%v", got)
	}
}
