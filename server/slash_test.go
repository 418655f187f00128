package server_test

import (
	"net/http"
	"testing"

	"upscaled/server/dialect/dialecttest"
)

// TestPathsMayEndInASlash asks each API with one slash too many; two are none
// of its paths.
func TestPathsMayEndInASlash(t *testing.T) {
	t.Parallel()
	picture := dialecttest.PNG(t, 80, 60, false)
	image := []string{"image@a.png"}
	checkAll(t, open(t, succeeding(), nil), []row{
		{name: "mnml", path: mnmlUpscale + "/", form: image, file: picture, status: 200, body: `{"status":"success",...`},
		{name: "mnml status", method: http.MethodGet, path: "/v1/status/upscale_1703123456789_abc12345/", status: 404, body: `{"status":"error","code":"resource_not_found",...`},
		{name: "AILab", path: ailabUpscale + "/", form: image, file: picture, status: 200, body: `{"request_id":"request-1","log_id":"request-1","error_code":0,...`},
		{name: "maskr", path: maskrUpscale + "/", form: []string{"file@a.png"}, file: picture, status: 200, body: `{"job_id":"UUID","status":"completed",...`},
		{name: "aetherforge", path: forgeUpscale + "/", form: append(image, "scale=1K"), file: picture, status: 200, body: `{"job_id":"UUID"}`},
		{name: "aetherforge job", method: http.MethodGet, path: "/job/550e8400-e29b-41d4-a716-446655440000/", status: 404, body: `{"detail":"Job not found"}`},
		{name: "Replicate", method: http.MethodGet, path: "/v1/predictions/", status: 200, body: `{"next":null,...`},
		{name: "AUTOMATIC1111", method: http.MethodGet, path: "/sdapi/v1/upscalers/", status: 200, body: `[{"name":"None",...`},
		{name: "two slashes", path: mnmlUpscale + "//", form: image, file: picture, status: 404, body: `{"status":"error","code":"resource_not_found",...`},
	})
}
