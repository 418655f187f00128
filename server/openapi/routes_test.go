package openapi_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
	"golang.org/x/net/html"

	"upscaled/server/dialect/aetherforge"
	"upscaled/server/dialect/ailab"
	"upscaled/server/dialect/artnex"
	"upscaled/server/dialect/automatic1111"
	"upscaled/server/dialect/dialecttest"
	"upscaled/server/dialect/maskr"
	"upscaled/server/dialect/mnml"
	"upscaled/server/dialect/native"
	"upscaled/server/dialect/replicate"
	"upscaled/server/job/jobtest"
	"upscaled/server/openapi"
)

func nothing(string) bool { return false }

// routes are those of all dialects, laid out as the server does.
func routes(t *testing.T) *echo.Echo {
	t.Helper()
	host := dialecttest.Services(&jobtest.Queue{}, dialecttest.Auth{})
	e, none := echo.New(), func(echo.Context) error { return nil }
	native.New(host, native.Defaults(), native.Parts{}).Routes(e)
	mnml.New(host, mnml.Defaults()).Routes(e)
	ailab.New(host, ailab.Defaults()).Routes(e)
	maskr.New(host, maskr.Defaults()).Routes(e)
	aetherforge.New(host, aetherforge.Defaults()).Routes(e)
	e.POST("/v1/upscale", artnex.New(host, artnex.Defaults(), nil).Upscale)
	automatic1111.New(host, automatic1111.Stores{Lister: &jobtest.Queue{}}, automatic1111.Defaults()).Routes(e)
	replicate.New(host, replicate.Defaults(), replicate.Stores{}).Routes(e)
	for _, path := range []string{"/healthz", "/readyz", "/v1/files/:id", "/v1/files/:id/:name"} {
		e.GET(path, none)
		e.HEAD(path, none)
	}
	if err := document(t).Routes(e); err != nil {
		t.Fatal(err)
	}
	return e
}

func TestRoutesAndDocumentAgree(t *testing.T) {
	t.Parallel()
	for _, difference := range document(t).Differences(routes(t).Routes(), nothing) {
		t.Error(difference)
	}
}

func TestDifferences(t *testing.T) {
	t.Parallel()
	e := routes(t)
	none := func(echo.Context) error { return nil }
	e.PUT("/api/v1/jobs/:id", none)
	e.GET("/", none)
	e.HEAD("/api/v1/models", none)
	e.GET("/assets/*", none)
	page := func(path string) bool { return path == "/" }
	all := document(t).Differences(e.Routes(), page)
	if len(all) != 1 || all[0].String() != "PUT /api/v1/jobs/{id} has a route but is not described" {
		t.Errorf("%v", all)
	}
	var fewer []*echo.Route
	for _, r := range e.Routes() {
		if r.Path != "/api/v1/system" && r.Method != http.MethodPut {
			fewer = append(fewer, r)
		}
	}
	all = document(t).Differences(fewer, page)
	if len(all) != 1 || all[0] != (openapi.Difference{Operation: openapi.Operation{Method: "GET", Path: "/api/v1/system"}}) ||
		all[0].String() != "GET /api/v1/system is described but has no route" {
		t.Errorf("%v", all)
	}
}

func get(t *testing.T, path string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return dialecttest.Do(routes(t), r)
}

func TestDocumentIsServed(t *testing.T) {
	t.Parallel()
	got := get(t, "/openapi.json")
	if got.Code != 200 || got.Header().Get("Content-Type") != "application/json" || !bytes.Equal(got.Body.Bytes(), document(t).JSON()) ||
		got.Header().Get("Access-Control-Allow-Origin") != "*" || !json.Valid(got.Body.Bytes()) {
		t.Errorf("%d %v", got.Code, got.Header())
	}
	for _, path := range []string{"/openapi.json", "/docs/api"} {
		tag := get(t, path).Header().Get("ETag")
		if again := get(t, path, "If-None-Match", tag); again.Code != 304 || again.Body.Len() > 0 {
			t.Errorf("%s again: %d", path, again.Code)
		}
	}
}

// Every file that the page names is served, and its policy lets those pass and
// nothing else.
func TestPage(t *testing.T) {
	t.Parallel()
	got := get(t, "/docs/api")
	policy := got.Header().Get("Content-Security-Policy")
	if got.Code != 200 || got.Header().Get("Content-Type") != "text/html; charset=utf-8" ||
		!strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
		t.Errorf("%d %v", got.Code, got.Header())
	}
	types := map[string]string{".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", "json": "application/json"}
	base, named := &url.URL{Path: "/docs/api"}, 0
	for tokens := html.NewTokenizer(got.Body); tokens.Next() != html.ErrorToken; {
		for _, a := range tokens.Token().Attr {
			if strings.HasPrefix(a.Key, "on") || a.Key == "style" {
				t.Errorf("the policy stops %s=%s", a.Key, a.Val)
			}
			want, isFile := types[path.Ext(a.Val)]
			if a.Key != "src" && a.Key != "href" || !isFile {
				continue
			}
			named++
			file := get(t, base.ResolveReference(&url.URL{Path: a.Val}).Path)
			if file.Code != 200 || file.Header().Get("Content-Type") != want || file.Body.Len() == 0 {
				t.Errorf("%s: %d %v", a.Val, file.Code, file.Header())
			}
		}
	}
	if named != 4 {
		t.Errorf("%d files", named)
	}
	if script := get(t, "/docs/api/start.js").Body.String(); !strings.Contains(script, `"../openapi.json"`) {
		t.Errorf("the script shows another document: %s", script)
	}
}
