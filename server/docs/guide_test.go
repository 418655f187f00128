package docs_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"upscaled/server/docs"
	"upscaled/server/web"
)

// guide returns the guide and a function that requests a path of it.
func guide(t *testing.T) (*docs.Guide, func(path string) *httptest.ResponseRecorder) {
	t.Helper()
	g, err := docs.New()
	if err != nil {
		t.Fatal(err)
	}
	e := echo.New()
	g.Routes(e)
	return g, func(path string) *httptest.ResponseRecorder {
		recorder := httptest.NewRecorder()
		e.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, path, nil))
		return recorder
	}
}

// Every file is a page that the index lists once, every page is served, and
// every link between pages has a target.
func TestPagesAndLinks(t *testing.T) {
	t.Parallel()
	g, get := guide(t)
	files, err := filepath.Glob("*.md")
	if err != nil || len(g.Names()) != len(files) {
		t.Errorf("%d pages of %d files (%v): README.md has to list each once", len(g.Names()), len(files), err)
	}
	link := regexp.MustCompile(`(?:href|src|action)="([^"#]*)(#[^"]*)?"`)
	source := regexp.MustCompile(`\]\([a-z]+\.md\)`)
	for _, name := range g.Names() {
		path := strings.TrimSuffix("/docs/"+name, "/")
		page := get(path)
		if page.Code != http.StatusOK || !strings.Contains(page.Header().Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: %d %v", path, page.Code, page.Header())
		}
		if left := source.FindString(page.Body.String()); left != "" {
			t.Errorf("%s: %s was not rendered", path, left)
		}
		for _, to := range link.FindAllStringSubmatch(page.Body.String(), -1) {
			from, _ := url.Parse("http://up.example/below" + path) // a proxy may serve the guide below a path
			at, err := from.Parse(to[1])
			if err != nil || to[1] != "" && strings.HasPrefix(to[1], "/") {
				t.Errorf("%s: %s is no relative link, %v", path, to[1], err)
				continue
			}
			below, inside := strings.CutPrefix(at.Path, "/below")
			switch { // packages web and openapi
			case at.Host == from.Host && !inside:
				t.Errorf("%s: %s leads out of the server", path, to[1])
			case at.Host != from.Host, below == "/", below == "/docs/api":
				continue
			}
			target := get(below)
			if target.Code != http.StatusOK {
				t.Errorf("%s links to %s, which does not exist", path, to[1])
			}
			if anchor := strings.TrimPrefix(to[2], "#"); anchor != "" && !strings.Contains(target.Body.String(), `id="`+anchor+`"`) {
				t.Errorf("%s links to %s%s, which does not exist", path, to[1], to[2])
			}
		}
	}
	if missing := get("/docs/nothing"); missing.Code != http.StatusNotFound {
		t.Errorf("an unknown page: %d", missing.Code)
	}
}

// Every page shows all pages in the sidebar, its own marked, and is reached
// from the index by following "Next".
func TestNavigation(t *testing.T) {
	t.Parallel()
	g, get := guide(t)
	next := regexp.MustCompile(`rel="next" href="(?:docs/)?([a-z0-9]+)"`)
	var order []string
	for name := ""; len(order) < 100; {
		order = append(order, name)
		page := get(strings.TrimSuffix("/docs/"+name, "/")).Body.String()
		for _, other := range g.Names() {
			if other != "" && !strings.Contains(page, `<li><a href="`+map[bool]string{true: "docs/"}[name == ""]+other+`"`) {
				t.Errorf("the sidebar of %q lacks %q", name, other)
			}
		}
		if marked := strings.Count(page, `aria-current="page"`); name != "" && marked != 1 {
			t.Errorf("%q: %d pages are marked as the current one", name, marked)
		}
		found := next.FindStringSubmatch(page)
		if found == nil {
			break
		}
		if name = found[1]; slices.Contains(order, name) {
			t.Fatalf("%v goes back to %q", order, name)
		}
	}
	if len(order) != len(g.Names()) {
		t.Errorf("following the pages reaches %d of %d: %v", len(order), len(g.Names()), order)
	}
}

