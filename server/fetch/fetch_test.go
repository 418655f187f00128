package fetch

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"upscaled/models/fault"
)

// loopback lets a test reach its own servers; the rules stay in force for
// every other address.
func loopback() []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")} }

func fetcher(t *testing.T, server *httptest.Server, edit func(*Options)) *Fetcher {
	t.Helper()
	options := Options{AllowedRanges: loopback(), MaxBytes: 1 << 16}
	if server != nil && server.TLS != nil {
		pool := x509.NewCertPool()
		pool.AddCert(server.Certificate())
		options.TLS = &tls.Config{RootCAs: pool}
	}
	if edit != nil {
		edit(&options)
	}
	f := New(options)
	t.Cleanup(f.Close)
	return f
}

func TestFetchReadsAPublicFile(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hop" {
			http.Redirect(w, r, "/picture", http.StatusFound)
			return
		}
		fmt.Fprint(w, "pixels")
	}))
	defer server.Close()
	for _, path := range []string{"/picture", "/hop"} {
		body, err := fetcher(t, server, nil).Fetch(t.Context(), server.URL+path)
		if err != nil || string(body) != "pixels" {
			t.Fatalf("%s: %q, %v", path, body, err)
		}
	}
}

// Every form of address that is not the public internet, as a client may
// write it. A server listens on each loopback form's port, so that only the
// rule stands between the test and an answer.
func TestForbiddenAddresses(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "secret") }))
	t.Cleanup(server.Close) // not before the last of the parallel tests
	port := netip.MustParseAddrPort(server.Listener.Addr().String()).Port()
	hosts := []string{
		"127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.0.0.1.", "localhost", "LOCALHOST.",
		"0.0.0.0", "0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "198.18.0.1",
		"192.0.0.1", "192.0.2.1", "198.51.100.1", "203.0.113.1", "192.88.99.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
		"[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b:1::7f00:1]",
		"[2002:7f00:1::]", "[2001:0:7f00:1::]", "[fe80::1]", "[fe80::1%25lo]", "[fec0::1]", "[fc00::1]", "[fd00::1]", "[ff02::1]",
		"[100::1]", "[2001:db8::1]", "[::ffff:0:7f00:1]",
	}
	for _, host := range hosts {
		t.Run(host, func(t *testing.T) {
			t.Parallel()
			// Where the address is plain to see nothing but the rule may refuse it,
			// whatever this machine's network reaches.
			_, unclear := netip.ParseAddr(strings.ReplaceAll(strings.Trim(host, "[]"), "%25", "%"))
			limit := 5 * time.Minute
			if unclear != nil { // a name server is asked
				limit = 2 * time.Second
			}
			f := fetcher(t, nil, func(o *Options) { o.AllowedRanges, o.AllowHTTP, o.Timeout = nil, true, limit })
			body, err := f.Fetch(t.Context(), fmt.Sprintf("http://%s:%d/", host, port))
			if err == nil {
				t.Fatalf("reached %q", body)
			}
			if unclear == nil && !errors.Is(err, errForbidden) {
				t.Errorf("not refused by its address: %v", err)
			}
			if sentence := fault.Sentence(err); strings.Contains(sentence, "127") || strings.Contains(sentence, strings.Trim(host, "[]")) && host != "0" {
				t.Errorf("the sentence %q names the address", sentence)
			}
		})
	}
}

func TestPublicAddresses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.0", "172.32.0.1", "198.20.0.1", "2606:4700::1", "2a00:1450::1", "::ffff:8.8.8.8"} {
		if !Public(netip.MustParseAddr(text)) {
			t.Errorf("%s is public", text)
		}
	}
}

func TestRedirectsObeyTheRules(t *testing.T) {
	t.Parallel()
	var target string
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("reached the inside") }))
	defer inside.Close()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		default:
			http.Redirect(w, r, r.URL.Query().Get("to"), http.StatusFound)
		}
	}))
	defer server.Close()
	port := netip.MustParseAddrPort(inside.Listener.Addr().String()).Port()
	for _, target = range []string{
		server.URL + "/loop", inside.URL, "file:///etc/passwd", "gopher://127.0.0.1/", "//user:secret@127.0.0.1/",
		fmt.Sprintf("https://[::ffff:127.0.0.2]:%d/", port), fmt.Sprintf("https://127.0.0.2:%d/", port), "https://169.254.169.254/latest/meta-data",
	} {
		f := fetcher(t, server, func(o *Options) { o.Timeout = 2 * time.Second })
		if body, err := f.Fetch(t.Context(), server.URL+"/?to="+target); err == nil {
			t.Errorf("redirect to %s gave %q", target, body)
		}
	}
}

