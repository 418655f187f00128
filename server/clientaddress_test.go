package server

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

// FuzzClientAddress takes what clients and proxies say of where a request came
// from. Only what trusted proxies wrote counts: nothing that a client writes
// before it changes its address, and what comes out is an address, fit for
// logs.
func FuzzClientAddress(f *testing.F) {
	for _, list := range []string{
		"", "203.0.113.5", "6.6.6.6, 203.0.113.5", "203.0.113.5, 192.0.2.9", "192.0.2.8,192.0.2.9", "unknown", "203.0.113.5:80, 192.0.2.9", "[2001:db8::1]",
		"::ffff:192.0.2.9", "fe80::1%eth0", "203.0.113.5\r\nX: y", ",", "1.2.3.4,,192.0.2.9", "0300.0.2.1", "for=203.0.113.5;proto=https",
	} {
		f.Add(list, "127.0.0.1", true)
		f.Add(list, "6.6.6.6,", false)
	}
	extract := newAddresses(Config{TrustedProxies: []string{"192.0.2.0/24"}}).extractor()
	direct := newAddresses(Config{}).extractor()
	f.Fuzz(func(t *testing.T, list, forged string, trusted bool) {
		remote := map[bool]string{true: "192.0.2.7", false: "198.51.100.1"}[trusted]
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.RemoteAddr = net.JoinHostPort(remote, "5")
		ask := func(lines ...string) string {
			r.Header["X-Forwarded-For"] = lines
			return extract(r)
		}
		got := ask(list)
		address, err := netip.ParseAddr(got)
		if err != nil {
			t.Fatalf("%q from %s is %q: %v", list, remote, got, err)
		}
		if got != remote && (!trusted || !strings.Contains(list, ".") && !strings.Contains(list, ":")) {
			t.Fatalf("%q from %s is %q", list, remote, got)
		}
		if behind := !netip.MustParsePrefix("192.0.2.0/24").Contains(address.Unmap()); behind {
			for _, lines := range [][]string{{forged + "," + list}, {forged, list}} {
				if again := ask(lines...); again != got {
					t.Fatalf("%q before %q makes %q of %q", forged, list, again, got)
				}
			}
		}
		r.Header["Forwarded"], r.Header["X-Real-Ip"] = []string{"for=" + forged}, []string{forged}
		if again := ask(list); again != got {
			t.Fatalf("headers that nobody reads make %q of %q", again, got)
		}
		if alone := direct(r); alone != remote {
			t.Fatalf("without proxies %s is %q", remote, alone)
		}
	})
}
