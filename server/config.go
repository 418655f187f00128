// Package server puts the HTTP server together: middleware, routes of all
// dialects, health, files and the order of starting and stopping. It is the
// only place that knows all packages below it.
package server

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"upscaled/server/admin"
	"upscaled/server/fetch"
	"upscaled/server/limits"
)

// Config is what an operator may set; cmd/upscaled declares flag, default and
// help of each.
type Config struct {
	// Listen is host:port; port 0 takes any free one.
	Listen string
	// PublicURL is where clients reach the server, such as
	// "https://upscale.example.com"; "" takes each request's own host.
	PublicURL string
	// TrustedProxies are addresses or networks (CIDR) whose X-Forwarded-*
	// headers are believed.
	TrustedProxies []string
	// InsecureOpen allows listening beyond loopback with no keys configured.
	InsecureOpen bool
	// WaitLimit bounds the waiting of synchronous calls, Grace the stop.
	WaitLimit, Grace time.Duration
	// StallLimit is how long a client may neither send nor take anything of a
	// request, MinRate what it must reach in the long run, in bytes a second; 0
	// is no bound.
	StallLimit time.Duration
	MinRate    int64
	// MaxConnections bounds the clients' connections, UploadMemory the bytes of
	// their requests that are held before their jobs are stored; 0 is no bound.
	MaxConnections int
	UploadMemory   int64
	// MaxPixels and MaxSide bound every decoded input, in pixels.
	MaxPixels int64
	MaxSide   int
	// DecodeMemory bounds the bytes that decoding one input takes, as its header
	// tells; 0 is no bound.
	DecodeMemory int64
	// MaxOutputPixels bounds a result, all frames together, in pixels: larger
	// ones are refused before they are queued. 0 is no bound.
	MaxOutputPixels int64
	// FetchHTTP and FetchRanges loosen the rules for input URLs: plain http,
	// and networks (CIDR) that are not public. FetchHosts, where not empty,
	// are the only hosts fetched from.
	FetchHTTP   bool
	FetchRanges []string
	FetchHosts  []string
	// TLS encrypts connections; its zero value leaves that to a proxy.
	TLS TLS
	// CORSOrigins are the origins whose pages may call the APIs; none are
	// allowed where it is empty.
	CORSOrigins []string
	// Version is the program's, told by the native API and the document.
	Version string
	// NoPage leaves the web page out.
	NoPage bool
	// APIs are the dialects' own limits and prices.
	APIs APIs
}

// Problems lists everything that is wrong, each with its flag.
func (c Config) Problems() []string {
	var all []string
	wrong := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		wrong("--listen %q is not host:port, such as 127.0.0.1:8080", c.Listen)
	}
	if c.PublicURL != "" {
		if u, err := url.Parse(c.PublicURL); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || u.RawQuery != "" {
			wrong("--public-url %q is not an http or https URL", c.PublicURL)
		}
	}
	for _, text := range c.TrustedProxies {
		if _, err := parseNetwork(text); err != nil {
			wrong("--trusted-proxies: %q is neither an address nor a network such as 10.0.0.0/8", text)
		}
	}
	for _, origin := range c.CORSOrigins {
		if _, err := limits.NewOrigins([]string{origin}, nil); err != nil {
			wrong("--cors-origins: %q is no origin such as https://app.example.com, without a path, and not *", origin)
		}
	}
	for _, text := range c.FetchRanges {
		if _, err := netip.ParsePrefix(text); err != nil {
			wrong("--fetch-ranges: %q is no network such as 10.1.0.0/16", text)
		}
	}
	if c.WaitLimit <= 0 || c.Grace <= 0 {
		wrong("--wait-limit and --grace must be longer than 0")
	}
	if c.MaxPixels <= 0 || c.MaxSide <= 0 {
		wrong("--max-pixels and --max-side must be above 0")
	}
	if c.MaxOutputPixels < 0 {
		wrong("--max-output-pixels must not be below 0")
	}
	if c.StallLimit < 0 || c.MinRate < 0 || c.MaxConnections < 0 {
		wrong("--stall-limit, --min-rate and --max-connections must not be below 0")
	}
	if largest := c.APIs.largestBody(); c.UploadMemory != 0 && c.UploadMemory < largest {
		wrong("--upload-memory must be at least %d bytes, the largest request of the APIs, or 0 for no bound", largest)
	}
	all = append(all, c.TLS.problems()...)
	return append(all, c.APIs.problems()...)
}

// Exposed reports whether other machines can reach the server: it listens beyond
// loopback.
func (c Config) Exposed() bool { return !admin.IsLoopback(c.Listen) }

// rateLimit is what clients have to keep.
func (c Config) rateLimit() limits.RateLimit {
	return limits.RateLimit{Stall: c.StallLimit, Rate: c.MinRate}
}

// FetchRules are what URLs that strangers name may lead to, in inputs and
// webhooks.
func (c Config) FetchRules() fetch.Options {
	return fetch.Options{AllowHTTP: c.FetchHTTP, AllowedRanges: c.ranges(), AllowedHosts: c.FetchHosts}
}

func parseNetwork(text string) (*net.IPNet, error) {
	if !strings.Contains(text, "/") {
		address, err := netip.ParseAddr(text)
		if err != nil {
			return nil, err
		}
		text = fmt.Sprintf("%s/%d", address, address.BitLen())
	}
	_, network, err := net.ParseCIDR(text)
	return network, err
}

// ranges gives the networks of FetchRanges, which Problems has checked.
func (c Config) ranges() []netip.Prefix {
	var all []netip.Prefix
	for _, text := range c.FetchRanges {
		if prefix, err := netip.ParsePrefix(text); err == nil {
			all = append(all, prefix)
		}
	}
	return all
}

// trusted gives the networks of TrustedProxies, which Problems has checked.
func (c Config) trusted() []*net.IPNet {
	var networks []*net.IPNet
	for _, text := range c.TrustedProxies {
		if network, err := parseNetwork(text); err == nil {
			networks = append(networks, network)
		}
	}
	return networks
}
