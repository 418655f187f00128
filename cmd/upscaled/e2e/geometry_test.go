//go:build e2e

package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"upscaled/cmd/upscaled/e2e/pretend"

	_ "golang.org/x/image/bmp" // results are decoded by image.Decode
)

// mnmlStatus is the response to GET /v1/status.
type mnmlStatus struct {
	Status  string
	Message []string
	Error   string
}

// mnmlResult waits for a job of the mnml API.
func mnmlResult(t *testing.T, s process, key string, r *http.Request) mnmlStatus {
	t.Helper()
	code, _, body := send(t, r, key)
	submitted := decodeJSON[struct{ ID string }](t, body)
	if code != http.StatusOK || submitted.ID == "" {
		t.Fatalf("%d %s", code, body)
	}
	body = finished(t, s.url+"/v1/status/"+submitted.ID, key, func(body []byte) bool {
		status := decodeJSON[mnmlStatus](t, body).Status
		return status == "success" || status == "failed" || status == "canceled"
	})
	return decodeJSON[mnmlStatus](t, body)
}

func TestMnmlGeometry(t *testing.T) {
	t.Parallel()
	s := serve(t, pretend.Plain)
	for _, c := range []struct {
		width, height int
		scale         string
		want          [2]int
	}{
		{60, 40, "", [2]int{120, 80}}, {60, 40, "4", [2]int{240, 160}}, {60, 40, "8", [2]int{480, 320}},
		{60, 40, "2.5", [2]int{150, 100}}, {1500, 30, "2", [2]int{2800, 56}}, {1400, 30, "2", [2]int{2800, 60}},
	} {
		fields := []string{"face_enhance=TRUE"}
		if c.scale != "" {
			fields = append(fields, "scale="+c.scale)
		}
		done := mnmlResult(t, s, "", form(t, s.url+"/v1/upscale", "image", pngOf(t, textured(c.width, c.height, false)), fields...))
		if done.Status != "success" || len(done.Message) != 1 {
			t.Errorf("%+v: %+v", c, done)
			continue
		}
		if format, w, h := fetched(t, done.Message[0]); format != "png" || [2]int{w, h} != c.want {
			t.Errorf("%+v: %s %dx%d", c, format, w, h)
		}
	}
}

// mnml's face_enhance with a restorer, without one, and if that is an error.
func TestMnmlFaces(t *testing.T) {
	t.Parallel()
	picture := pngOf(t, textured(200, 180, false))
	ask := func(s process, enhance string) (mnmlStatus, http.Header) {
		request := form(t, s.url+"/v1/upscale", "image", picture, "scale=2", "face_enhance="+enhance)
		done := mnmlResult(t, s, "", request)
		if done.Status != "success" {
			t.Fatalf("%+v", done)
		}
		result, err := http.NewRequest(http.MethodGet, done.Message[0], nil)
		if err != nil {
			t.Fatal(err)
		}
		_, header, _ := send(t, result, "")
		return done, header
	}
	restoring := serve(t, pretend.Plain, "--set", "face.restorer=test-restorer")
	if _, header := ask(restoring, "true"); header.Get("X-Face-Restorer") != "test-restorer" {
		t.Errorf("restored: %v", header)
	}
	if _, header := ask(restoring, "false"); header.Get("X-Face-Restorer") != "" {
		t.Errorf("not asked for: %v", header)
	}
	refining := serve(t, pretend.Plain)
	if _, header := ask(refining, "true"); header.Get("X-Face-Restorer") != "realesrgan-x4plus; refined" {
		t.Errorf("refined: %v", header)
	}
	refusing := serve(t, pretend.Plain, "--set", "face.missing=error", "--home", t.TempDir())
	code, _, body := send(t, form(t, refusing.url+"/v1/upscale", "image", picture, "face_enhance=true"), "")
	if code != http.StatusBadRequest || !bytes.Contains(body, []byte("FACE_ENHANCE_UNAVAILABLE")) {
		t.Errorf("error: %d %s", code, body)
	}
}

