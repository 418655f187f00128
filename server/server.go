package server

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/encode"
	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/dialect/native"
	"upscaled/server/fetch"
	"upscaled/server/file"
	"upscaled/server/job"
	"upscaled/server/limits"
	"upscaled/server/webhook"
)

// Queue is the part of the queue that the APIs use.
type Queue interface {
	job.Queue
	job.Lister
	job.Watcher
	job.Uploads
}

// Parts are the dependencies of a Server.
type Parts struct {
	Queue Queue
	Auth  job.Authenticator
	// Keys and Fleet are for operators.
	Keys  native.Keys
	Fleet native.Fleet
	// System reports models, devices and the queue to the native API.
	System native.System
	// Models is the store that operators may change; nil if this process has none.
	Models native.ModelStore
	// Secrets sign result URLs; see file.Signer.
	Secrets [][]byte
	// WebhookSecret signs webhooks; see webhook.SecretOf.
	WebhookSecret []byte
	// Ready returns why no work can be done now; nil means there is none.
	Ready func(context.Context) error
	// Faces returns why faces cannot be enhanced; nil leaves that to the workers.
	Faces func(context.Context) error
	// Writable returns why results of a format cannot be written; nil asks the engine.
	Writable func(imagedata.Format) error
	// Scratch makes temporary files for films while they are checked.
	Scratch func() (*os.File, error)
	// Decoders is how many inputs are validated at once.
	Decoders int
	// Observers observe requests and submissions.
	Observers []Observer
	Log       *slog.Logger
	Now       func() time.Time
}

// Server serves all APIs.
type Server struct {
	// bodies returns the bodies of webhooks, by API.
	bodies   map[string]webhook.Body
	config   Config
	parts    Parts
	echo     *echo.Echo
	fetchers []*fetch.Fetcher
	// uploads limits the memory of requests.
	uploads  *limits.Budget
	stopping chan struct{}
	listener atomic.Pointer[net.Listener]
}

// Limits on slow and idle clients. Bodies have a minimum rate instead of a time
// limit; each dialect limits their length.
const (
	readHeaderLimit = 10 * time.Second
	idleLimit       = 2 * time.Minute
	maxHeaderBytes  = 64 << 10
	// maxStreams is how many concurrent requests an HTTP/2 connection may have.
	maxStreams = 100
)

// New returns a server. It rejects a configuration that is open to the network
// without keys, unless InsecureOpen is set.
func New(ctx context.Context, c Config, p Parts) (*Server, error) {
	keyed, err := p.Auth.Enabled(ctx)
	if err != nil {
		return nil, err
	}
	//guard:open-server TestRefusesToBeOpenWithoutKeys
	if !keyed && c.Exposed() && !c.InsecureOpen {
		return nil, fault.New(fault.Invalid, "No keys are configured, so anybody who reaches %s could use this server: "+
			"make one with 'upscaled keys new', listen on 127.0.0.1, or allow it with --insecure-open.", c.Listen)
	}
	if p.Writable == nil {
		p.Writable = encode.Writable
	}
	bounded := boundedQueue{Queue: p.Queue, most: c.MaxOutputPixels, system: p.System, models: c.APIs.Models(), writable: p.Writable}
	p.Queue, p.Auth = observedQueue{keyedQueue{bounded, p.Auth}, p.Observers}, observedAuth{p.Auth, c.Exposed()}
	s := &Server{config: c, parts: p, uploads: &limits.Budget{Most: c.UploadMemory}, stopping: make(chan struct{})}
	s.echo, err = s.routes(newAddresses(c))
	return s, err
}

// fetcher returns a fetcher with a limit; the server closes it.
func (s *Server) fetcher(maxBytes int64) dialect.Fetcher {
	rules := s.config.FetchRules()
	rules.MaxBytes = maxBytes
	f := fetch.New(rules)
	s.fetchers = append(s.fetchers, f)
	return keyedFetcher{f, s.parts.Queue}
}

// services returns the services of the dialects.
func (s *Server) services(a addresses) dialect.Services {
	return dialect.Services{
		Queue: s.parts.Queue, Auth: s.parts.Auth, Links: s.signer(),
		Validator: newImageValidator(imagedata.Limits{Pixels: s.config.MaxPixels, Side: s.config.MaxSide, Memory: s.config.DecodeMemory}, s.parts.Decoders, s.config.FFmpeg),
		BaseURL:   a.base, Retention: s.config.APIs.Native.Retention, WaitLimit: s.config.WaitLimit, Stopping: s.stopping, Faces: s.parts.Faces, Now: s.parts.Now,
		Models: s.models,
	}
}

// models implements dialect.Services.Models.
func (s *Server) models(ctx context.Context) (all []dialect.Model, err error) {
	if s.parts.System == nil {
		return nil, nil
	}
	known, err := s.parts.System.Models(ctx)
	for _, m := range known {
		all = append(all, dialect.Model{Name: m.Name, Scale: m.Scale})
	}
	return all, err
}

func (s *Server) signer() file.Signer { return file.Signer{Secrets: s.parts.Secrets, Now: s.parts.Now} }

// WebhookBodies returns the functions that make the bodies of webhooks, by API.
func (s *Server) WebhookBodies() map[string]webhook.Body { return s.bodies }

// Routes returns all routes; for tests.
func (s *Server) Routes() []*echo.Route { return s.echo.Routes() }

// Handler handles requests without a listener; for tests.
func (s *Server) Handler() http.Handler { return s.echo }

// Listen opens the port and returns its address, so that a port in use is reported
// before anything else starts.
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

// Run serves until the context ends; Listen must have been called. Then it accepts
// no new requests and aborts those that do not finish within the grace period.
func (s *Server) Run(ctx context.Context) error {
	defer func() {
		for _, f := range s.fetchers {
			f.Close()
		}
	}()
	unregister := context.AfterFunc(ctx, func() {
		close(s.stopping)
		s.parts.Log.Info("stopping", "grace", s.config.Grace.String())
	})
	defer unregister()
	return limits.Serve(ctx, s.httpServer(), *s.listener.Load(), s.config.Grace)
}

// httpServer returns the HTTP server with its limits.
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

// ready returns why new work should not be sent here, or nil.
func (s *Server) ready(ctx context.Context) error {
	select {
	case <-s.stopping:
		return errors.New("stopping")
	default:
	}
	if s.parts.Ready == nil {
		return nil
	}
	return s.parts.Ready(ctx)
}
