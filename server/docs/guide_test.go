package docs_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"upscaled/server/docs"
)

// Every page is served, and every link between pages leads to one.
func TestPagesAndLinks(t *testing.T) {
	t.Parallel()
	g, err := docs.New()
	if err != nil {
		t.Fatal(err)
	}
	e := echo.New()
	g.Routes(e)
	get := func(path string) *httptest.ResponseRecorder {
		recorder := httptest.NewRecorder()
		e.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, path, nil))
		return recorder
	}
	link := regexp.MustCompile(`href="(/docs[^"#]*)`)
	anchor := regexp.MustCompile(`\]\([a-z]+\.md\)`)
	for _, name := range g.Names() {
		path := strings.TrimSuffix("/docs/"+name, "/")
		page := get(path)
		if page.Code != http.StatusOK || !strings.Contains(page.Header().Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: %d %v", path, page.Code, page.Header())
		}
		if left := anchor.FindString(page.Body.String()); left != "" {
			t.Errorf("%s: %s was not rendered", path, left)
		}
		for _, to := range link.FindAllStringSubmatch(page.Body.String(), -1) {
			target := to[1]
			if target != "/docs/api" && get(target).Code != http.StatusOK {
				t.Errorf("%s links to %s, which is not there", path, target)
			}
		}
	}
	if missing := get("/docs/nothing"); missing.Code != http.StatusNotFound {
		t.Errorf("an unknown page: %d", missing.Code)
	}
	if !slices.Contains(g.Names(), "") {
		t.Error("there is no index")
	}
}
