package guard

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// Sites keep pages of other sites from using the server through the browser of
// somebody who may.
type Sites struct {
	// Origins may call besides the server's own, such as
	// "https://app.example"; "*" lets all.
	Origins []string
	// Own gives the scheme and host that a request was sent to.
	Own func(*http.Request) string
}

// Allow says no to a request that changes something and that a browser sends
// for a page of another origin. Programs tell no origin and pass, and so do
// addresses that are typed and links that are followed: they change nothing.
func (s Sites) Allow(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	switch {
	case r.Method == http.MethodGet, r.Method == http.MethodHead, r.Method == http.MethodOptions:
		return true
	case slices.Contains(s.Origins, "*"), origin != "" && slices.Contains(s.Origins, origin):
		return true
	case origin == "":
		// A browser may hide the origin, but then tells how far away it is.
		site := r.Header.Get("Sec-Fetch-Site")
		return site == "" || site == "same-origin" || site == "none"
	}
	return SameHost(origin, s.Own(r))
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

// IsOwnName says whether the host that a request names is one of this machine
// by itself: an address, localhost, or nothing. A page whose name was made to
// resolve to this machine (DNS rebinding) names another.
func IsOwnName(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	if host == "" || host == "localhost" || strings.HasSuffix(host, ".localhost") { // RFC 6761
		return true
	}
	_, err := netip.ParseAddr(host)
	return err == nil
}
