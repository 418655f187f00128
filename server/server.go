package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"

	"upscaled/engine/imagedata"
	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/dialect/native"
	"upscaled/server/fetch"
	"upscaled/server/file"
	"upscaled/server/job"
	"upscaled/server/limits"
	"upscaled/server/webhook"
)

// Queue is all that the APIs ask of the queue.
type Queue interface {
	job.Queue
	job.Lister
	job.Watcher
	job.Uploads
}

// Parts are what a Server works with.
type Parts struct {
	Queue Queue
	Auth  job.Authenticator
	// System tells the native API of models, devices and the queue.
	System native.System
	// Secrets sign result URLs; see file.Signer.
	Secrets [][]byte
	// Ready says whether work can be done now; nil means yes.
	Ready func(context.Context) error
	// Faces says why faces cannot be enhanced; nil leaves that to the workers.
	Faces func(context.Context) error
	// Decoders is how many uploads are looked into at once.
	Decoders int
	// Observers are told of requests and submissions.
	Observers []Observer
	Log       *slog.Logger
	Now       func() time.Time
}

// Server answers all APIs.
type Server struct {
	// bodies write what webhooks are sent, by API.
	bodies   map[string]webhook.Body
	config   Config
	parts    Parts
	echo     *echo.Echo
	fetchers []*fetch.Fetcher
	// uploads bounds the memory of requests.
	uploads  *limits.Budget
	stopping chan struct{}
	listener atomic.Pointer[net.Listener]
}

// Bounds on slow and idle clients. A body may take as long as it keeps
// coming at --min-rate: its length is bounded by each dialect.
const (
	readHeaderLimit = 10 * time.Second
	idleLimit       = 2 * time.Minute
	maxHeaderBytes  = 64 << 10
	// maxStreams is how many requests one HTTP/2 connection may have at once.
	maxStreams = 100
)

// New puts a server together. It refuses to be open to the network while no
// key is configured, unless that was asked for.
func New(ctx context.Context, c Config, p Parts) (*Server, error) {
	guarded, err := p.Auth.Enabled(ctx)
	if err != nil {
		return nil, err
	}
	//guard:open-server TestRefusesToBeOpenWithoutKeys
	if !guarded && c.Exposed() && !c.InsecureOpen {
		return nil, fault.New(fault.Invalid, "No keys are configured, so anybody who reaches %s could use this server: "+
			"make one with 'upscaled keys new', listen on 127.0.0.1, or allow it with --insecure-open.", c.Listen)
	}
	bounded := boundedQueue{Queue: p.Queue, most: c.MaxOutputPixels, system: p.System}
	p.Queue, p.Auth = observedQueue{bounded, p.Observers}, observedAuth{p.Auth}
	s := &Server{config: c, parts: p, uploads: &limits.Budget{Most: c.UploadMemory}, stopping: make(chan struct{})}
	s.echo, err = s.routes(newAddresses(c))
	return s, err
}

// fetcher gives one that reads so many bytes at most; the server closes it.
func (s *Server) fetcher(maxBytes int64) *fetch.Fetcher {
	rules := s.config.FetchRules()
	rules.MaxBytes = maxBytes
	f := fetch.New(rules)
	s.fetchers = append(s.fetchers, f)
	return f
}

// services is what the dialects get.
func (s *Server) services(a addresses) dialect.Services {
	return dialect.Services{
		Queue: s.parts.Queue, Auth: s.parts.Auth, Links: s.signer(),
		Validator: newImageValidator(imagedata.Limits{Pixels: s.config.MaxPixels, Side: s.config.MaxSide, Memory: s.config.DecodeMemory}, s.parts.Decoders),
		BaseURL:   a.base, Retention: s.config.APIs.Native.Retention, WaitLimit: s.config.WaitLimit, Stopping: s.stopping, Faces: s.parts.Faces, Now: s.parts.Now,
	}
}

func (s *Server) signer() file.Signer { return file.Signer{Secrets: s.parts.Secrets, Now: s.parts.Now} }

// WebhookBodies write what is told of the jobs of each API that has webhooks.
func (s *Server) WebhookBodies() map[string]webhook.Body { return s.bodies }

// Routes lists every path that is answered; for tests.
func (s *Server) Routes() []*echo.Route { return s.echo.Routes() }

// Handler answers requests without a listener; for tests.
func (s *Server) Handler() http.Handler { return s.echo }

// Listen opens the port, so that a port in use is told before anything else
// is begun. It gives the address that was taken.
func (s *Server) Listen() (net.Addr, error) {
	encryption, err := s.config.TLS.config()
	if err != nil {
		return nil, err
	}
	//guard:open-server => net.Listen("tcp", "127.0.0.1:0:it would listen")
	listener, err := net.Listen("tcp", s.config.Listen)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "Cannot listen on %s: is it in use? Choose another address with --listen.", s.config.Listen)
	}
	if encryption != nil {
		listener = tls.NewListener(listener, encryption)
	}
	s.listener.Store(&listener)
	return listener.Addr(), nil
}

// Run serves on what Listen opened until the context ends. Then it accepts
// nothing new, lets requests finish within the grace and ends those that do
// not.
func (s *Server) Run(ctx context.Context) error {
	defer func() {
		for _, f := range s.fetchers {
			f.Close()
		}
	}()
	web := s.httpServer()
	served := make(chan error, 1)
	go func() { served <- web.Serve(*s.listener.Load()) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	close(s.stopping)
	s.parts.Log.Info("stopping", "grace", s.config.Grace.String())
	stopping, stop := context.WithTimeout(context.WithoutCancel(ctx), s.config.Grace)
	defer stop()
	if err := web.Shutdown(stopping); err != nil {
		_ = web.Close() // what is left has had its time
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// httpServer is the HTTP server, with its bounds.
func (s *Server) httpServer() *http.Server {
	web := &http.Server{
		Handler: s.echo, ReadHeaderTimeout: readHeaderLimit, IdleTimeout: idleLimit,
		//guard:header-size TestSmuggling TestLargeHTTP2Header
		MaxHeaderBytes: maxHeaderBytes,
		//guard:http2-streams TestRapidReset
		HTTP2:    &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
		ErrorLog: slog.NewLogLogger(s.parts.Log.Handler(), slog.LevelDebug),
	}
	if limit := s.config.StallLimit; limit > 0 {
		//guard:slow-header TestSlowloris => time.Hour
		web.ReadHeaderTimeout = min(limit, readHeaderLimit)
	}
	if most := s.config.MaxConnections; most > 0 {
		web.ConnState = limits.NewConnections(most).Note
	}
	return web
}

// isStopping says whether Run's context has ended.
func (s *Server) isStopping() bool {
	select {
	case <-s.stopping:
		return true
	default:
		return false
	}
}
