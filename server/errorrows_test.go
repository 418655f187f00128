package server_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"net/http"
	"testing"
	"time"

	"golang.org/x/image/bmp"

	"upscaled/models/fault"
	"upscaled/server"
	"upscaled/server/dialect/dialecttest"
	"upscaled/server/job/jobtest"
)

const (
	mnmlUpscale  = "/v1/upscale"
	ailabUpscale = "/api/image/enhance/image-lossless-enlargement"
	maskrUpscale = "/v1/services/image-upscaling"
	forgeUpscale = "/public/v1/image-tune/upscale"
)

func bmpOf(t *testing.T, width, height int) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := bmp.Encode(&out, image.NewGray(image.Rect(0, 0, width, height))); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestMnmlErrors(t *testing.T) {
	t.Parallel()
	picture := dialecttest.PNG(t, 80, 60, false)
	image := []string{"image@photo.bin"}
	with := func(fields ...string) []string { return append(fields, image...) }
	checkAll(t, open(t, succeeding(), nil), []row{
		{name: "missing", path: mnmlUpscale, form: []string{"scale=2"}, status: 400, body: `{"status":"error","code":"MISSING_IMAGE","message":"Image file is required"}`},
		{name: "small", path: mnmlUpscale, form: image, file: picture[:512], status: 400, body: `{"status":"error","code":"IMAGE_TOO_SMALL","message":"Image file is too small","details":{"size":512,"minSize":1024,"unit":"bytes"}}`},
		{name: "large", path: mnmlUpscale, form: image, file: make([]byte, 10485760), status: 400, body: `{"status":"error","code":"IMAGE_TOO_LARGE","message":"Image file is too large","details":{"size":10485760,"maxSize":8388608,"unit":"bytes"}}`},
		{name: "type", path: mnmlUpscale, form: image, file: bmpOf(t, 40, 30), status: 400, body: `{"status":"error","code":"INVALID_IMAGE_TYPE","message":"Invalid image type","details":{"receivedType":"image/bmp","allowedTypes":["image/jpeg","image/png","image/gif"]}}`},
		{name: "no picture", path: mnmlUpscale, form: image, file: bytes.Repeat([]byte("text "), 300), status: 400, body: `{"status":"error","code":"INVALID_IMAGE_TYPE","message":"Invalid image type","details":{"receivedType":"text/plain",...`},
		{name: "cut", path: mnmlUpscale, form: image, file: cut(picture), status: 400, body: `{"status":"error","code":"INVALID_IMAGE_TYPE",...`},
		{name: "scale", path: mnmlUpscale, form: with("scale=9"), file: picture, status: 400, body: `{"status":"error","code":"INVALID_SCALE",...`},
		{name: "no key", path: mnmlUpscale, key: "none", form: image, file: picture, status: 401, body: `{"status":"error","code":"UNAUTHORIZED","message":"User ID not found in request"}`},
		{name: "unknown key", path: mnmlUpscale, key: "unknown", form: image, file: picture, status: 401, body: `{"status":"error","code":"UNAUTHORIZED","message":"User ID not found in request"}`},
		{name: "bad id", method: http.MethodGet, path: "/v1/status/nonsense", status: 400, body: `{"status":"error","code":"invalid_request_id",...`},
		{name: "unknown id", method: http.MethodGet, path: "/v1/status/upscale_1703123456789_abc12345", status: 404, body: `{"status":"error","code":"resource_not_found",...`},
		{name: "status without key", method: http.MethodGet, path: "/v1/status/upscale_1703123456789_abc12345", key: "none", status: 401, body: `{"status":"error","code":"missing_api_key",...`},
		{name: "credits with unknown key", method: http.MethodGet, path: "/v1/credits", key: "unknown", status: 401, body: `{"status":"error","code":"invalid_api_key",...`},
		{name: "credits", method: http.MethodGet, path: "/v1/credits", status: 200, body: `{"status":"success","credits":500}`},
		{name: "path", method: http.MethodGet, path: "/v1/nothing", status: 404, body: `{"status":"error","code":"resource_not_found",...`},
		{name: "method", method: http.MethodDelete, path: "/v1/credits", status: 405, body: `{"status":"error","code":"method_not_allowed",...`},
	})
	for kind, want := range map[fault.Kind]row{
		fault.NoCredits:   {status: 400, key: "poor", body: `{"status":"error","code":"NO_CREDITS","message":"You do not have enough credits to use this feature","details":{"credits":0}}`},
		fault.Busy:        {status: 503, retry: "5", body: `{"status":"error","code":"service_unavailable",...`},
		fault.RateLimited: {status: 429, retry: "7", body: `{"status":"error","code":"rate_limit_exceeded","message":"Too many requests. Please try again later.","details":{"retry_after":7}}`},
		fault.Internal:    {status: 500, body: `{"status":"error","code":"INTERNAL_SERVER_ERROR","message":"An unexpected error occurred","details":{"error":"The image could not be accepted because of an error of the server","timestamp":"TIME"}}`},
	} {
		want.name, want.path, want.form, want.file = string(kind), mnmlUpscale, image, picture
		checkAll(t, open(t, refusing(kind), nil), []row{want})
	}
}

