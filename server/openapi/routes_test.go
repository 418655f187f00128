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

	"upscaled/server/dialect/dialecttest"
)

func get(t *testing.T, path string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	e := echo.New()
	if err := document(t).Routes(e, func(*http.Request) string { return "http://up.example" }); err != nil {
		t.Fatal(err)
	}
	return dialecttest.Do(e, r)
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
	types := map[string]string{".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".txt": "text/plain; charset=utf-8", ".json": "application/json"}
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
	if named != 6 {
		t.Errorf("%d files", named)
	}
	if script := get(t, "/docs/api/start.js").Body.String(); !strings.Contains(script, `"../openapi.json"`) {
		t.Errorf("the script shows another document: %s", script)
	}
}
