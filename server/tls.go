package server

import (
	"crypto/tls"
	"net/http"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	"upscaled/models/fault"
	"upscaled/server/job"
)

// TLS configures encryption; the zero value is plain HTTP, as behind a reverse
// proxy.
type TLS struct {
	// Certificate and Key are PEM files; both or none.
	Certificate, Key string
	// Hosts are the names to obtain certificates for (ACME, RFC 8555, by
	// TLS-ALPN-01 on the same port), which accepts the authority's terms.
	Hosts []string
	// Cache is the folder of obtained certificates.
	Cache string
	// Directory is the ACME authority's URL; "" is Let's Encrypt.
	Directory string
}

// Scheme returns "https" if connections are encrypted, else "http".
func (t TLS) Scheme() string {
	if t.Certificate != "" || len(t.Hosts) > 0 {
		return "https"
	}
	return "http"
}

func (t TLS) problems() []string {
	var all []string
	if (t.Certificate == "") != (t.Key == "") {
		all = append(all, "--tls-certificate and --tls-key must be given together")
	}
	if t.Certificate != "" && len(t.Hosts) > 0 {
		all = append(all, "--tls-certificate and --acme-hosts exclude each other")
	}
	return all
}

// config returns the configuration of a listener, or nil for plain connections.
func (t TLS) config() (*tls.Config, error) {
	switch {
	case t.Certificate != "":
		pair, err := tls.LoadX509KeyPair(t.Certificate, t.Key)
		if err != nil {
			return nil, fault.Wrap(fault.Invalid, err, "The certificate %s and key %s cannot be used: both are PEM files and must belong together.", t.Certificate, t.Key)
		}
		return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}, nil
	case len(t.Hosts) > 0:
		manager := &autocert.Manager{
			Prompt: autocert.AcceptTOS, Cache: autocert.DirCache(t.Cache),
			//guard:acme-hosts TestACMEKnowsItsHosts
			HostPolicy: autocert.HostWhitelist(t.Hosts...),
		}
		if t.Directory != "" {
			manager.Client = &acme.Client{DirectoryURL: t.Directory}
		}
		config := manager.TLSConfig()
		config.MinVersion = tls.VersionTLS12
		return config, nil
	}
	return nil, nil
}

// strictTransport makes browsers keep using TLS if the server itself has it.
func strictTransport(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if c.Request().TLS != nil {
			c.Response().Header().Set(echo.HeaderStrictTransportSecurity, "max-age=31536000")
		}
		return next(c)
	}
}

// crossOrigin allows pages of other origins to call the APIs.
func crossOrigin(origins []string) echo.MiddlewareFunc {
	return middleware.CORSWithConfig(middleware.CORSConfig{
		//guard:cors TestCrossOrigin => append([]string{"*"}, origins...)
		AllowOrigins: origins,
		AllowMethods: []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete},
		// Without AllowHeaders a preflight is answered with the headers it asks for:
		// clients' libraries send headers of their own.
		ExposeHeaders: []string{
			echo.HeaderXRequestID, echo.HeaderRetryAfter, echo.HeaderLocation, echo.HeaderContentDisposition, job.FaceHeader,
		},
	})
}