// The page shows samples of the models that it has names for: the guide has one of each.
func TestSampleOfEveryTitledModel(t *testing.T) {
	t.Parallel()
	_, get := guide(t)
	english, err := web.File("languages/en.json")
	if err != nil {
		t.Fatal(err)
	}
	models := regexp.MustCompile(`"model\.title\.([^"]+)"`).FindAllStringSubmatch(string(english), -1)
	for _, model := range models {
		if got := get("/docs/sample-" + model[1] + ".jpg"); got.Code != http.StatusOK || got.Header().Get("Content-Type") != "image/jpeg" {
			t.Errorf("%s: %d", model[1], got.Code)
		}
	}
	samples, err := docs.Samples()
	if err != nil || len(models) < 4 || len(samples) != 3 {
		t.Errorf("%d models, %d samples, %v", len(models), len(samples), err)
	}
}

// Former names lead to the page's new name.
func TestRenamedPages(t *testing.T) {
	t.Parallel()
	_, get := guide(t)
	for from, to := range map[string]string{"pictures": "/docs/images", "processor": "/docs/cpu"} {
		got := get("/docs/" + from)
		if got.Code != http.StatusMovedPermanently || "/docs/"+got.Header().Get("Location") != to || get(to).Code != http.StatusOK {
			t.Errorf("%s: %d to %q", from, got.Code, got.Header().Get("Location"))
		}
	}
}

// A search finds sections that contain all words, headings first, and never
// puts a query into the page as markup.
func TestSearch(t *testing.T) {
	t.Parallel()
	_, get := guide(t)
	hit := regexp.MustCompile(`<li><a href="([^"]*)"><span>`)
	for query, want := range map[string]string{
		"reverse+proxy":         "/docs/deploy#behind-a-reverse-proxy",
		"REVERSE++Proxy":        "/docs/deploy#behind-a-reverse-proxy",
		"nginx+body_size":       "/docs/deploy#behind-a-reverse-proxy",
		"getting+started":       "/docs/start",
		"image-lossless":        "/docs/ailab",
		"zzz":                   "",
		"":                      "",
		"%ff":                   "",
		"%3Cscript%3E":          "",
		strings.Repeat("ä", 90): "",
	} {
		page := get("/docs/search?q=" + query)
		first := ""
		if found := hit.FindStringSubmatch(page.Body.String()); found != nil {
			first = path.Join("/docs", found[1])
		}
		if page.Code != http.StatusOK || first != want {
			t.Errorf("%q: %d, first result %q, not %q", query, page.Code, first, want)
		}
		if strings.Contains(page.Body.String(), "<script>") {
			t.Errorf("%q became markup", query)
		}
	}
	body, _ := io.ReadAll(get("/docs/search?q=upscaled").Body)
	if shown := len(hit.FindAll(body, -1)); shown != 20 {
		t.Errorf("%d results of a common word", shown)
	}
}

// FuzzSearch looks for excerpts that cut a letter or reach beyond a text.
func FuzzSearch(f *testing.F) {
	g, err := docs.New()
	if err != nil {
		f.Fatal(err)
	}
	e := echo.New()
	g.Routes(e)
	for _, seed := range []string{"proxy", "…", "é è", "\xff", "--tile 0"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		request := httptest.NewRequest(http.MethodGet, "/docs/search", nil)
		request.URL.RawQuery = "q=" + strings.NewReplacer("%", "%25", "&", "%26", ";", "%3b", "+", "%2b", "#", "%23").Replace(query)
		recorder := httptest.NewRecorder()
		e.ServeHTTP(recorder, request)
		if recorder.Code != http.StatusOK {
			t.Errorf("%q: %d", query, recorder.Code)
		}
	})
}
