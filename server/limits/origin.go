package limits

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// Origins prevents cross-site requests: pages of other sites must not use the
// server through a user's browser. It extends net/http's CrossOriginProtection,
// which trusts Sec-Fetch-Site before it compares hosts, by the host that clients
// use behind a proxy, and by "*".
type Origins struct {
	protection *http.CrossOriginProtection
	own        func(*http.Request) string
	all        bool
}

// NewOrigins allows pages of the given origins, such as "https://app.example",
// besides the server's own; "*" allows all. own returns the scheme and host that
// a request was sent to. An invalid origin is an error that quotes it.
func NewOrigins(origins []string, own func(*http.Request) string) (*Origins, error) {
	s := &Origins{protection: http.NewCrossOriginProtection(), own: own}
	for _, origin := range origins {
		if origin == "*" {
			s.all = true
			continue
		}
		if strings.ContainsAny(origin, "*?@") { // origins are compared literally
			return nil, fmt.Errorf("%q is not an origin", origin)
		}
		if err := s.protection.AddTrustedOrigin(origin); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Allow reports whether a request may proceed: not if it modifies state and a
// browser sends it for a page of another origin. Requests without an origin, such
// as those of programs, typed URLs and followed links, are allowed. Without
// Sec-Fetch-Site, as over plain http, schemes are not compared, since a proxy that
// terminates TLS may not report it.
func (s *Origins) Allow(r *http.Request) bool {
	if s.all {
		return true
	}
	asked := r.WithContext(r.Context()) // a copy
	//guard:other-sites-sockets TestSites
	if strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		asked.Method = http.MethodPost // browsers let pages of any site open WebSockets
	}
	asked.Host = " " // matches no origin, not even "null", whose host is empty
	if u, err := url.Parse(s.own(r)); err == nil && u.Host != "" {
		asked.Host = strings.ToLower(withoutPort(u))
	}
	//guard:other-sites TestSites FuzzSites => s.protection.Check(asked) == nil || r.Header.Get("Sec-Fetch-Site") == ""
	return s.protection.Check(asked) == nil
}

// SameHost reports whether two URLs have the same host and port. It ignores the
// scheme, since a proxy that terminates TLS may not report it.
func SameHost(one, other string) bool {
	a, err := url.Parse(one)
	b, otherErr := url.Parse(other)
	return err == nil && otherErr == nil && a.Host != "" && strings.EqualFold(withoutPort(a), withoutPort(b))
}

// withoutPort returns a URL's host and port, without the default port of its
// scheme.
func withoutPort(u *url.URL) string {
	if usual := map[string]string{"http": "80", "https": "443"}; u.Port() == usual[u.Scheme] {
		return u.Hostname()
	}
	return u.Host
}

// IsLocalName reports whether a request's host is an address, localhost, or empty.
// A page whose name was made to resolve to this machine (DNS rebinding) has
// another.
func IsLocalName(host string) bool {
	if name, port, err := net.SplitHostPort(host); err == nil {
		//guard:own-ports TestOwnNames
		if strings.Trim(port, "0123456789") != "" {
			return false
		}
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	//guard:own-names TestOwnNames FuzzOwnNames => strings.Contains(host, "localhost")
	if host == "" || host == "localhost" || strings.HasSuffix(host, ".localhost") { // RFC 6761
		return true
	}
	address, err := netip.ParseAddr(host)
	//guard:own-zones TestOwnNames => err == nil
	return err == nil && address.Zone() == "" // a zone can be any text
}
