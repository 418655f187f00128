package server

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/dialect/aetherforge"
	"upscaled/server/dialect/ailab"
	"upscaled/server/dialect/artnex"
	"upscaled/server/dialect/automatic1111"
	"upscaled/server/dialect/maskr"
	"upscaled/server/dialect/mnml"
	"upscaled/server/dialect/native"
	"upscaled/server/dialect/replicate"
	"upscaled/server/docs"
	"upscaled/server/file"
	"upscaled/server/job"
	"upscaled/server/limits"
	"upscaled/server/openapi"
	"upscaled/server/web"
	"upscaled/server/webhook"
)

// dialects are all APIs of one server.
type dialects struct {
	mnml        *mnml.API
	ailab       *ailab.API
	maskr       *maskr.API
	artnex      *artnex.API
	aetherforge *aetherforge.API
	native      *native.API
	replicate   *replicate.API
	automatic   *automatic1111.API
}

// dialects makes all APIs.
func (s *Server) dialects(host dialect.Services) dialects {
	apis, queue := s.config.APIs, s.parts.Queue
	check := func(url string) error { return webhook.Check(s.config.FetchRules(), url) }
	automatic := automatic1111.Stores{Lister: queue}
	if apis.AutomaticURLs {
		automatic.Fetcher = s.fetcher(apis.Automatic.MaxBytes)
	}
	// Clients are told the bounds that hold, whichever sets them.
	apis.Native.MaxPixels = least(apis.Native.MaxPixels, s.config.MaxPixels)
	apis.Native.MaxSide = int(least(int64(apis.Native.MaxSide), int64(s.config.MaxSide)))
	return dialects{
		automatic: automatic1111.New(host, automatic, apis.Automatic),
		mnml:      mnml.New(host, apis.Mnml), ailab: ailab.New(host, apis.AILab), maskr: maskr.New(host, apis.Maskr),
		artnex:      artnex.New(host, apis.Artnex, s.fetcher(apis.Artnex.MaxBytes)),
		aetherforge: aetherforge.New(host, apis.Aetherforge),
		native: native.New(host, apis.Native, native.Parts{
			Jobs: queue, System: s.parts.System, Fetcher: s.fetcher(apis.Native.MaxBytes), CheckWebhook: check,
		}),
		replicate: replicate.New(host, apis.Replicate, replicate.Stores{
			Fetcher: s.fetcher(apis.Replicate.MaxBytes), Uploads: queue, Lister: queue, CheckWebhook: check,
		}),
	}
}

// least is the smaller of two bounds of which 0 is none.
func least(a, b int64) int64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// routes registers every path.
func (s *Server) routes(a addresses) (*echo.Echo, error) {
	host := s.services(a)
	d := s.dialects(host)
	viewer := native.Viewer{Links: host.Links, Retention: s.config.APIs.Native.Retention, Now: s.parts.Now}
	s.bodies = map[string]webhook.Body{
		native.Name:    func(j job.Job) (string, []byte, error) { return viewer.Body(j, s.config.PublicURL) },
		replicate.Name: d.replicate.Body,
	}
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.IPExtractor = a.extractor()
	e.HTTPErrorHandler = d.handleError
	e.Pre(oneSlash)
	names := &apiNames{current: "health", byPath: map[string]string{}}
	e.OnAddRouteHandler = names.note
	e.Use(requestID, names.middleware, observe(s.parts.Observers), accessLog(s.parts.Log), secure, limits.Requests(s.config.rateLimit(), s.uploads), recoverPanic)
	e.Use(strictTransport)
	//guard:cors => true
	if len(s.config.CORSOrigins) > 0 {
		e.Use(crossOrigin(s.config.CORSOrigins))
	}
	own, err := s.ownSites(a)
	if err != nil {
		return nil, err
	}
	e.Use(own)
	e.GET("/healthz", s.healthz)
	e.GET("/readyz", s.readyz)
	e.HEAD("/healthz", s.healthz) // load balancers ask that way
	e.HEAD("/readyz", s.readyz)
	d.register(e, names)
	names.current = "files"
	d.fileRoutes(e, file.Handler{Queue: host.Queue, Signer: s.signer(), WriteError: d.refuseFile})
	names.current = "pages"
	return e, s.pages(e)
}

