package limits_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"upscaled/server/limits"
)

func TestSites(t *testing.T) {
	t.Parallel()
	own := func(r *http.Request) string { return "http://" + r.Host }
	sites := func(origins ...string) *limits.Origins {
		made, err := limits.NewOrigins(origins, own)
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
	closed := sites()
	for name, c := range map[string]struct {
		sites        *limits.Origins
		method       string
		origin, site string
		want         bool
	}{
		"a program":                      {closed, "POST", "", "", true},
		"the own page":                   {closed, "POST", "http://up.example:8080", "same-origin", true},
		"the own page, encrypted":        {closed, "POST", "https://up.example:8080", "same-origin", true},
		"another site":                   {closed, "POST", "https://evil.example", "cross-site", false},
		"another site, older browser":    {closed, "POST", "https://evil.example", "", false},
		"another port":                   {closed, "DELETE", "http://up.example:3000", "same-site", false},
		"a sandboxed frame":              {closed, "POST", "null", "cross-site", false},
		"without an origin":              {closed, "POST", "", "cross-site", false},
		"without an origin, of the site": {closed, "POST", "", "same-site", false},
		"the own page, a proxy":          {closed, "POST", "https://front.example", "same-origin", true},
		"plain http of the own name":     {closed, "POST", "http://up.example:8080", "cross-site", false},
		"no address":                     {closed, "POST", "http://%zz", "", false},
		"a longer name":                  {closed, "POST", "http://up.example:8080.evil.example", "", false},
		"a link":                         {closed, "GET", "https://evil.example", "cross-site", true},
		"another site's WebSocket":       {closed, "WEBSOCKET", "https://evil.example", "", false},
		"the own page's WebSocket":       {closed, "WEBSOCKET", "http://up.example:8080", "", true},
		"a program's WebSocket":          {closed, "WEBSOCKET", "", "", true},
		"a named origin":                 {sites("https://app.example"), "POST", "https://app.example", "cross-site", true},
		"beside a named origin":          {sites("https://app.example"), "POST", "https://app.example.evil", "cross-site", false},
		"all":                            {sites("*"), "POST", "https://evil.example", "cross-site", true},
	} {
		r := httptest.NewRequest(c.method, "http://up.example:8080/v1/upscale", nil)
		if c.method == "WEBSOCKET" {
			r.Method = http.MethodGet
			r.Header.Set("Upgrade", "WebSocket")
		}
		for header, value := range map[string]string{"Origin": c.origin, "Sec-Fetch-Site": c.site} {
			if value != "" {
				r.Header.Set(header, value)
			}
		}
		if got := c.sites.Allow(r); got != c.want {
			t.Errorf("%s: allowed %v", name, got)
		}
	}
}

// A port that goes without saying may be said.
func TestUsualPorts(t *testing.T) {
	t.Parallel()
	sites, err := limits.NewOrigins(nil, func(*http.Request) string { return "https://UP.example:443" })
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	r.Header.Set("Origin", "https://up.example")
	if !sites.Allow(r) {
		t.Error("the own page is refused")
	}
}

// What browsers never send as an origin would be a setting without effect.
func TestOriginsAreOrigins(t *testing.T) {
	t.Parallel()
	for origin, right := range map[string]bool{
		"*": true, "https://app.example": true, "http://localhost:3000": true, "chrome-extension://abcd": true,
		"app.example": false, "https://app.example/": false, "https://*.example": false, "null": false, "": false,
		"https://app.example?x": false, "https://user@app.example": false, "https://%zz": false,
	} {
		if _, err := limits.NewOrigins([]string{origin}, nil); (err == nil) != right {
			t.Errorf("%q: %v", origin, err)
		}
	}
}

func TestOwnNames(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{
		"": true, "localhost": true, "LOCALHOST:8080": true, "localhost.:1": true, "app.localhost": true,
		"127.0.0.1:8080": true, "[::1]:8080": true, "[::1]": true, "192.0.2.1": true,
		"evil.example": false, "evil.example:8080": false, "localhost.evil.example": false, "127.0.0.1.evil.example": false,
		"localhost:": true, "127.0.0.1:80.evil.com": false, "localhost:evil.example": false, "[::1]:80.evil.example": false,
		"::1%evil.com": false, "[::1%evil.com]:80": false, "[::1%25evil.com]": false,
		"0x7f.1": false, "localhost@evil.example": false,
	} {
		if got := limits.IsLocalName(host); got != want {
			t.Errorf("%q: %v", host, got)
		}
	}
}
