package server

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"upscaled/engine/fault"
	"upscaled/server/dialect"
	"upscaled/server/dialect/aetherforge"
	"upscaled/server/dialect/ailab"
	"upscaled/server/dialect/artnex"
	"upscaled/server/dialect/maskr"
	"upscaled/server/dialect/mnml"
	"upscaled/server/file"
)

// dialects are all APIs of one server.
type dialects struct {
	mnml        *mnml.API
	ailab       *ailab.API
	maskr       *maskr.API
	artnex      *artnex.API
	aetherforge *aetherforge.API
}

// routes registers every path.
func (s *Server) routes(a addresses) *echo.Echo {
	host, apis := s.host(a), s.config.APIs
	d := dialects{
		mnml: mnml.New(host, apis.Mnml), ailab: ailab.New(host, apis.AILab), maskr: maskr.New(host, apis.Maskr),
		artnex: artnex.New(host, apis.Artnex, s.fetcher), aetherforge: aetherforge.New(host, apis.Aetherforge),
	}
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.IPExtractor = a.extractor()
	e.HTTPErrorHandler = d.handleError
	e.Use(requestID, accessLog(s.parts.Log), drain, recoverPanic, secure)
	e.GET("/healthz", s.healthz)
	e.GET("/readyz", s.readyz)
	e.HEAD("/healthz", s.healthz) // load balancers ask that way
	e.HEAD("/readyz", s.readyz)
	e.POST("/v1/upscale", d.upscale)
	d.mnml.Routes(e)
	d.ailab.Routes(e)
	d.maskr.Routes(e)
	d.aetherforge.Routes(e)
	files := file.Handler{Queue: host.Queue, Signer: s.signer(), Refuse: d.refuseFile}
	e.GET("/v1/files/:id", files.Serve)
	e.HEAD("/v1/files/:id", files.Serve)
	return e
}

// upscale is the path that two vendors share; the content type tells them
// apart, and mnml answers what is neither.
func (d dialects) upscale(c echo.Context) error {
	kind, _, err := mime.ParseMediaType(c.Request().Header.Get(echo.HeaderContentType))
	if err == nil && kind == echo.MIMEApplicationJSON {
		return d.artnex.Upscale(c)
	}
	return d.mnml.Upscale(c)
}

// refuseFile answers for the vendor whose result the ID would be: maskr alone
// tells forged signatures from lost files, for all others both are unknown.
func (d dialects) refuseFile(c echo.Context, id string, genuine bool) error {
	if maskr.IsID(id) {
		return d.maskr.RefuseFile(c, genuine)
	}
	return d.mnml.NotFound(c)
}

// handleError answers what no handler did: unknown paths, wrong methods and
// defects, each in the form of the vendor whose path it is.
func (d dialects) handleError(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	dialect.Record(c, err)
	path, status := c.Request().URL.Path, http.StatusInternalServerError
	var refused *echo.HTTPError
	if errors.As(err, &refused) {
		status = refused.Code
	}
	switch {
	case strings.HasPrefix(path, "/api/"):
		err = d.ailab.Refuse(c, asFault(err, status))
	case strings.HasPrefix(path, "/public/"), strings.HasPrefix(path, "/job/"), strings.HasPrefix(path, "/v1/services/"):
		err = c.JSON(status, map[string]string{"detail": http.StatusText(status)})
	default:
		err = d.mnml.Refuse(c, asFault(err, status))
	}
	if err != nil {
		dialect.Record(c, errors.Join(dialect.Recorded(c), err))
	}
}

// asFault gives the router's errors a kind.
func asFault(err error, status int) error {
	switch status {
	case http.StatusNotFound:
		return fault.Wrap(fault.NotFound, err, "There is nothing at this address.")
	case http.StatusMethodNotAllowed:
		return fault.Wrap(fault.Unsupported, err, "This address does not take that method.")
	}
	return fault.Wrap(fault.Internal, fmt.Errorf("handle request: %w", err), "An unexpected error occurred.")
}
