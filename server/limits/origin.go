package limits

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// Origins keep pages of other sites from using the server through the browser of
// somebody who may. They are net/http's CrossOriginProtection, which takes the
// browser's word on how far away a page is (Sec-Fetch-Site) before it compares
// hosts, and know two things more: the host a request was sent to, where a
// proxy was asked under another, and "*".
type Origins struct {
	protection *http.CrossOriginProtection
	own        func(*http.Request) string
	all        bool
}

// NewOrigins lets pages of the given origins, such as "https://app.example", call
// besides the server's own; "*" lets all. own gives the scheme and host that a
// request was sent to. What is no origin is an error that quotes it.
func NewOrigins(origins []string, own func(*http.Request) string) (*Origins, error) {
	s := &Origins{protection: http.NewCrossOriginProtection(), own: own}
	for _, origin := range origins {
		if origin == "*" {
			s.all = true
			continue
		}
		if strings.ContainsAny(origin, "*?@") { // no patterns: browsers' origins are compared as they are
			return nil, fmt.Errorf("%q is no origin", origin)
		}
		if err := s.protection.AddTrustedOrigin(origin); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Allow says no to a request that changes something and that a browser sends
// for a page of another origin. Programs tell no origin and pass, and so do
// addresses that are typed and links that are followed: they change nothing.
// Where a browser does not tell how far away the page is, as for plain http,
// its scheme need not be the server's: a proxy that encrypts may not say so.
func (s *Origins) Allow(r *http.Request) bool {
	if s.all {
		return true
	}
	asked := r.WithContext(r.Context()) // a copy
	asked.Host = " "                    // no origin's: "null" has an empty one
	if u, err := url.Parse(s.own(r)); err == nil && u.Host != "" {
		asked.Host = strings.ToLower(withoutPort(u))
	}
	//guard:other-sites TestSites FuzzSites => s.protection.Check(asked) == nil || r.Header.Get("Sec-Fetch-Site") == ""
	return s.protection.Check(asked) == nil
}

// SameHost says whether two URLs have the same host and port. The scheme need
// not be the same: a proxy that encrypts may not say that it does.
func SameHost(one, other string) bool {
	a, err := url.Parse(one)
	b, otherErr := url.Parse(other)
	return err == nil && otherErr == nil && a.Host != "" && strings.EqualFold(withoutPort(a), withoutPort(b))
}

// withoutPort is a URL's host and port, without the port that its scheme has
// by itself.
func withoutPort(u *url.URL) string {
	if usual := map[string]string{"http": "80", "https": "443"}; u.Port() == usual[u.Scheme] {
		return u.Hostname()
	}
	return u.Host
}

// IsLocalName says whether the host that a request names is one of this machine
// by itself: an address, localhost, or nothing. A page whose name was made to
// resolve to this machine (DNS rebinding) names another.
func IsLocalName(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	//guard:own-names TestOwnNames FuzzOwnNames => strings.Contains(host, "localhost")
	if host == "" || host == "localhost" || strings.HasSuffix(host, ".localhost") { // RFC 6761
		return true
	}
	_, err := netip.ParseAddr(host)
	return err == nil
}