// register adds the routes of every API under its name.
func (d dialects) register(e *echo.Echo, names *apiNames) {
	for _, api := range []struct {
		name   string
		routes func(*echo.Echo)
	}{
		{"mnml", func(e *echo.Echo) { e.POST("/v1/upscale", d.upscale) }},
		{"mnml", d.mnml.Routes}, {"ailab", d.ailab.Routes}, {"maskr", d.maskr.Routes},
		{"aetherforge", d.aetherforge.Routes}, {native.Name, d.native.Routes},
		{replicate.Name, d.replicate.Routes}, {automatic1111.Name, d.automatic.Routes},
	} {
		names.current = api.name
		api.routes(e)
	}
}

// fileRoutes registers the results of all APIs, and beside them the uploads of
// the one that has some.
func (d dialects) fileRoutes(e *echo.Echo, files file.Handler) {
	e.GET("/v1/files/:id", func(c echo.Context) error {
		if replicate.IsFileID(c.Param("id")) {
			return d.replicate.GetFile(c)
		}
		return files.Serve(c)
	})
	e.HEAD("/v1/files/:id", files.Serve)
	e.GET("/v1/files/:id/:name", files.Serve) // clients name files by the URL's end
	e.HEAD("/v1/files/:id/:name", files.Serve)
}

// pages registers what people look at in a browser.
func (s *Server) pages(e *echo.Echo) error {
	document, err := openapi.New(s.config.Version)
	if err != nil {
		return err
	}
	if err := document.Routes(e); err != nil {
		return err
	}
	manual, err := docs.New()
	if err != nil {
		return err
	}
	manual.Routes(e)
	if s.config.NoPage {
		return nil
	}
	page, err := web.New()
	if err != nil {
		return err
	}
	page.Routes(e)
	return nil
}

// upscale is the path that two vendors share; the content type tells them
// apart, and mnml answers what is neither.
func (d dialects) upscale(c echo.Context) error {
	kind, _, err := mime.ParseMediaType(c.Request().Header.Get(echo.HeaderContentType))
	if err == nil && kind == echo.MIMEApplicationJSON {
		c.Set(apiKey, "artnex")
		return d.artnex.Upscale(c)
	}
	return d.mnml.Upscale(c)
}

// refuseFile answers for the vendor whose result the ID would be: maskr alone
// tells forged signatures from lost files, for all others both are unknown.
func (d dialects) refuseFile(c echo.Context, id string, genuine bool) error {
	switch {
	case maskr.IsID(id):
		return d.maskr.WriteFileError(c, genuine)
	case replicate.IsID(id):
		return d.replicate.NotFound(c)
	case native.IsID(id):
		return d.native.NotFound(c)
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
	under := func(prefixes ...string) bool {
		return slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(path, prefix) })
	}
	switch {
	case under("/api/v1/"):
		err = d.native.WriteError(c, asFault(err, status))
	case under("/v1/predictions", "/v1/models/", "/v1/files"):
		err = d.replicate.WriteError(c, asFault(err, status))
	case under(automatic1111.Prefix + "/"):
		err = d.automatic.WriteError(c, asFault(err, status))
	case under("/api/"):
		err = d.ailab.WriteError(c, asFault(err, status))
	case under("/public/", "/job/", "/v1/services/"):
		err = c.JSON(status, map[string]string{"detail": http.StatusText(status)})
	default:
		err = d.mnml.WriteError(c, asFault(err, status))
	}
	if err != nil {
		dialect.Record(c, errors.Join(dialect.Recorded(c), err))
	}
}

// asFault gives the router's errors a kind; others may have one.
func asFault(err error, status int) error {
	if kind := fault.KindOf(err); kind == fault.Invalid || kind == fault.Busy { // of limits.Requests
		return err
	}
	switch status {
	case http.StatusNotFound:
		return fault.Wrap(fault.NotFound, err, "There is nothing at this address.")
	case http.StatusMethodNotAllowed:
		return fault.Wrap(fault.Unsupported, err, "This address does not take that method.")
	}
	return fault.Wrap(fault.Internal, fmt.Errorf("handle request: %w", err), "An unexpected error occurred.")
}
