package fetch

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

// errForbidden marks a refused address below the layers of net and net/http.
var errForbidden = errors.New("address is not public")

// Transport makes a transport that connects only to addresses which the
// options allow, for whoever else calls URLs that strangers name. It uses no
// proxy and keeps no connections. timeout bounds the steps before the body;
// what a whole call may take is its context's affair.
func (o Options) Transport(timeout time.Duration) *http.Transport {
	dialer := &net.Dialer{
		Resolver: o.Resolver,
		//guard:dial-address TestForbiddenAddresses TestRebindingNameIsRefused
		//guard:webhook-address
		ControlContext: o.checkDial,
		FallbackDelay:  -1, // one address at a time: no dial outlives its fetch
	}
	return &http.Transport{
		Proxy:                  nil,
		DialContext:            dialer.DialContext,
		TLSClientConfig:        o.TLS,
		TLSHandshakeTimeout:    timeout,
		ResponseHeaderTimeout:  timeout,
		MaxResponseHeaderBytes: 64 << 10,
		DisableCompression:     true, // the byte limit is that of the wire
		DisableKeepAlives:      true,
		ForceAttemptHTTP2:      true,
	}
}

// checkDial sees the address that the kernel is about to connect to: the last
// word, after every resolver and redirect.
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

// Allows says whether an address may be connected to: it is public, or in one
// of the AllowedRanges.
func (o Options) Allows(address netip.Addr) bool {
	for _, allowed := range o.AllowedRanges {
		if allowed.Contains(address.Unmap()) {
			return true
		}
	}
	return Public(address)
}
