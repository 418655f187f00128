package server_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"net/http"
	"os"
	"testing"
	"time"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/encode"
	"upscaled/models/fault"
	"upscaled/server"
	"upscaled/server/dialect/dialecttest"
	"upscaled/server/job"
	"upscaled/server/job/jobtest"
)

// untouched is a queue that must not be asked.
func untouched(t *testing.T) *jobtest.Queue {
	return &jobtest.Queue{Refuse: func(spec job.Spec) error {
		t.Errorf("a job of %s was queued: %+v", spec.API, spec.Options)
		return fault.New(fault.Internal, "queued")
	}}
}

func jpegOf(t *testing.T, width, height int) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := jpeg.Encode(&out, image.NewGray(image.Rect(0, 0, width, height)), nil); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func gifOf(t *testing.T, width, height, frames int) []byte {
	t.Helper()
	all := gif.GIF{}
	for i := range frames {
		frame := image.NewPaletted(image.Rect(0, 0, width, height), color.Palette{color.Black, color.White})
		frame.SetColorIndex(0, 0, uint8(i%2))
		all.Image, all.Delay = append(all.Image, frame), append(all.Delay, 10)
	}
	var out bytes.Buffer
	if err := gif.EncodeAll(&out, &all); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// animated is a PNG of two frames.
func animated(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	encoder, err := encode.New(&out, encode.Header{Width: 40, Height: 30, Channels: 1, Depth: 8, Frames: 2}, encode.Options{Format: imagedata.PNG})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		band := imagedata.Raster{Width: 40, Height: 30, Channels: 1, Pix: bytes.Repeat([]byte{byte(100 * i)}, 40*30)}
		if err := errors.Join(encoder.BeginFrame(time.Second), encoder.WriteBand(band, nil)); err != nil {
			t.Fatal(err)
		}
	}
	if err := encoder.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestResultsThatAreTooLarge asks each API for a result beyond
// --max-output-pixels: each rejects it in its own form and nothing is queued.
func TestResultsThatAreTooLarge(t *testing.T) {
	t.Parallel()
	const most = 15_000
	picture := dialecttest.PNG(t, 80, 60, false) // twice as large it has 19200 pixels
	image, json := []string{"image@a.png"}, base64.StdEncoding.EncodeToString(picture)
	limited := func(c *server.Config) { c.MaxOutputPixels = most }
	checkAll(t, open(t, untouched(t), limited), []row{
		{name: "mnml", path: mnmlUpscale, form: image, file: picture, status: 400,
			body: `{"status":"error","code":"IMAGE_TOO_LARGE","message":"The result would have 19200 pixels; this server makes at most 15000: ask for a smaller size.","details":{"size":19200,"maxSize":15000,"unit":"pixels"}}`},
		{name: "AILab", path: ailabUpscale, form: image, file: picture, status: 413, body: ailabError(413, "FILE_RESOLUTION_EXCEEDS_LIMITS")},
		{name: "maskr", path: maskrUpscale, form: []string{"file@a.png"}, file: picture, status: 422,
			body: `{"detail":[{"loc":["body","file"],"msg":"The result would have 76800 pixels; this server makes at most 15000: ask for a smaller size.","type":"value_error.image"}]}`},
		{name: "maskr batch", path: maskrUpscale + "/batch", form: []string{"files@a.png"}, file: picture, status: 200,
			body: `{"batch_id":"UUID","status":"failed","total_files":1,"completed":0,"failed":1,"results":[{"job_id":"UUID","status":"failed","input_filename":"a.png","output_url":null,"processing_time_ms":null,"error":"The result would have 76800 pixels;...`},
		{name: "aetherforge", path: forgeUpscale, form: []string{"image@a.png", "scale=1K"}, file: picture, status: 400, body: `{"detail":"The result would have 786432 pixels;...`},
		{name: "artnex", path: mnmlUpscale, json: `{"image":"data:image/png;base64,` + json + `"}`, status: 400,
			body: `{"success":false,"error":"image_too_large","message":"The result would have 19200 pixels;...`},
		{name: "Replicate", path: "/v1/models/nightmareai/real-esrgan/predictions", json: `{"input":{"image":"data:image/png;base64,` + json + `"}}`, status: 422,
			body: `{"title":"Input validation failed","detail":"- input.scale: The result would have 76800 pixels;...`},
		{name: "AUTOMATIC1111", path: "/sdapi/v1/extra-single-image", json: `{"image":"` + json + `","upscaler_1":"R-ESRGAN 4x+"}`, status: 413,
			body: `{"error":"HTTPException","detail":"The result would have too many pixels: ask for a smaller size.",...`},
		{name: "Stability", path: "/v2beta/stable-image/upscale/fast", form: image, file: picture, status: 400,
			body: `{"id":"request-1","name":"invalid_pixel_count","errors":["The result would have 76800 pixels;...`},
		{name: "OpenAI", path: "/v1/images/upscale", json: `{"scale":2,"image":"` + json + `"}`, status: 400,
			body: `{"error":{"message":"The result would have 19200 pixels; this server makes at most 15000: ask for a smaller size.","type":"invalid_request_error","param":"scale","code":"result_too_large"}}`},
		{name: "own", path: "/api/v1/jobs", form: []string{"file@a.png", "scale=2"}, file: picture, status: 413,
			body: `{"type":"about:blank","title":"Request Entity Too Large","status":413,"detail":"The result would have 19200 pixels;...`},
		{name: "own, the network's factor", path: "/api/v1/jobs", form: []string{"file@a.png"}, file: picture, status: 413,
			body: `{"type":"about:blank","title":"Request Entity Too Large","status":413,"detail":"The result would have 76800 pixels;...`},
		{name: "frames count", path: mnmlUpscale, form: image, file: append(gifOf(t, 40, 40, 3), make([]byte, 1024)...), status: 400,
			body: `{"status":"error","code":"IMAGE_TOO_LARGE","message":"The result would have 19200 pixels;...`},
	})
	enough := func(c *server.Config) { c.MaxOutputPixels = 19_200 }
	checkAll(t, open(t, succeeding(), enough), []row{
		{name: "exactly", path: mnmlUpscale, form: image, file: picture, status: http.StatusOK, body: `{"status":"success",...`},
	})
}

// TestResultsThatNoFileHolds asks for sides that the format of the result
// cannot have.
func TestResultsThatNoFileHolds(t *testing.T) {
	t.Parallel()
	file, wide, wider := []string{"file@a.png"}, dialecttest.PNG(t, 8192, 1, false), dialecttest.PNG(t, 16384, 1, false)
	checkAll(t, open(t, untouched(t), nil), []row{
		{name: "maskr jpeg", path: maskrUpscale, form: file, file: wider, status: 422,
			body: `{"detail":[{"loc":["body","file"],"msg":"The result of 65536x4 pixels is too large for jpeg, which is limited to 65535 per side; use png or tiff.","type":"value_error.image"}]}`},
		{name: "maskr webp", path: maskrUpscale + "?scale_factor=2&output_format=webp", form: file, file: wide, status: 422,
			body: `{"detail":[{"loc":["body","file"],"msg":"The result of 16384x2 pixels is too large for webp, which is limited to 16383 per side;...`},
		{name: "artnex jpeg", path: mnmlUpscale, json: `{"scale":8,"image":"data:image/jpeg;base64,` + base64.StdEncoding.EncodeToString(jpegOf(t, 8192, 1)) + `"}`, status: 400,
			body: `{"success":false,"error":"image_too_large","message":"The result of 65536x8 pixels is too large for jpeg,...`},
	})
	tall := append(dialecttest.PNG(t, 1, 140_000, false), make([]byte, 1024)...)
	checkAll(t, open(t, untouched(t), func(c *server.Config) { c.MaxSide = 200_000 }), []row{
		{name: "a side that none can have", path: mnmlUpscale, form: []string{"image@a.png", "scale=8"}, file: tall, status: 400,
			body: `{"status":"error","code":"IMAGE_TOO_LARGE","message":"The output would be 8x1120000 pixels; a side can have at most 1048576.","details":{"size":1120000,"maxSize":1048576,"unit":"pixels"}}`},
	})
	checkAll(t, open(t, untouched(t), nil), []row{
		{name: "maskr animation", path: maskrUpscale, form: file, file: animated(t), status: 422,
			body: `{"detail":[{"loc":["query","output_format"],"msg":"jpeg holds no animation; permitted: 'png', 'webp'","type":"value_error.image"}]}`},
	})
	checkAll(t, open(t, succeeding(), nil), []row{
		{name: "maskr animated png", path: maskrUpscale + "?output_format=png", form: file, file: animated(t), status: http.StatusOK, body: `{"job_id":...`},
		{name: "maskr png", path: maskrUpscale + "?output_format=png", form: file, file: wider, status: http.StatusOK, body: `{"job_id":...`},
	})
}

// TestResultsThatThisServerCannotWrite asks each API for a result in a format whose
// library the computer lacks: by name, or because the input has it. APIs whose results
// are of other formats take the job.
func TestResultsThatThisServerCannotWrite(t *testing.T) {
	t.Parallel()
	const refusal = `"detail":"This server cannot write AVIF files; ask for another format, such as png."`
	png := dialecttest.PNG(t, 8, 6, false)
	rows := []row{
		{name: "own, by name", path: "/api/v1/jobs", form: []string{"file@a.png", "format=avif"}, file: png, status: 400,
			body: `{"type":"about:blank","title":"Bad Request","status":400,` + refusal + `,"kind":"invalid","request_id":"request-1"}`},
		{name: "own, JPEG XL", path: "/api/v1/jobs", form: []string{"file@a.png", "format=jxl"}, file: png, status: 400,
			body: `{"type":"about:blank","title":"Bad Request","status":400,"detail":"This server cannot write JPEG XL files;...`},
	}
	avif, err := os.ReadFile("../engine/imagedata/decode/testdata/codec/color.avif")
	if err != nil {
		t.Fatal(err)
	}
	if encode.Writable(imagedata.AVIF) == nil { // so that it can be read
		rows = append(rows, row{name: "own, the input's", path: "/api/v1/jobs", form: []string{"file@a.avif"}, file: avif, status: 400,
			body: `{"type":"about:blank","title":"Bad Request","status":400,` + refusal + `,"kind":"invalid","request_id":"request-1"}`})
	}
	missing := []imagedata.Format{imagedata.AVIF, imagedata.JXL}
	checkAll(t, openWithout(t, untouched(t), nil, missing), rows)
}
