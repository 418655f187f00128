package server_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"upscaled/server"
	"upscaled/server/dialect/dialecttest"
)

// Every link that a response holds leads back through the proxy that serves this
// server below a path, if the proxy is trusted.
func TestLinksBelowAPrefix(t *testing.T) {
	t.Parallel()
	h := handler(t, func(c *server.Config) {
		c.TrustedProxies, c.Listen, c.InsecureOpen = []string{"192.0.2.0/24"}, ":0", true
	})
	ask := func(r *http.Request, remote string) *httptest.ResponseRecorder {
		r.Header.Set("X-Forwarded-Prefix", "/up/scale/")
		r.RemoteAddr = remote
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	png := dialecttest.PNG(t, 80, 60, false)
	get := func(path string) *http.Request { return httptest.NewRequest(http.MethodGet, path, nil) }
	json := func(path, body string) *http.Request {
		r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		return r
	}
	file := func(field string) dialecttest.Part { return dialecttest.File(field, "a.png", png) }
	link := regexp.MustCompile(`https?://example\.com[^"\s]*`)
	id := regexp.MustCompile(`"(?:id|job_id)":"([^"]+)"`)
	made := func(r *http.Request) string {
		w := ask(r, "192.0.2.1:5")
		found := id.FindStringSubmatch(w.Body.String())
		if found == nil {
			t.Fatalf("%s: %d %s", r.URL, w.Code, w.Body)
		}
		return found[1]
	}
	for name, request := range map[string]func() *http.Request{
		"maskr":  func() *http.Request { return dialecttest.Form(t, maskrUpscale, file("file")) },
		"ailab":  func() *http.Request { return dialecttest.Form(t, ailabUpscale, file("image")) },
		"artnex": func() *http.Request { return json("/v1/upscale", `{"image":"`+dataURI(png)+`"}`) },
		"native": func() *http.Request { return dialecttest.Form(t, "/api/v1/jobs", file("file")) },
		"native events": func() *http.Request {
			return get("/api/v1/events?ids=" + made(dialecttest.Form(t, "/api/v1/jobs", file("file"))))
		},
		"mnml": func() *http.Request {
			return get("/v1/status/" + made(dialecttest.Form(t, mnmlUpscale, file("image"))))
		},
		"aetherforge": func() *http.Request {
			return get("/public/v1/job/" + made(dialecttest.Form(t, forgeUpscale, file("image"), dialecttest.Field("scale", "1K"))))
		},
		"replicate": func() *http.Request {
			return json("/v1/models/nightmareai/real-esrgan/predictions", `{"input":{"image":"`+dataURI(png)+`"}}`)
		},
		"replicate files":  func() *http.Request { return dialecttest.Form(t, "/v1/files", file("content")) },
		"replicate models": func() *http.Request { return get("/v1/models") },
	} {
		through, around := ask(request(), "192.0.2.1:5"), ask(request(), "198.51.100.1:5")
		links := link.FindAllString(through.Body.String(), -1)
		for _, l := range append(links, through.Header().Values("Location")...) {
			if !strings.HasPrefix(l, "http://example.com/up/scale/") {
				t.Errorf("%s: %s leads past the proxy", name, l)
			}
		}
		if len(links) == 0 || strings.Contains(around.Body.String(), "/up/scale") {
			t.Errorf("%s: %d links of %s, and of a stranger %s", name, len(links), through.Body, around.Body)
		}
	}
	document := get("/openapi.json")
	if text := ask(document, "192.0.2.1:5").Body.String(); !strings.Contains(text, `"url": "/up/scale"`) {
		t.Errorf("the description's server: %.600s", text)
	}
	if text := ask(document, "198.51.100.1:5").Body.String(); !strings.Contains(text, `"url": "/"`) {
		t.Errorf("the description's server: %.600s", text)
	}
}
