package web_test

import (
	"encoding/json"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"upscaled/server/web"
)

func handler(t *testing.T) http.Handler {
	t.Helper()
	page, err := web.New()
	if err != nil {
		t.Fatal(err)
	}
	e := echo.New()
	page.Routes(e)
	return e
}

func do(h http.Handler, method, target string, header http.Header) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	maps.Copy(r.Header, header)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// files returns the page's files by path.
func files(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir("page", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(name)
		address := "/" + filepath.ToSlash(name)
		switch address {
		case "/page/index.html":
			address = "/"
		case "/page/admin.html":
			address = "/admin"
		case "/page/service-worker.js":
			address = "/service-worker.js"
		}
		found[address] = string(text)
		return err
	})
	if err != nil || len(found) < 20 {
		t.Fatalf("%d files (%v)", len(found), err)
	}
	return found
}

func TestEveryFileIsServed(t *testing.T) {
	t.Parallel()
	h := handler(t)
	kinds := map[string]string{".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", "": "text/html"}
	for address, text := range files(t) {
		got := do(h, http.MethodGet, address, nil)
		if got.Code != http.StatusOK || !strings.HasSuffix(got.Body.String(), text) || got.Body.Len() != len(text) && address != "/service-worker.js" {
			t.Errorf("%s: %d, %d bytes", address, got.Code, got.Body.Len())
		}
		if kind := got.Header().Get("Content-Type"); !strings.HasPrefix(kind, kinds[path.Ext(address)]) {
			t.Errorf("%s is %q", address, kind)
		}
		again := do(h, http.MethodGet, address, http.Header{"If-None-Match": {got.Header().Get("ETag")}})
		if again.Code != http.StatusNotModified || again.Body.Len() != 0 {
			t.Errorf("%s again: %d", address, again.Code)
		}
		if head := do(h, http.MethodHead, address, nil); head.Code != http.StatusOK || head.Body.Len() != 0 {
			t.Errorf("HEAD %s: %d", address, head.Code)
		}
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	h := handler(t)
	for _, address := range []string{"/", "/page/main.js"} {
		got := do(h, http.MethodGet, address, nil).Header()
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-cache", "X-Frame-Options": "DENY",
		} {
			if got.Get(name) != want {
				t.Errorf("%s: %s is %q", address, name, got.Get(name))
			}
		}
		policy := got.Get("Content-Security-Policy")
		for _, part := range []string{"trusted-types upscaled", "default-src 'none'", "script-src 'self'", "connect-src 'self'", "img-src 'self' blob: data:", "media-src 'self' blob:", "frame-ancestors 'none'"} {
			if !strings.Contains(policy, part) {
				t.Errorf("%s: the policy lacks %q: %s", address, part, policy)
			}
		}
		if strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") {
			t.Errorf("%s: the policy is weak: %s", address, policy)
		}
	}
}

func TestNothingElseIsServed(t *testing.T) {
	t.Parallel()
	h := handler(t)
	for _, address := range []string{"/page/", "/page/index.html", "/page/admin.html", "/page/service-worker.js", "/page/no.js", "/page/../web.go", "/page/%2e%2e/web.go", "/page/style", "/index.html"} {
		if got := do(h, http.MethodGet, address, nil); got.Code != http.StatusNotFound {
			t.Errorf("%s: %d", address, got.Code)
		}
	}
	if got := do(h, http.MethodPost, "/", nil); got.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", got.Code)
	}
}

var (
	references = regexp.MustCompile(`(?:src|href)="([^"#]+)`)
	imports    = regexp.MustCompile(`from "(\./[^"]+)"`)
	inline     = regexp.MustCompile(`(?i)\sstyle=|\son[a-z]+="|<style|<script>|javascript:`)
	outside    = regexp.MustCompile(`https?://[a-z0-9]`)
	markup     = regexp.MustCompile(`\.(?:inner|outer)HTML|insertAdjacentHTML|document\.write|\beval\(|new Function`)
	symbol     = regexp.MustCompile(`href="#icon-([a-z]+)"`)
	iconName   = regexp.MustCompile(`icon(?:\("|: ")([a-z]+)"`)
)

