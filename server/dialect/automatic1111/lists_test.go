package automatic1111_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"upscaled/server/dialect"
	"upscaled/server/dialect/automatic1111"
	"upscaled/server/dialect/dialecttest"
	"upscaled/server/job"
)

// withModels is a server with an imported model and a face restorer.
func withModels() *server {
	s := newServer()
	s.lend = func(services *dialect.Services) {
		services.Models = func(context.Context) ([]dialect.Model, error) {
			return []dialect.Model{
				{Name: "realesrgan-x4plus", Scale: 4}, {Name: "4x-ultrasharp", Scale: 4}, {Name: "gfpgan-v1.4"},
			}, nil
		}
	}
	return s
}

func TestImportedUpscalers(t *testing.T) {
	t.Parallel()
	golden(t, "upscalers_imported.json", 200, withModels().do(httptest.NewRequest(http.MethodGet, "/sdapi/v1/upscalers", nil)))
	for name, want := range map[string]job.Options{
		"4x-ultrasharp": {Model: "4x-ultrasharp"}, "4x-UltraSharp": {Model: "4x-ultrasharp"}, "4x_UltraSharp": {Model: "4x-ultrasharp"},
		"r-esrgan 4x+": {Model: "realesrgan-x4plus"}, "RealESRGAN_x4plus": {Model: "realesrgan-x4plus"}, "lanczos": {Filter: "lanczos"},
		"SwinIR_4x": {}, "SwinIR 4x": {}, "ESRGAN_4x": {}, "own name": {Model: "m"},
	} {
		s := withModels()
		s.config.Substitutes = append(s.config.Substitutes, "Own_Name=m")
		html, _ := answered(t, s.post(single, body(t, "image", photo(t, 2, 2), "upscaler_1", name)))
		want.Scale, want.Format = 2, "png"
		if got := s.queue.Jobs()[0]; got.Options != want || (got.Price == 0) != (want.Filter != "") {
			t.Errorf("%s: %+v for %d credits", name, got.Options, got.Price)
		}
		if strings.HasPrefix(name, "SwinIR") && !strings.Contains(html, "Postprocess upscaler: SwinIR_4x (default model)") {
			t.Error(html)
		}
	}
	s := newServer() // nothing is known of the models, as on a node without a worker
	answered(t, s.post(single, body(t, "image", photo(t, 2, 2), "upscaler_1", "4x-UltraSharp")))
	if got := s.queue.Jobs()[0].Options.Model; got != "" {
		t.Error(got)
	}
	for _, name := range []string{"gfpgan-v1.4", "SwinIR_4x"} {
		s := withModels()
		s.config.Substitutes = []string{"ESRGAN_4x=realesrgan-x4plus"}
		if r := s.post(single, body(t, "image", photo(t, 2, 2), "upscaler_1", name)); r.Code != http.StatusInternalServerError || !strings.Contains(r.Body.String(), "could not find upscaler named "+name) {
			t.Errorf("%s: %d %s", name, r.Code, r.Body)
		}
	}
}

// Without a CodeFormer its visibility asks for the restorer that there is.
func TestSubstituteRestorer(t *testing.T) {
	t.Parallel()
	for fields, want := range map[string]float64{
		`"codeformer_visibility":0.3`: 0.3, `"codeformer_visibility":0.3,"codeformer_weight":0.5,"gfpgan_visibility":0.8`: 0.8,
	} {
		s := newServer()
		s.config.GFPGAN = "gfpgan-v1.4"
		answered(t, s.post(single, fmt.Sprintf(`{%s,"image":%q}`, fields, photo(t, 2, 2))))
		if f := s.queue.Jobs()[0].Options.Face; f == nil || *f.Strength != want || f.Restorer != "gfpgan-v1.4" {
			t.Errorf("%s: %+v", fields, f)
		}
	}
}