// rebinding answers the first question with a public address and every later
// one with loopback, as an attacker's name server does.
func rebinding(t *testing.T) *net.Resolver {
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { packets.Close() })
	go func() {
		for buffer := make([]byte, 1500); ; {
			n, from, err := packets.ReadFrom(buffer)
			if err != nil {
				return
			}
			var question dnsmessage.Message
			if question.Unpack(buffer[:n]) != nil {
				continue
			}
			question.Response = true
			question.Additionals = nil
			if q := question.Questions[0]; q.Type == dnsmessage.TypeA {
				question.Answers = []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, Type: q.Type},
					Body:   &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}},
				}}
			}
			if answer, err := question.Pack(); err == nil {
				_, _ = packets.WriteTo(answer, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", packets.LocalAddr().String())
	}}
}

func TestRebindingNameIsRefused(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("reached the inside") }))
	defer server.Close()
	port := netip.MustParseAddrPort(server.Listener.Addr().String()).Port()
	f := fetcher(t, nil, func(o *Options) { o.AllowedRanges, o.AllowHTTP, o.Resolver = nil, true, rebinding(t) })
	_, err := f.Fetch(t.Context(), fmt.Sprintf("http://rebind.example.com:%d/", port))
	if fault.KindOf(err) != fault.FetchFailed {
		t.Fatalf("got %v", err)
	}
}

func TestURLForms(t *testing.T) {
	t.Parallel()
	f := fetcher(t, nil, nil)
	for _, raw := range []string{"", "http://example.com/", "ftp://example.com/", "https://user:pw@example.com/", "https://", "https:example.com", "://", "file:///etc/passwd", "https://\x00"} {
		if _, err := f.Fetch(t.Context(), raw); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: %v", raw, err)
		}
	}
}

func TestAllowedHosts(t *testing.T) {
	t.Parallel()
	f := fetcher(t, nil, func(o *Options) { o.AllowedHosts = []string{"pictures.example.com"} })
	if _, err := f.Fetch(t.Context(), "https://other.example.com/"); fault.KindOf(err) != fault.FetchFailed {
		t.Fatalf("got %v", err)
	}
	if !f.options.AllowsHost("Pictures.Example.com.") {
		t.Error("case and the root's dot do not matter")
	}
}

func TestBodiesAreBounded(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/endless":
			for chunk := bytes.Repeat([]byte{1}, 4096); ; {
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
		case "/declared":
			w.Header().Set("Content-Length", "99999999")
		case "/slow":
			w.WriteHeader(http.StatusOK)
			w.(http.Flusher).Flush()
			select {
			case <-release:
			case <-r.Context().Done():
			}
		case "/gzip":
			w.Header().Set("Content-Encoding", "gzip")
			fmt.Fprint(w, "x")
		case "/missing":
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	defer server.Close()
	defer close(release)
	want := map[string]fault.Kind{
		"/endless": fault.TooLarge, "/declared": fault.TooLarge, "/slow": fault.FetchFailed, "/gzip": fault.FetchFailed, "/missing": fault.FetchFailed,
	}
	for path, kind := range want {
		f := fetcher(t, server, func(o *Options) {
			if path == "/slow" { // the others must not time out on a busy machine
				o.Timeout = 500 * time.Millisecond
			}
		})
		if _, err := f.Fetch(t.Context(), server.URL+path); fault.KindOf(err) != kind {
			t.Errorf("%s: %v, want %s", path, err, kind)
		}
	}
}

func TestParseDataURI(t *testing.T) {
	t.Parallel()
	picture := []byte{0xff, 0xd8, 0xfb, 0xef, 0xbe, 1, 2}
	standard := base64.StdEncoding.EncodeToString(picture)
	for _, uri := range []string{
		"data:image/jpeg;base64," + standard,
		"DATA:;BASE64," + standard,
		"data:image/png;name=a.png;base64," + base64.RawURLEncoding.EncodeToString(picture),
		"data:image/png;base64," + url.QueryEscape(standard),
		"data:image/png;base64," + standard[:4] + "\r\n " + standard[4:],
	} {
		if data, err := ParseDataURI(uri, 100); err != nil || !bytes.Equal(data, picture) {
			t.Errorf("%q: %v %v", uri, data, err)
		}
	}
	for uri, kind := range map[string]fault.Kind{
		"":                           fault.Invalid,
		"data:image/png,plain":       fault.Invalid,
		"data:image/png;base64,@@@@": fault.Invalid,
		"data:;base64," + strings.Repeat("A", 400): fault.TooLarge,
	} {
		if _, err := ParseDataURI(uri, 100); fault.KindOf(err) != kind {
			t.Errorf("%.30q: %v, want %s", uri, err, kind)
		}
	}
}

func FuzzParseDataURI(f *testing.F) {
	f.Add("data:image/png;base64,AAAA")
	f.Fuzz(func(t *testing.T, uri string) {
		if data, err := ParseDataURI(uri, 64); err == nil && len(data) > 64 {
			t.Fatalf("%d bytes passed a limit of 64", len(data))
		}
	})
}