// Every reference between files has a target, none leads to another server, and no
// file has anything that the policy forbids.
func TestFilesFitTogether(t *testing.T) {
	t.Parallel()
	const maxLines = 300 // of code
	all := files(t)
	for address, text := range all {
		if lines := strings.Count(text, "\n"); lines > maxLines && path.Ext(address) != ".json" {
			t.Errorf("%s has %d lines, more than %d: split it", address, lines, maxLines)
		}
		for _, found := range imports.FindAllStringSubmatch(text, -1) {
			target := path.Join(path.Dir(address), found[1])
			if _, known := all[target]; !known && target != "/page/languages/index.js" { // is generated
				t.Errorf("%s imports %s, which does not exist", address, found[1])
			}
		}
		for _, found := range append(symbol.FindAllStringSubmatch(text, -1), iconName.FindAllStringSubmatch(text, -1)...) {
			if !strings.Contains(all["/"], `<symbol id="icon-`+found[1]+`"`) {
				t.Errorf("%s uses the icon %q, which does not exist", address, found[1])
			}
		}
		if found := markup.FindString(text); found != "" {
			t.Errorf("%s: %s creates markup from text", address, found)
		}
		if path.Ext(address) != ".svg" && outside.MatchString(text) { // SVG files have the URL of their namespace
			if found := strings.ReplaceAll(text, "http://www.w3.org/2000/svg", ""); outside.MatchString(found) {
				t.Errorf("%s refers to another server: %s", address, outside.FindString(found))
			}
		}
	}
	for _, address := range []string{"/", "/admin"} {
		page := all[address]
		if found := inline.FindString(page); found != "" {
			t.Errorf("%s has %q, which the policy forbids", address, found)
		}
		for _, found := range references.FindAllStringSubmatch(page, -1) {
			if _, known := all["/"+found[1]]; !known && !slices.Contains([]string{"docs", "docs/api", "docs/fleet", "docs/before-after.jpg", "./"}, found[1]) {
				t.Errorf("%s refers to %s, which does not exist", address, found[1])
			}
		}
	}
}

// The service worker keeps the files that the page consists of.
func TestServiceWorkerKeepsThePage(t *testing.T) {
	t.Parallel()
	all := files(t)
	script := do(handler(t), http.MethodGet, "/service-worker.js", nil).Body.String()
	lines := strings.SplitN(script, "\n", 3)
	var kept []string
	if err := json.Unmarshal([]byte(strings.TrimSuffix(strings.TrimPrefix(lines[1], "const FILES = "), ";")), &kept); err != nil {
		t.Fatal(err)
	}
	want := []string{"", "docs/before-after.jpg", "page/languages/index.js"}
	for address := range all {
		if strings.HasPrefix(address, "/page/") && !strings.Contains(address, "admin") && address != "/page/operator.js" {
			want = append(want, address[1:])
		}
	}
	slices.Sort(want)
	slices.Sort(kept)
	if !slices.Equal(kept, want) {
		t.Errorf("it keeps %v, wanted %v", kept, want)
	}
	if len(lines[0]) != len(`const VERSION = "0123456789abcdef";`) {
		t.Errorf("the version is %s", lines[0])
	}
}

var byID = regexp.MustCompile(`(?:byId|getElementById|click)\("([A-Za-z-]+)"`)

// Every ID that a module looks up exists in its page.
func TestIdentifiersExist(t *testing.T) {
	t.Parallel()
	all := files(t)
	count := 0
	for address, text := range all {
		if path.Ext(address) != ".js" {
			continue
		}
		for _, found := range byID.FindAllStringSubmatch(text, -1) {
			count++
			pages := []string{"/"}
			switch address {
			case "/page/admin.js":
				pages = []string{"/admin"}
			case "/page/signin.js":
				pages = []string{"/", "/admin"}
			}
			for _, page := range pages {
				if !strings.Contains(all[page], `id="`+found[1]+`"`) && found[1] != "credits" {
					t.Errorf("%s looks for #%s, which %s does not have", address, found[1], page)
				}
			}
		}
	}
	if count < 50 {
		t.Errorf("only %d lookups were found: has their form changed?", count)
	}
}