func ailabError(status int, code string) string {
	return fmt.Sprintf(`{"request_id":"request-1","log_id":"request-1","error_code":%d,"error_code_str":"%s",...`, status, code)
}

func TestAILabErrors(t *testing.T) {
	t.Parallel()
	picture := dialecttest.PNG(t, 40, 36, false)
	image := []string{"image@photo.jpg"}
	with := func(fields ...string) []string { return append(fields, image...) }
	bad := func(name string, status int, code string, file []byte, form ...string) row {
		return row{name: name, path: ailabUpscale, form: form, file: file, status: status, body: ailabError(status, code)}
	}
	keyed := func(r row, key string) row {
		r.key = key
		return r
	}
	checkAll(t, open(t, succeeding(), nil), []row{
		bad("missing", 400, "MISSING_PARAMETERS", nil, "mode=base"),
		bad("factor", 400, "ERROR_INVALID_PARAMETER", picture, with("upscale_factor=5")...),
		bad("mode", 400, "ERROR_INVALID_PARAMETER", picture, with("mode=best")...),
		bad("quality", 400, "ERROR_INVALID_PARAMETER", picture, with("output_format=jpg", "output_quality=29")...),
		bad("format", 400, "ERROR_INVALID_OUTPUT_FORMAT", picture, with("output_format=webp")...),
		keyed(bad("no key", 401, "ERROR_USER_NOT_EXISTS", picture, image...), "none"),
		keyed(bad("unknown key", 401, "ERROR_USER_NOT_EXISTS", picture, image...), "unknown"),
		keyed(bad("disabled key", 403, "ERROR_USER_LOCKED", picture, image...), "disabled"),
		bad("size", 413, "FILE_SIZE_EXCEEDS_LIMIT", make([]byte, 4<<20), image...),
		bad("resolution", 413, "FILE_RESOLUTION_EXCEEDS_LIMITS", bmpOf(t, 1100, 1100), image...),
		bad("low resolution", 422, "ERROR_LOW_RESOLUTION", dialecttest.PNG(t, 32, 40, false), image...),
		bad("type", 415, "UNSUPPORTED_FILE_TYPES", []byte("GIF89a is a text"), image...),
		bad("cut", 422, "FILE_DECODING_FAILURE", cut(picture), image...),
		{name: "path", path: "/api/nothing", form: image, file: picture, status: 404, body: ailabError(404, "ERROR_AI_NOT_EXISTS")},
	})
	for kind, want := range map[fault.Kind]row{
		fault.NoCredits:   bad("credits", 429, "ERROR_NOT_ENOUGH_CREDITS", picture, image...),
		fault.Busy:        bad("busy", 503, "ERROR_INSUFFICIENT_RESOURCES", picture, image...),
		fault.RateLimited: bad("rate", 429, "EXCEEDING_LIMITS", picture, image...),
		fault.Internal:    bad("internal", 500, "PROCESSING_FAILURE", picture, image...),
	} {
		want.retry = map[fault.Kind]string{fault.Busy: "5", fault.RateLimited: "7"}[kind]
		checkAll(t, open(t, refusing(kind), nil), []row{want})
	}
	checkAll(t, open(t, failing(fault.Internal), nil), []row{bad("failed", 500, "PROCESSING_FAILURE", picture, image...)})
	slow := func(c *server.Config) { c.WaitLimit = 50 * time.Millisecond }
	checkAll(t, open(t, &jobtest.Queue{}, slow), []row{bad("timeout", 504, "AI_SERVICE_TIMEOUT", picture, image...)})
}

