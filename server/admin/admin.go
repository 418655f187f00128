// Package admin serves what operators look at, each on a port of its own
// so that no client reaches it: metrics with health, and profiles.
package admin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"upscaled/models/fault"
)

// Bounds on slow clients. A profile takes 30 s where nothing else is asked.
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

// Listen opens a port; 0 takes a free one. flag is named where it cannot be.
func Listen(address, flag string, handler http.Handler, log *slog.Logger) (*Port, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "The address %s cannot be listened on: is it in use? Choose another with --%s.", address, flag)
	}
	return &Port{listener: listener, web: &http.Server{
		Handler: handler, ReadHeaderTimeout: readLimit, ReadTimeout: readLimit, WriteTimeout: writeLimit, IdleTimeout: idleLimit,
		MaxHeaderBytes: maxHeaderBytes, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}}, nil
}

// Address is the one that was taken.
func (p *Port) Address() net.Addr { return p.listener.Addr() }

// Run serves until the context ends; what is being answered then has a second.
func (p *Port) Run(ctx context.Context) error {
	served := make(chan error, 1)
	go func() { served <- p.web.Serve(p.listener) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve %s: %w", p.listener.Addr(), err)
	case <-ctx.Done():
	}
	stopping, stop := context.WithTimeout(context.WithoutCancel(ctx), stopLimit)
	defer stop()
	if err := p.web.Shutdown(stopping); err != nil {
		_ = p.web.Close() // what is left has had its time
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve %s: %w", p.listener.Addr(), err)
	}
	return nil
}

// Close gives up a port that is not to be run.
func (p *Port) Close() error { return p.listener.Close() }
