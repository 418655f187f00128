package fetch

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"time"
)

// errForbidden marks a forbidden address within errors of net and net/http.
var errForbidden = errors.New("address is not public")

// Transport returns a transport that connects only to addresses that the options
// allow; webhooks use it too. It uses no proxy and keeps no connections. timeout
// limits the steps before the body; a call's context must limit the whole.
func (o Options) Transport(timeout time.Duration) *http.Transport {
	dialer := &net.Dialer{
		Resolver: o.Resolver,
		//guard:dial-address TestForbiddenAddresses TestRebindingNameIsRefused
		//guard:webhook-address
		ControlContext: o.checkDial,
		FallbackDelay:  -1, // one address at a time: no dial outlives its request
	}
	return &http.Transport{
		Proxy:                  nil,
		DialContext:            dialer.DialContext,
		TLSClientConfig:        o.TLS,
		TLSHandshakeTimeout:    timeout,
		ResponseHeaderTimeout:  timeout,
		MaxResponseHeaderBytes: 64 << 10,
		DisableCompression:     true, // MaxBytes counts bytes on the wire
		DisableKeepAlives:      true,
		ForceAttemptHTTP2:      true,
	}
}

// checkDial checks the address that the kernel is about to connect to, after every
// resolver and redirect.
func (o Options) checkDial(_ context.Context, network, address string, _ syscall.RawConn) error {
	if network != "tcp4" && network != "tcp6" {
		return errForbidden
	}
	target, err := netip.ParseAddrPort(address)
	if err != nil || !o.Allows(target.Addr()) {
		return errForbidden
	}
	return nil
}

// AllowsHost reports whether a host name is one of the AllowedHosts, if there are any.
func (o Options) AllowsHost(host string) bool {
	same := func(allowed string) bool { return strings.EqualFold(allowed, strings.TrimSuffix(host, ".")) }
	return len(o.AllowedHosts) == 0 || slices.ContainsFunc(o.AllowedHosts, same)
}

// Allows reports whether an address is public or in one of the AllowedRanges.
func (o Options) Allows(address netip.Addr) bool {
	return Public(address) || slices.ContainsFunc(o.AllowedRanges, func(p netip.Prefix) bool { return p.Contains(address.Unmap()) })
}