func TestMaskrErrors(t *testing.T) {
	t.Parallel()
	picture := dialecttest.PNG(t, 40, 30, false)
	file := []string{"file@photo.jpg"}
	checkAll(t, open(t, succeeding(), nil), []row{
		{name: "no key", path: maskrUpscale, key: "none", form: file, file: picture, status: 401, body: `{"detail":"Invalid or missing API key"}`},
		{name: "no file", path: maskrUpscale, form: []string{"x=y"}, status: 422, body: `{"detail":[{"loc":["body","file"],"msg":"field required","type":"value_error.missing"}]}`},
		{name: "factor", path: maskrUpscale + "?scale_factor=3", form: file, file: picture, status: 422, body: `{"detail":[{"loc":["query","scale_factor"],...`},
		{name: "undecodable", path: maskrUpscale, form: file, file: cut(picture), status: 422, body: `{"detail":[{"loc":["body","file"],"msg":"invalid image file",...`},
		{name: "size", path: maskrUpscale, form: file, file: make([]byte, 51<<20), status: 413, body: `{"detail":"File too large. Maximum size is 50 MB"}`},
		{name: "no files", path: maskrUpscale + "/batch", form: []string{"x=y"}, status: 422, body: `{"detail":[{"loc":["body","files"],"msg":"field required","type":"value_error.missing"}]}`},
		{name: "job", method: http.MethodGet, path: "/v1/jobs/550e8400-e29b-41d4-a716-446655440000", status: 404, body: `{"detail":"Job not found"}`},
		{name: "forged", method: http.MethodGet, path: "/v1/files/550e8400-e29b-81d4-a716-446655440000?expires=9999999999&sig=00", status: 403, body: `{"detail":"Invalid or expired signature"}`},
	})
	for kind, want := range map[fault.Kind]row{
		fault.NoCredits:   {status: 402, body: `{"detail":"Insufficient credits"}`},
		fault.Busy:        {status: 503, retry: "5", body: `{"detail":"Service is busy. Please try again later"}`},
		fault.RateLimited: {status: 429, retry: "7", body: `{"detail":"Rate limit exceeded. Please try again later"}`},
		fault.Internal:    {status: 500, body: `{"detail":"Internal server error"}`},
	} {
		want.name, want.path, want.form, want.file = string(kind), maskrUpscale, file, picture
		checkAll(t, open(t, refusing(kind), nil), []row{want})
	}
	checkAll(t, open(t, failing(fault.Internal), nil), []row{{name: "failed", path: maskrUpscale, form: file, file: picture, status: 200,
		body: `{"job_id":"UUID","status":"failed","result":{"job_id":"UUID","status":"failed","input_filename":"photo.jpg","output_url":null,"processing_time_ms":null,"error":"Processing failed","original_width":null,"original_height":null,"output_width":null,"output_height":null,"credits_used":0},"error":"Processing failed"}`}})
}

func dataURI(file []byte) string {
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(file)
}

func TestArtnexErrors(t *testing.T) {
	t.Parallel()
	flat := func(code string) string { return `{"success":false,"error":"` + code + `",...` }
	const picture = `{"image":"data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"}`
	checkAll(t, open(t, succeeding(), nil), []row{
		{name: "missing", path: mnmlUpscale, json: `{"scale":2}`, status: 400, body: `{"success":false,"error":"missing_image","message":"The image field is required.","request_id":"req_ups_ID"}`},
		{name: "format", path: mnmlUpscale, json: picture, status: 400, body: flat("invalid_image_format")},
		{name: "private URL", path: mnmlUpscale, json: `{"image":"https://10.0.0.1/a.png"}`, status: 400, body: flat("invalid_image_format")},
		{name: "scale", path: mnmlUpscale, json: `{"image":"https://example.com/a.png","scale":9}`, status: 400, body: flat("invalid_scale")},
		{name: "large", path: mnmlUpscale, json: `{"image":"data:image/png;base64,` + string(bytes.Repeat([]byte("A"), 14<<20)) + `"}`, status: 400, body: flat("image_too_large")},
		{name: "no key", path: mnmlUpscale, key: "none", json: picture, status: 401, body: `{"success":false,"error":"invalid_api_key","message":"The API key provided is not valid.","request_id":"req_ups_ID"}`},
		{name: "disabled key", path: mnmlUpscale, key: "disabled", json: picture, status: 401, body: flat("invalid_api_key")},
		{name: "no JSON", path: mnmlUpscale, json: `nonsense`, status: 422, body: flat("invalid_request")},
		{name: "no object", path: mnmlUpscale, json: `[]`, status: 422, body: flat("invalid_request")},
	})
	good := `{"image":"` + dataURI(dialecttest.PNG(t, 8, 6, false)) + `"}`
	for kind, want := range map[fault.Kind]row{
		fault.NoCredits:   {status: 402, body: flat("insufficient_credits")},
		fault.Busy:        {status: 503, retry: "5", body: flat("service_unavailable")},
		fault.RateLimited: {status: 429, retry: "7", body: flat("rate_limit_exceeded")},
		fault.Internal:    {status: 500, body: flat("internal_error")},
	} {
		want.name, want.path, want.json = string(kind), mnmlUpscale, good
		checkAll(t, open(t, refusing(kind), nil), []row{want})
	}
}