func TestAILabGeometry(t *testing.T) {
	t.Parallel()
	s := serve(t, pretend.Plain)
	opaque, clear := pngOf(t, textured(60, 40, false)), pngOf(t, textured(60, 40, true))
	wide := jpegOf(t, textured(1000, 600, false))
	wideClear := pngOf(t, textured(1000, 600, true))
	for _, c := range []struct {
		input  []byte
		fields []string
		format string
		want   [2]int
	}{
		{opaque, nil, "png", [2]int{120, 80}},
		{opaque, []string{"upscale_factor=3", "mode=enhancement"}, "png", [2]int{180, 120}},
		{opaque, []string{"upscale_factor=4", "mode=base", "output_format=jpg", "output_quality=30"}, "jpeg", [2]int{240, 160}},
		{opaque, []string{"output_format=bmp"}, "bmp", [2]int{120, 80}},
		{clear, []string{"output_format=jpg"}, "png", [2]int{120, 80}},
		{wide, []string{"upscale_factor=4", "output_format=png"}, "jpeg", [2]int{4000, 2400}},
		{wideClear, []string{"upscale_factor=4"}, "png", [2]int{4000, 2400}},
	} {
		code, _, body := send(t, form(t, s.url+"/api/image/enhance/image-lossless-enlargement", "image", c.input, c.fields...), "")
		answer := decodeJSON[struct {
			ErrorCode int `json:"error_code"`
			Data      struct{ URL string }
		}](t, body)
		if code != http.StatusOK || answer.ErrorCode != 0 || answer.Data.URL == "" {
			t.Errorf("%v: %d %s", c.fields, code, body)
			continue
		}
		if format, w, h := fetched(t, answer.Data.URL); format != c.format || [2]int{w, h} != c.want {
			t.Errorf("%v: %s %dx%d, want %s %v", c.fields, format, w, h, c.format, c.want)
		}
	}
}

// Quality is honoured: a better JPEG is larger.
func TestAILabQuality(t *testing.T) {
	t.Parallel()
	s := serve(t, pretend.Plain)
	size := func(quality string) int {
		_, _, body := send(t, form(t, s.url+"/api/image/enhance/image-lossless-enlargement", "image",
			pngOf(t, textured(60, 40, false)), "output_format=jpg", "output_quality="+quality), "")
		_, picture := get(t, decodeJSON[struct{ Data struct{ URL string } }](t, body).Data.URL, "")
		return len(picture)
	}
	if low, preset, high := size("30"), size("95"), size("100"); low >= preset || preset >= high {
		t.Errorf("sizes %d, %d, %d", low, preset, high)
	}
}

func TestMaskr(t *testing.T) {
	t.Parallel()
	s := serve(t, pretend.Plain)
	for query, format := range map[string]string{
		"": "jpeg", "?scale_factor=2&output_format=png": "png", "?output_format=webp&quality=50": "webp", "?output_format=jpeg&quality=1": "jpeg",
	} {
		code, _, body := send(t, form(t, s.url+"/v1/services/image-upscaling"+query, "file", pngOf(t, textured(50, 30, false))), "")
		answer := decodeJSON[struct {
			Status string
			Result struct {
				OutputURL   string `json:"output_url"`
				OutputWidth int    `json:"output_width"`
			}
		}](t, body)
		if code != http.StatusOK || answer.Status != "completed" {
			t.Errorf("%s: %d %s", query, code, body)
			continue
		}
		scale := 4
		if strings.Contains(query, "scale_factor=2") {
			scale = 2
		}
		if got, w, _ := fetched(t, answer.Result.OutputURL); got != format || w != 50*scale || w != answer.Result.OutputWidth {
			t.Errorf("%s: %s, %d pixels wide", query, got, w)
		}
	}
}

