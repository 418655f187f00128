package server

import (
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"
)

// addresses determines the client of a request and the URL by which it reached
// the server.
type addresses struct {
	public  string
	trusted []*net.IPNet
}

func newAddresses(c Config) addresses {
	return addresses{public: strings.TrimRight(c.PublicURL, "/"), trusted: c.trusted()}
}

// base returns the scheme and host of URLs for this client.
func (a addresses) base(r *http.Request) string {
	if a.public != "" {
		return a.public
	}
	scheme, host := "http", r.Host
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); host == "" && ok {
		host = local.String() // optional in HTTP/1.0
	}
	if r.TLS != nil {
		scheme = "https"
	}
	//guard:forwarded-host TestResultAddress => true
	if a.trusts(r.RemoteAddr) {
		if given := first(r.Header.Get(echo.HeaderXForwardedProto)); given == "http" || given == "https" {
			scheme = given
		}
		//guard:host-syntax FuzzBase => given != ""
		if given := first(r.Header.Get("X-Forwarded-Host")); isHost(given) {
			host = given
		}
	}
	return scheme + "://" + host
}

// isHost reports whether a text is just a host with an optional port: it becomes
// part of URLs.
func isHost(text string) bool {
	u, err := url.Parse("http://" + text)
	return err == nil && text != "" && u.Host == text && !strings.ContainsAny(text, " \"<>")
}

// first returns the first value of a list: that of the proxy nearest to the
// client.
func first(list string) string {
	value, _, _ := strings.Cut(list, ",")
	return strings.ToLower(strings.TrimSpace(value))
}

func (a addresses) trusts(remote string) bool {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return false
	}
	address := net.ParseIP(host)
	for _, network := range a.trusted {
		if address != nil && network.Contains(address) {
			return true
		}
	}
	return false
}

// extractor returns the client's own address behind trusted proxies.
func (a addresses) extractor() echo.IPExtractor {
	if len(a.trusted) == 0 {
		return echo.ExtractIPDirect()
	}
	//guard:client-address FuzzClientAddress => []echo.TrustOption{echo.TrustIPRange(&net.IPNet{IP: make(net.IP, 4), Mask: make(net.IPMask, 4)})}
	options := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, network := range a.trusted {
		options = append(options, echo.TrustIPRange(network))
	}
	return echo.ExtractIPFromXFFHeader(options...)
}