func TestAetherforgeErrors(t *testing.T) {
	t.Parallel()
	picture := dialecttest.PNG(t, 40, 30, false)
	form := []string{"image@photo.jpg", "scale=2K"}
	checkAll(t, open(t, succeeding(), nil), []row{
		{name: "no key", path: forgeUpscale, key: "none", form: form, file: picture, status: 401, body: `{"detail":"Invalid API key"}`},
		{name: "disabled key", path: forgeUpscale, key: "disabled", form: form, file: picture, status: 404, body: `{"detail":"Not Found User"}`},
		{name: "no image", path: forgeUpscale, form: []string{"scale=2K"}, status: 422, body: `{"detail":[{"loc":["body","image"],"msg":"field required","type":"value_error.missing"}]}`},
		{name: "no scale", path: forgeUpscale, form: form[:1], file: picture, status: 422, body: `{"detail":[{"loc":["body","scale"],"msg":"field required","type":"value_error.missing"}]}`},
		{name: "scale", path: forgeUpscale, form: []string{form[0], "scale=8K"}, file: picture, status: 422, body: `{"detail":[{"loc":["body","scale"],...`},
		{name: "no picture", path: forgeUpscale, form: form, file: cut(picture), status: 400, body: `{"detail":"Invalid image file"}`},
		{name: "no uuid", method: http.MethodGet, path: "/job/nonsense", status: 422, body: `{"detail":[{"loc":["path","job_id"],...`},
		{name: "file", method: http.MethodGet, path: "/v1/files/550e8400-e29b-41d4-a716-446655440000?expires=9999999999&sig=00", status: 404, body: `{"status":"error","code":"resource_not_found",...`},
		{name: "job", method: http.MethodGet, path: "/public/v1/job/550e8400-e29b-41d4-a716-446655440000", status: 404, body: `{"detail":"Job not found"}`},
	})
	for kind, want := range map[fault.Kind]row{
		fault.NoCredits:   {status: 402, body: `{"detail":"Insufficient credits"}`},
		fault.Busy:        {status: 503, retry: "5", body: `{"detail":"Service is busy. Please try again later"}`},
		fault.RateLimited: {status: 429, retry: "7", body: `{"detail":"Rate limit exceeded. Please try again later"}`},
		fault.Internal:    {status: 500, body: `{"detail":"Internal Server Error"}`},
	} {
		want.name, want.path, want.form, want.file = string(kind), forgeUpscale, form, picture
		checkAll(t, open(t, refusing(kind), nil), []row{want})
	}
}

// Every path of the two synchronous APIs, known or not, is answered in their forms.
func TestStabilityAndOpenAIErrors(t *testing.T) {
	t.Parallel()
	const fast, images = "/v2beta/stable-image/upscale/fast", "/v1/images/upscale"
	picture, image := dialecttest.PNG(t, 40, 36, false), []string{"image@a.png"}
	checkAll(t, open(t, succeeding(), nil), []row{
		{name: "no key", path: fast, key: "none", form: image, file: picture, status: 401, body: `{"id":"request-1","name":"unauthorized","errors":["missing or invalid API key"]}`},
		{name: "disabled key", path: fast, key: "disabled", form: image, file: picture, status: 403, body: `{"id":"request-1","name":"permission_denied",...`},
		{name: "cut", path: fast, form: image, file: cut(picture), status: 400, body: `{"id":"request-1","name":"bad_request","errors":["image: the file is damaged or not an image"]}`},
		{name: "path", path: "/v2beta/results/7", form: image, file: picture, status: 404, body: `{"id":"request-1","name":"not_found","errors":["There is nothing at this address."]}`},
		{name: "v1 path", path: "/v1/generation/x/text-to-image", form: image, file: picture, status: 404, body: `{"id":"request-1","name":"not_found","message":"There is nothing at this address."}`},
		{name: "method", method: http.MethodDelete, path: "/v1/user/balance", status: 405, body: `{"id":"request-1","name":"method_not_allowed",...`},
		{name: "balance", method: http.MethodGet, path: "/v1/user/balance", status: 200, body: `{"credits":500}`},
		{name: "no key", path: images, key: "none", form: image, file: picture, status: 401, body: `{"error":{"message":"The API key is missing or not valid.",...`},
		{name: "private URL", path: images, json: `{"image":"https://10.0.0.1/a.png"}`, status: 400, body: `{"error":{"message":...`},
		{name: "path", path: "/v1/images/edits", form: image, file: picture, status: 404, body: `{"error":{"message":"There is nothing at this address.",...`},
		{name: "method", method: http.MethodGet, path: images, status: 405, body: `{"error":{"message":"This address does not take that method.",...`},
	})
	for kind, status := range map[fault.Kind]int{fault.NoCredits: 402, fault.Busy: 503, fault.RateLimited: 429, fault.Internal: 500} {
		retry := map[fault.Kind]string{fault.Busy: "5", fault.RateLimited: "7"}[kind]
		checkAll(t, open(t, refusing(kind), nil), []row{
			{name: string(kind), path: fast, form: image, file: picture, status: status, retry: retry, body: `{"id":"request-1","name":...`},
			{name: string(kind), path: images, form: image, file: picture, status: status, retry: retry, body: `{"error":{"message":...`},
		})
	}
}
