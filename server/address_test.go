package server

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"strings"
	"testing"
)

// FuzzBase takes hosts and proxies' headers of strangers: only a trusted
// proxy's count, and what comes out is one scheme, host and clean path and nothing
// more.
func FuzzBase(f *testing.F) {
	for _, given := range [][3]string{
		{"https", "public.example", "/up"}, {"http, https", "a.example, b.example"}, {"javascript", "public.example/path"},
		{"https", "user@public.example", "/a, /b/"}, {"https", "a.example", "//evil.example"}, {"https", "a.example", "/a/../b"}, {"https", "a.example", `/"><b>`},
		{"https", "a.example", "/a?b#c"}, {"https", "a.example", "up"}, {"https", "a.example", "/%2e%2e/x y"}, {"https", "a b"}, {"https", "x\r\nSet-Cookie: y"}, {"HTTPS", "[::1]:8080"}, {"https", "a.example:99999999"}, {"https", "%zz"},
	} {
		f.Add(given[0], given[1], given[2], true)
		f.Add(given[0], given[1], given[2], false)
	}
	config := Config{TrustedProxies: []string{"192.0.2.0/24"}}
	f.Fuzz(func(t *testing.T, scheme, host, prefix string, trusted bool) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.Host, r.RemoteAddr = "asked.example:8080", "198.51.100.1:5"
		if trusted {
			r.RemoteAddr = "192.0.2.7:5"
		}
		r.Header["X-Forwarded-Proto"], r.Header["X-Forwarded-Host"] = []string{scheme}, []string{host}
		r.Header["X-Forwarded-Prefix"] = []string{prefix}
		base := newAddresses(config).base(r)
		u, err := url.Parse(base)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || base != u.Scheme+"://"+u.Host+u.Path ||
			u.Path != "" && (path.Clean(u.Path) != u.Path || strings.ContainsAny(u.Path, " <>\"'%\\?#")) {
			t.Fatalf("%q, %q, %q: %q, %v", scheme, host, prefix, base, err)
		}
		if !trusted && base != "http://asked.example:8080" {
			t.Fatalf("a stranger's %q and %q give %q", scheme, host, base)
		}
	})
}
