package limits_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"upscaled/server/limits"
)

// FuzzSites takes the headers of browsers and hostile pages. A page
// that its browser calls foreign, or whose origin has another host, changes
// nothing, however the origin is written.
func FuzzSites(f *testing.F) {
	for _, origin := range []string{"", "null", "https://evil.example", "http://up.example:8080", "https://UP.example", "http://%zz", "//up.example", "https://up.example:80@evil.example", "https://[::1]:8080"} {
		for _, site := range []string{"", "none", "same-origin", "same-site", "cross-site", "Same-Origin"} {
			f.Add("POST", origin, site, "up.example:8080")
		}
		f.Add("post", origin, "", "")
	}
	sites, err := limits.NewOrigins([]string{"https://app.example"}, func(r *http.Request) string { return "http://" + r.Host })
	if err != nil {
		f.Fatal(err)
	}
	plain := regexp.MustCompile(`^https?://[a-z0-9.-]+(:[0-9]+)?$`)
	f.Fuzz(func(t *testing.T, method, origin, site, host string) {
		r := &http.Request{Method: method, Host: host, Header: http.Header{"Origin": {origin}, "Sec-Fetch-Site": {site}}}
		allowed, safe := sites.Allow(r), method == "GET" || method == "HEAD" || method == "OPTIONS"
		told := fmt.Sprintf("%q from %q (%q) to %q: allowed %v", method, origin, site, host, allowed)
		switch {
		case r.Host != host:
			t.Fatalf("%s: the request's host is now %q", told, r.Host)
		case safe, origin == "https://app.example", site == "same-origin", site == "none", site == "" && origin == "":
			if !allowed {
				t.Fatal(told)
			}
		case site != "", origin == "null":
			if allowed {
				t.Fatal(told)
			}
		case plain.MatchString(origin) && plain.MatchString("http://"+host):
			_, from, _ := strings.Cut(origin, "://")
			usual := map[bool]string{true: ":80", false: ":443"}[strings.HasPrefix(origin, "http:")]
			if same := from == strings.TrimSuffix(host, ":80"); allowed != same && from != strings.TrimSuffix(host, usual) && !strings.HasSuffix(from, usual) {
				t.Fatal(told)
			}
		}
	})
}

// FuzzOwnNames takes the hosts that requests name. Nobody's domain is this
// machine's own name, whatever stands before it, and a port changes nothing.
func FuzzOwnNames(f *testing.F) {
	for _, host := range []string{"", "localhost", "127.0.0.1", "[::1]:8080", "evil.example:80", "localhost.evil", "0x7f.1", "::1", "[fe80::1%25eth0]", "a:b:c", "[[::1]]"} {
		f.Add(host)
	}
	f.Fuzz(func(t *testing.T, host string) {
		if own := limits.IsLocalName(host); own && !strings.ContainsAny(host, ":[]") && !limits.IsLocalName(host+":8080") {
			t.Fatalf("%q is own, but not with a port", host)
		}
		if foreign := host + ".example"; limits.IsLocalName(foreign) {
			t.Fatalf("%q is taken for this machine", foreign)
		}
		if one, other := limits.SameHost("http://"+host, "https://a.example"), limits.SameHost("https://a.example", "http://"+host); one != other {
			t.Fatalf("%q: %v, and %v the other way round", host, one, other)
		}
	})
}

// FuzzRequests sends a connection's bytes to a guarded server. Whatever they
// are, the budget is whole again at the end, all answers are well-formed, and
// nothing behind a request with chunks is run.
func FuzzRequests(f *testing.F) {
	const end = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
	for _, bytes := range []string{
		end, end + end,
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello" + end,
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\nshort",
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab" + end,
		"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n" + end,
		"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n5;x=\"\r\nhello\r\n0\r\nA: b\r\n\r\n" + end,
		"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nhello",
		"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nab",
		"POST /refused HTTP/1.1\r\nHost: x\r\nContent-Length: 70\r\n\r\nab", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	} {
		f.Add([]byte(bytes))
	}
	budget := &limits.Budget{Most: 64}
	var run []bool // per request whether it had chunks; one connection at a time
	e := echo.New()
	e.Use(limits.Requests(limits.RateLimit{Stall: time.Minute}, budget))
	e.Any("/*", func(c echo.Context) error {
		run = append(run, len(c.Request().TransferEncoding) > 0)
		if c.Request().URL.Path == "/refused" {
			return c.NoContent(http.StatusForbidden)
		}
		_, err := io.Copy(io.Discard, c.Request().Body)
		return err
	})
	closed := make(chan struct{}, 1)
	web := httptest.NewUnstartedServer(e)
	web.Config.ErrorLog = log.New(io.Discard, "", 0)
	web.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			closed <- struct{}{}
		}
	}
	web.Start()
	f.Cleanup(web.Close)
	f.Fuzz(func(t *testing.T, sent []byte) {
		run = run[:0]
		c, err := net.Dial("tcp", web.Listener.Addr().String())
		if err != nil {
			t.Skip(err) // as when the machine has no more ports
		}
		defer c.Close()
		// What is sent fits the connection's buffers, so that nobody waits for
		// an answer to be read.
		_, _ = c.Write(sent[:min(len(sent), 16<<10)])
		_ = c.(*net.TCPConn).CloseWrite()
		got, _ := io.ReadAll(c) // a reset is an end as well
		<-closed
		if held := budget.Held(); held != 0 {
			t.Fatalf("%d bytes stay held", held)
		}
		for i, chunks := range run {
			if chunks && i+1 < len(run) {
				t.Fatalf("%d requests are run behind one with chunks", len(run)-i-1)
			}
		}
		if answers := bufio.NewReader(bytes.NewReader(got)); len(got) > 0 {
			if _, err := http.ReadResponse(answers, nil); err != nil {
				t.Fatalf("%q is answered: %v", got, err)
			}
		}
	})
}
