// Package server assembles the HTTP server: middleware, the routes of all dialects,
// health, files, and graceful shutdown. It is the only package that imports all
// packages below it.
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

// Config holds the operator's settings; package cmd/upscaled/settings declares the key,
// default and help of each.
type Config struct {
	// Listen is host:port; port 0 means any free one.
	Listen string
	// PublicURL is the URL by which clients reach the server, such as
	// "https://upscale.example.com"; "" uses each request's own host.
	PublicURL string
	// TrustedProxies are addresses or networks (CIDR) of proxies that may set
	// X-Forwarded-* headers.
	TrustedProxies []string
	// InsecureOpen allows listening beyond loopback without keys.
	InsecureOpen bool
	// WaitLimit limits the wait of synchronous calls, Grace the shutdown.
	WaitLimit, Grace time.Duration
	// StallLimit is the longest pause of a client that sends a request or receives
	// a response, MinRate its long-term minimum in bytes per second; 0 is no limit.
	StallLimit time.Duration
	MinRate    int64
	// MaxConnections limits the clients' connections, UploadMemory the bytes of
	// requests held until their jobs are stored; 0 is no limit.
	MaxConnections int
	UploadMemory   int64
	// MaxPixels and MaxSide limit every decoded input, in pixels.
	MaxPixels int64
	MaxSide   int
	// DecodeMemory limits the memory to decode one input, in bytes, as estimated
	// from its header; 0 is no limit.
	DecodeMemory int64
	// MaxOutputPixels limits a result, all frames together, in pixels; larger ones
	// are rejected before they are queued. 0 is no limit.
	MaxOutputPixels int64
	// FetchHTTP and FetchRanges relax the rules for input URLs: plain http, and
	// networks (CIDR) that are not public. FetchHosts, unless empty, are the only
	// hosts allowed.
	FetchHTTP   bool
	FetchRanges []string
	FetchHosts  []string
	// TLS encrypts connections; the zero value leaves that to a proxy.
	TLS TLS
	// CORSOrigins are the other origins whose pages may call the APIs.
	CORSOrigins []string
	// Version is the program's, shown by the native API and the OpenAPI document.
	Version string
	// FFmpeg is the program that checks films; see film.Find.
	FFmpeg string
	// NoPage disables the web page.
	NoPage bool
	// APIs holds the dialects' own settings.
	APIs APIs
}

// Problems lists everything that is wrong but numbers out of range, which the
// settings refuse, each with its setting's key or flag.
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
			wrong("cors.origins: %q is no origin such as https://app.example.com, without a path, and not *", origin)
		}
	}
	for _, text := range c.FetchRanges {
		if _, err := netip.ParsePrefix(text); err != nil {
			wrong("fetch.ranges: %q is no network such as 10.1.0.0/16", text)
		}
	}
	if largest := c.APIs.largestBody(); c.UploadMemory != 0 && c.UploadMemory < largest {
		wrong("limits.upload-memory must be at least %d bytes, the largest request of the APIs, or 0 for no bound", largest)
	}
	all = append(all, c.TLS.problems()...)
	return append(all, c.APIs.problems()...)
}

// Exposed reports whether other machines can reach the server: it listens beyond
// loopback.
func (c Config) Exposed() bool { return !admin.IsLoopback(c.Listen) }

// rateLimit returns the minimum rate of clients.
func (c Config) rateLimit() limits.RateLimit {
	return limits.RateLimit{Stall: c.StallLimit, Rate: c.MinRate}
}

// FetchRules returns the rules for URLs of inputs and webhooks.
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

// ranges returns the networks of FetchRanges, which Problems has checked.
func (c Config) ranges() []netip.Prefix {
	var all []netip.Prefix
	for _, text := range c.FetchRanges {
		if prefix, err := netip.ParsePrefix(text); err == nil {
			all = append(all, prefix)
		}
	}
	return all
}

// trusted returns the networks of TrustedProxies, which Problems has checked.
func (c Config) trusted() []*net.IPNet {
	var networks []*net.IPNet
	for _, text := range c.TrustedProxies {
		if network, err := parseNetwork(text); err == nil {
			networks = append(networks, network)
		}
	}
	return networks
}
