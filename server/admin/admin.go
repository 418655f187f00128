// Package admin serves metrics, health and profiles to operators, on ports of
// their own that clients do not reach.
package admin

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"

	"upscaled/models/fault"
	"upscaled/server/limits"
)

// Limits on slow clients. A profile takes 30 s by default.
const (
	readLimit      = 10 * time.Second
	writeLimit     = 5 * time.Minute
	idleLimit      = 2 * time.Minute
	maxHeaderBytes = 16 << 10
	stopLimit      = time.Second
)

// Port serves a handler on an address.
type Port struct {
	listener net.Listener
	web      *http.Server
}

// Listen opens a port; 0 means any free one. The error names the flag.
func Listen(address, flag string, handler http.Handler, log *slog.Logger) (*Port, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "Cannot listen on %s: is it in use? Choose another address with --%s.", address, flag)
	}
	return &Port{listener: listener, web: &http.Server{
		Handler: handler, ReadHeaderTimeout: readLimit, ReadTimeout: readLimit, WriteTimeout: writeLimit, IdleTimeout: idleLimit,
		MaxHeaderBytes: maxHeaderBytes, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}}, nil
}

// Address returns the actual address.
func (p *Port) Address() net.Addr { return p.listener.Addr() }

// Run serves until the context ends; requests in progress then have one second.
func (p *Port) Run(ctx context.Context) error {
	return limits.Serve(ctx, p.web, p.listener, stopLimit)
}

// Close closes a port that was not run.
func (p *Port) Close() error { return p.listener.Close() }
