package server_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"upscaled/server"
)

// Unknown paths below an API's are answered in its own form: clients decode
// errors by it, and fail on others.
func TestUnknownPaths(t *testing.T) {
	t.Parallel()
	const (
		problem = `{"detail":"The requested resource could not be found.","status":404}`
		fastAPI = `{"detail":"Not Found"}`
		graph   = `{"error":{"type":"not_found","message":"There is nothing at this address.","details":"","extra_info":{}},"node_errors":{}}`
	)
	want := map[string]string{
		"/v1/services": fastAPI, "/v1/services/x": fastAPI, "/v1/jobs": fastAPI,
		"/public": fastAPI, "/public/v1/x": fastAPI, "/job": fastAPI,
		"/api": ailabError(404, "ERROR_AI_NOT_EXISTS"), "/api/v1x": ailabError(404, "ERROR_AI_NOT_EXISTS"),
		"/v1/status": `{"status":"error","code":"resource_not_found",...`, "/v1/modelsx": `{"status":"error","code":"resource_not_found",...`,
		"/upload": graph, "/api/upload/x": graph, "/api/ws/x": graph, "/interrupt/x": graph,
		"/sdapi/v1": `{"detail":"Not Found"}`, "/sdapi/v1/x": `{"detail":"Not Found"}`,
	}
	for _, path := range []string{
		"/v1/account/x", "/v1/collections/super-resolution", "/v1/deployments/a/b", "/v1/hardware/x", "/v1/models/a",
		"/v1/predictions/a/b", "/v1/search/x", "/v1/trainings/abc", "/v1/webhooks", "/v1/webhooks/default/secret/x",
	} {
		want[path] = problem
	}
	s := open(t, succeeding(), nil)
	for path, body := range want {
		checkAll(t, s, []row{{name: path, method: http.MethodGet, path: path, status: http.StatusNotFound, body: body}})
	}
	checkAll(t, s, []row{{name: "method", method: http.MethodDelete, path: "/v1/models", status: http.StatusMethodNotAllowed,
		body: `{"detail":"This address does not take that method.","status":405}`},
		{name: "method", method: http.MethodGet, path: "/predictions", status: http.StatusMethodNotAllowed, body: `{"detail":"Method Not Allowed"}`},
		{name: "method", method: http.MethodPut, path: "/prompt", status: http.StatusMethodNotAllowed, body: `{"error":{"type":"method_not_allowed",...`}})
}

// HEAD is answered as GET is, by every path: probes send it.
func TestHeadOfEveryPath(t *testing.T) {
	t.Parallel()
	s := whole(t, func(*server.Config) {})
	for _, route := range s.Routes() {
		if route.Method != http.MethodGet || strings.HasSuffix(route.Path, "*") {
			continue
		}
		status := func(method string) int {
			answer := httptest.NewRecorder()
			s.Handler().ServeHTTP(answer, httptest.NewRequest(method, strings.ReplaceAll(route.Path, ":", ""), nil))
			return answer.Code
		}
		if get, head := status(http.MethodGet), status(http.MethodHead); get != head {
			t.Errorf("%s: GET %d, HEAD %d", route.Path, get, head)
		}
	}
}
