package server

import (
	"net"
	"net/http"
	"net/url"
	"path"
	"slices"
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

// base returns the beginning of URLs for this client: scheme, host, and the path
// below which a proxy serves this server, if any.
func (a addresses) base(r *http.Request) string {
	if a.public != "" {
		return a.public
	}
	scheme, host, prefix := "http", r.Host, ""
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
		prefix = prefixOf(r.Header)
	}
	return scheme + "://" + host + prefix
}

// prefixOf returns the path prefix that proxies have removed from a request; the
// prefixes of a chain of proxies are joined in the order of the chain.
func prefixOf(header http.Header) string {
	var prefix strings.Builder
	for part := range strings.SplitSeq(strings.Join(header.Values("X-Forwarded-Prefix"), ","), ",") {
		part = strings.TrimRight(strings.TrimSpace(part), "/")
		//guard:forwarded-prefix FuzzBase => part != ""
		if clean := path.Clean(part); part != "" && clean == part && part[0] == '/' && strings.Trim(part, pathLetters) == "" {
			prefix.WriteString(part)
		}
	}
	return prefix.String()
}

// pathLetters need no escapes in a path, and are no markup.
const pathLetters = "/-._~abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

// isHost reports whether a text is just a host with an optional port: it becomes
// part of URLs.
func isHost(text string) bool {
	u, err := url.Parse("http://" + text)
	return err == nil && text != "" && u.Host == text && !strings.ContainsAny(text, " \"<>")
}

// first returns the first value of a list, which the proxy nearest to the client set.
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
	return address != nil && slices.ContainsFunc(a.trusted, func(n *net.IPNet) bool { return n.Contains(address) })
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
