package server_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"upscaled/server"
	"upscaled/server/dialect/dialecttest"
	"upscaled/server/job/jobtest"
)

// Forms that a page of another site sends through somebody's browser make no
// job, in any API. They need no CORS: browsers send them as they are.
func TestPagesOfOtherSites(t *testing.T) {
	t.Parallel()
	queue := &jobtest.Queue{Work: dialecttest.Succeed}
	h := withQueue(t, queue, func(*server.Config) {}).Handler()
	send := func(path, origin, site string) int {
		r := dialecttest.Form(t, path, dialecttest.File("file", "a.png", dialecttest.PNG(t, 40, 30, false)))
		r.Host = "127.0.0.1:8080"
		r.Header.Set("Origin", origin)
		r.Header.Set("Sec-Fetch-Site", site)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code
	}
	for _, path := range []string{"/api/v1/jobs", maskrUpscale, "/v1/files", "/v1/upscale", "/sdapi/v1/extra-single-image"} {
		if got := send(path, "https://evil.example", "cross-site"); got != http.StatusForbidden {
			t.Errorf("%s for another site: %d", path, got)
		}
		if got := send(path, "null", "cross-site"); got != http.StatusForbidden {
			t.Errorf("%s for a sandboxed page: %d", path, got)
		}
	}
	if made := len(queue.Jobs()); made > 0 {
		t.Errorf("%d jobs were made", made)
	}
	if got := send("/api/v1/jobs", "http://127.0.0.1:8080", "same-origin"); got != http.StatusAccepted {
		t.Errorf("for the own page: %d", got)
	}
}

// A server for this machine alone, without keys, is not fooled by a name that
// a hostile page had resolve to it. With keys, beyond this machine, behind a
// trusted proxy or under its public name, names are not looked at.
func TestNamesThatResolveHere(t *testing.T) {
	t.Parallel()
	ask := func(h http.Handler, host string) int {
		r := httptest.NewRequest(http.MethodGet, "/healthz", nil)
		r.Host = host
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code
	}
	for name, c := range map[string]struct {
		change func(*server.Config)
		host   string
		want   int
	}{
		"rebound":       {func(*server.Config) {}, "evil.example:8080", http.StatusMisdirectedRequest},
		"address":       {func(*server.Config) {}, "127.0.0.1:8080", http.StatusOK},
		"localhost":     {func(*server.Config) {}, "localhost:8080", http.StatusOK},
		"no name":       {func(*server.Config) {}, "", http.StatusOK},
		"public":        {func(c *server.Config) { c.PublicURL = "https://up.example/" }, "UP.example", http.StatusOK},
		"not public":    {func(c *server.Config) { c.PublicURL = "https://up.example/" }, "evil.example", http.StatusMisdirectedRequest},
		"open":          {func(c *server.Config) { c.Listen, c.InsecureOpen = ":0", true }, "gpubox.lan", http.StatusOK},
		"trusted proxy": {func(c *server.Config) { c.TrustedProxies = []string{"192.0.2.1"} }, "up.example", http.StatusOK},
	} {
		if got := ask(handler(t, c.change), c.host); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
	s := open(t, succeeding(), nil)
	r, err := http.NewRequest(http.MethodGet, s.url+"/healthz", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "up.example"
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Errorf("with keys: %s", answer.Status)
	}
}

// What pages of this server may load and who may frame them is told to
// browsers, with every answer.
func TestAnswersAreLockedDown(t *testing.T) {
	t.Parallel()
	h := handler(t, func(*server.Config) {})
	for _, path := range []string{"/", "/docs", "/docs/security", "/docs/api", "/openapi.json", "/healthz", "/api/v1/system", "/nothing"} {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Host = "localhost"
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		policy := w.Header().Get("Content-Security-Policy")
		for _, rule := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action '"} {
			if !strings.Contains(policy, rule) {
				t.Errorf("%s has no %s: %q", path, rule, policy)
			}
		}
		if strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") {
			t.Errorf("%s: %q", path, policy)
		}
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY"} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s: %d, %s is %q", path, w.Code, name, got)
			}
		}
	}
}