// A batch of fifty with two broken files: those fail alone, and are not paid.
func TestMaskrBatch(t *testing.T) {
	t.Parallel()
	s := serve(t, pretend.Plain)
	key := keys(t, s.data, "new", "shop", "--credits", "300")
	good := pngOf(t, textured(30, 20, false))
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for i := range 50 {
		part, err := w.CreateFormFile("files", fmt.Sprintf("%d.png", i))
		if err != nil {
			t.Fatal(err)
		}
		file := good
		switch i {
		case 7:
			file = good[:len(good)/2]
		case 31:
			file = []byte("no picture")
		}
		_, _ = part.Write(file)
	}
	_ = w.Close()
	request, err := http.NewRequest(http.MethodPost, s.url+"/v1/services/image-upscaling/batch?scale_factor=2&output_format=webp&quality=70", &body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", w.FormDataContentType())
	code, _, text := send(t, request, key)
	answer := decodeJSON[struct {
		Status            string
		Total             int `json:"total_files"`
		Completed, Failed int
		Credits           int `json:"total_credits_used"`
		Results           []struct {
			Status   string
			Filename string  `json:"input_filename"`
			URL      *string `json:"output_url"`
		}
	}](t, text)
	if code != http.StatusOK || answer.Status != "completed" || answer.Total != 50 || answer.Completed != 48 || answer.Failed != 2 || answer.Credits != 240 {
		t.Fatalf("%d %+v", code, answer)
	}
	for i, result := range answer.Results {
		broken := i == 7 || i == 31
		if result.Filename != fmt.Sprintf("%d.png", i) || (result.Status == "failed") != broken || (result.URL == nil) != broken {
			t.Errorf("result %d: %+v", i, result)
		}
	}
	if format, width, _ := fetched(t, *answer.Results[49].URL); format != "webp" || width != 60 {
		t.Errorf("%s, %d pixels wide", format, width)
	}
}

func TestAetherforge(t *testing.T) {
	t.Parallel()
	s := serve(t, pretend.Plain)
	for _, c := range []struct {
		scale         string
		width, height int
		want          [2]int
	}{
		{"1K", 60, 41, [2]int{1024, 700}}, {"2k", 30, 60, [2]int{1024, 2048}}, {"4K", 100, 50, [2]int{4096, 2048}}, {"1K", 1500, 1000, [2]int{1024, 683}},
	} {
		code, _, body := send(t, form(t, s.url+"/public/v1/image-tune/upscale", "image", pngOf(t, textured(c.width, c.height, false)), "scale="+c.scale), "")
		id := decodeJSON[struct {
			JobID string `json:"job_id"`
		}](t, body).JobID
		if code != http.StatusOK {
			t.Fatalf("%d %s", code, body)
		}
		type status struct {
			Status    string
			ImageURLs []string `json:"image_urls"`
		}
		for _, path := range []string{"/public/v1/job/", "/job/"} {
			body = finished(t, s.url+path+id, "", func(body []byte) bool { return decodeJSON[status](t, body).Status != "Pending" })
			done := decodeJSON[status](t, body)
			if done.Status != "Succeed" || len(done.ImageURLs) != 1 {
				t.Fatalf("%s", body)
			}
			if _, w, h := fetched(t, done.ImageURLs[0]); [2]int{w, h} != c.want {
				t.Errorf("%+v: %dx%d", c, w, h)
			}
		}
	}
}

func jsonRequest(t *testing.T, url string, body any) *http.Request {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	return r
}

func TestArtnexDataURI(t *testing.T) {
	t.Parallel()
	s := serve(t, pretend.Plain)
	for kind, file := range map[string][]byte{"jpeg": jpegOf(t, textured(40, 30, false)), "png": pngOf(t, textured(40, 30, true))} {
		uri := "data:image/" + kind + ";base64," + base64.StdEncoding.EncodeToString(file)
		code, _, body := send(t, jsonRequest(t, s.url+"/v1/upscale", map[string]any{"image": uri, "scale": 1.5}), "")
		answer := decodeJSON[struct {
			Success  bool
			ImageURL string `json:"image_url"`
		}](t, body)
		if code != http.StatusOK || !answer.Success {
			t.Fatalf("%s: %d %s", kind, code, body)
		}
		if format, w, h := fetched(t, answer.ImageURL); format != kind || w != 60 || h != 45 {
			t.Errorf("%s: %s %dx%d", kind, format, w, h)
		}
	}
	code, _, body := send(t, jsonRequest(t, s.url+"/v1/upscale", map[string]any{"image": "https://127.0.0.1/secret.png"}), "")
	if code != http.StatusBadRequest || !bytes.Contains(body, []byte("invalid_image_format")) || bytes.Contains(body, []byte("127.0.0.1")) {
		t.Errorf("a private address: %d %s", code, body)
	}
}