func TestFixedLists(t *testing.T) {
	t.Parallel()
	s := newServer()
	get := func(path string) *httptest.ResponseRecorder {
		return s.do(httptest.NewRequest(http.MethodGet, path, nil))
	}
	for _, name := range []string{"options", "cmd-flags", "scripts", "embeddings", "samplers"} {
		golden(t, "list_"+name+".json", 200, get("/sdapi/v1/"+name))
	}
	for _, path := range []string{"schedulers", "sd-models", "sd-vae", "hypernetworks", "loras", "prompt-styles", "latent-upscale-modes", "extensions"} {
		golden(t, "list_samplers.json", 200, get("/sdapi/v1/"+path))
	}
	golden(t, "list_restorers.json", 200, get("/sdapi/v1/face-restorers"))
	s.lend = func(services *dialect.Services) {
		services.Faces = func(context.Context) error { return dialect.ErrFaces }
	}
	s.config.CodeFormer = "imported"
	if r := get("/sdapi/v1/face-restorers"); !strings.Contains(r.Body.String(), "CodeFormer") {
		t.Error(r.Body)
	}
	if r := get("/internal/ping"); r.Code != 200 || r.Body.String() != "{}\n" {
		t.Error(r.Code, r.Body)
	}
	golden(t, "options_set.json", 200, s.post("/sdapi/v1/options", `{"sd_model_checkpoint":"x"}`))
	golden(t, "no_object.json", 422, s.post("/sdapi/v1/options", `[]`))
}

// A caller interrupts its own images only.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.queue.Work = nil
	s.gate = dialecttest.Auth{Keys: map[string]job.Caller{"mine": {ID: "a"}, "other": {ID: "b"}}}
	for _, spec := range []job.Spec{{ID: "a1", API: automatic1111.Name, Account: "a"}, {ID: "b1", API: automatic1111.Name, Account: "b"}, {ID: "m1", API: "mnml", Account: "a"}} {
		if _, err := s.queue.Submit(t.Context(), spec, nil); err != nil {
			t.Fatal(err)
		}
	}
	s.queue.Start("a1", 0.5)
	r := httptest.NewRequest(http.MethodPost, "/sdapi/v1/interrupt", nil)
	r.SetBasicAuth("x", "mine")
	if got := s.do(r); got.Code != 200 || got.Body.String() != "{}\n" {
		t.Error(got.Code, got.Body)
	}
	for _, j := range s.queue.Jobs() {
		if (j.State == job.Canceled) != (j.ID == "a1") {
			t.Errorf("%s: %s", j.ID, j.State)
		}
	}
}

func TestPNGInfo(t *testing.T) {
	t.Parallel()
	plain, _ := base64.StdEncoding.DecodeString(photo(t, 2, 2))
	file := bytes.Clone(plain[:33]) // signature and IHDR
	for kind, text := range map[string]string{"tEXt": "parameters\x00caf\xe9\nSteps: 20", "iTXt": "Title\x00\x00\x00de\x00Titel\x00Grüße"} {
		chunk := append([]byte(kind), text...)
		file = binary.BigEndian.AppendUint32(file, uint32(len(text)))
		file = binary.BigEndian.AppendUint32(append(file, chunk...), crc32.ChecksumIEEE(chunk))
	}
	file = append(file, plain[33:]...)
	s := newServer()
	info := func(data []byte) *httptest.ResponseRecorder {
		return s.post("/sdapi/v1/png-info", body(t, "image", base64.StdEncoding.EncodeToString(data)))
	}
	golden(t, "png_info.json", 200, info(file))
	golden(t, "png_info_none.json", 200, info(plain))
	golden(t, "damaged_image.json", 500, info([]byte("hello")))
	cut := bytes.Clone(file)
	binary.BigEndian.PutUint32(cut[33:], 1<<31) // the first text claims 2 GiB
	var got automatic1111.PNGInfo
	if err := json.Unmarshal(info(cut).Body.Bytes(), &got); err == nil && len(got.Items) > 0 {
		t.Errorf("%+v", got)
	}
}
