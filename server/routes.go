package server

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/admin"
	"upscaled/server/dialect"
	"upscaled/server/dialect/aetherforge"
	"upscaled/server/dialect/ailab"
	"upscaled/server/dialect/artnex"
	"upscaled/server/dialect/automatic1111"
	"upscaled/server/dialect/cog"
	"upscaled/server/dialect/comfyui"
	"upscaled/server/dialect/maskr"
	"upscaled/server/dialect/mnml"
	"upscaled/server/dialect/native"
	"upscaled/server/dialect/openai"
	"upscaled/server/dialect/replicate"
	"upscaled/server/dialect/stability"
	"upscaled/server/docs"
	"upscaled/server/file"
	"upscaled/server/job"
	"upscaled/server/limits"
	"upscaled/server/openapi"
	"upscaled/server/web"
	"upscaled/server/webhook"
)

// dialects holds the APIs of one server.
type dialects struct {
	mnml        *mnml.API
	ailab       *ailab.API
	maskr       *maskr.API
	artnex      *artnex.API
	aetherforge *aetherforge.API
	native      *native.API
	replicate   *replicate.API
	automatic   *automatic1111.API
	cog         *cog.API
	stability   *stability.API
	openai      *openai.API
	comfyui     *comfyui.API
}

// dialects creates all APIs.
func (s *Server) dialects(services dialect.Services, samples map[string][]byte) dialects {
	apis, queue := s.config.APIs, s.parts.Queue
	check := func(url string) error { return webhook.Check(s.config.FetchRules(), url) }
	automatic := automatic1111.Stores{Lister: queue}
	if apis.AutomaticURLs {
		automatic.Fetcher = s.fetcher(apis.Automatic.MaxBytes)
	}
	// The native API reports the effective limits.
	apis.Native.MaxPixels = lower(apis.Native.MaxPixels, s.config.MaxPixels)
	apis.Native.MaxSide = int(lower(int64(apis.Native.MaxSide), int64(s.config.MaxSide)))
	return dialects{
		automatic: automatic1111.New(services, automatic, apis.Automatic),
		stability: stability.New(services, apis.Stability),
		openai:    openai.New(services, apis.OpenAI, s.fetcher(apis.OpenAI.MaxBytes)),
		comfyui:   comfyui.New(services, apis.ComfyUI, queue),
		mnml:      mnml.New(services, apis.Mnml), ailab: ailab.New(services, apis.AILab), maskr: maskr.New(services, apis.Maskr),
		artnex:      artnex.New(services, apis.Artnex, s.fetcher(apis.Artnex.MaxBytes)),
		aetherforge: aetherforge.New(services, apis.Aetherforge),
		cog:         cog.New(services, apis.Cog, cog.Stores{Fetcher: s.fetcher(apis.Cog.MaxBytes), CheckWebhook: check, Ready: s.ready}),
		native: native.New(services, apis.Native, native.Parts{
			Jobs: queue, System: s.parts.System, Fetcher: s.fetcher(apis.Native.MaxBytes), CheckWebhook: check, Keys: s.parts.Keys, Fleet: s.parts.Fleet, Models: s.parts.Models, Samples: samples,
			Films: services.Validator.(*imageValidator), Scratch: s.parts.Scratch,
		}),
		replicate: replicate.New(services, apis.Replicate, replicate.Stores{
			Fetcher: s.fetcher(apis.Replicate.MaxBytes), Uploads: queue, Lister: queue, CheckWebhook: check,
			WebhookSecret: func(account string) string {
				return webhook.SecretText(webhook.SecretOf(s.parts.WebhookSecret, account))
			},
		}),
	}
}

// lower returns the lower of two limits, of which 0 is none.
func lower(a, b int64) int64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// routes registers every path.
func (s *Server) routes(a addresses) (*echo.Echo, error) {
	services := s.services(a)
	samples, err := docs.Samples()
	if err != nil {
		return nil, err
	}
	d := s.dialects(services, samples)
	s.bodies = map[string]webhook.Body{
		native.Name:    func(j job.Job) (string, []byte, error) { return d.native.Body(j, s.config.PublicURL) },
		replicate.Name: d.replicate.Body, cog.Name: d.cog.Body,
	}
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.IPExtractor = a.extractor()
	e.HTTPErrorHandler = d.handleError
	e.Pre(trimSlash)
	names := &apiNames{current: "health", byPath: map[string]string{}}
	e.OnAddRouteHandler = func(_ string, route echo.Route, handler echo.HandlerFunc, _ []echo.MiddlewareFunc) {
		names.add(route)
		if route.Method == http.MethodGet { // RFC 9110, 9.1: HEAD must be known wherever GET is
			e.Router().Add(http.MethodHead, route.Path, handler)
		}
	}
	e.Use(requestID, names.middleware, observe(s.parts.Observers), accessLog(s.parts.Log), secure, limits.Requests(s.config.rateLimit(), s.uploads), recoverPanic)
	e.Use(strictTransport, limits.Ranges, limits.Decode, dialect.Idempotent)
	//guard:cors => true
	if len(s.config.CORSOrigins) > 0 {
		e.Use(crossOrigin(s.config.CORSOrigins))
	}
	own, err := s.ownSites(a)
	if err != nil {
		return nil, err
	}
	e.Use(own)
	for path, ready := range map[string]func(context.Context) error{"/healthz": nil, "/readyz": s.ready} {
		e.GET(path, echo.WrapHandler(admin.Health(ready)))
	}
	d.register(e, names)
	names.current = "files"
	d.fileRoutes(e, file.Handler{Queue: services.Queue, Signer: s.signer(), WriteError: d.writeFileError})
	names.current = "pages"
	return e, s.pages(e, a)
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
		{replicate.Name, d.replicate.Routes}, {cog.Name, d.cog.Routes}, {automatic1111.Name, d.automatic.Routes},
		{stability.Name, d.stability.Routes}, {openai.Name, d.openai.Routes},
		{comfyui.Name, d.comfyui.Routes},
	} {
		names.current = api.name
		api.routes(e)
	}
	// AILab answers every path below /api without a route, but not ComfyUI's.
	names.current = "ailab"
	unknown := func(c echo.Context) error {
		if below(c.Request().URL.Path, comfyui.Prefixes()...) {
			return d.comfyui.WriteError(c, fault.New(fault.NotFound, "There is nothing at this address."))
		}
		return d.ailab.NotFound(c)
	}
	e.Any("/api/*", unknown)
	e.RouteNotFound("/api/*", unknown)
}

// fileRoutes registers the results of all APIs and the uploads of Replicate's.
func (d dialects) fileRoutes(e *echo.Echo, files file.Handler) {
	e.GET("/v1/files/:id", func(c echo.Context) error {
		if replicate.IsFileID(c.Param("id")) {
			return d.replicate.GetFile(c)
		}
		return files.Serve(c)
	})
	e.GET("/v1/files/:id/:name", files.Serve) // clients name downloads by the end of the URL
}

// pages registers the pages for browsers.
func (s *Server) pages(e *echo.Echo, a addresses) error {
	document, err := openapi.New(s.config.Version)
	if err != nil {
		return err
	}
	if err := document.Routes(e, a.base); err != nil {
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

// upscale handles the path that two vendors share, by content type; mnml handles
// requests that are neither.
func (d dialects) upscale(c echo.Context) error {
	kind, _, err := mime.ParseMediaType(c.Request().Header.Get(echo.HeaderContentType))
	if err == nil && kind == echo.MIMEApplicationJSON {
		c.Set(apiKey, "artnex")
		return d.artnex.Upscale(c)
	}
	return d.mnml.Upscale(c)
}

// writeFileError writes the error of the vendor that an ID belongs to. Only maskr
// distinguishes forged signatures from missing files.
func (d dialects) writeFileError(c echo.Context, id string, genuine bool) error {
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

// below reports whether a path begins with one of the prefixes, each whole segments.
func below(path string, prefixes ...string) bool {
	return slices.ContainsFunc(prefixes, func(prefix string) bool { return path == prefix || strings.HasPrefix(path, prefix+"/") })
}

// handleError writes errors that no handler did, such as unknown paths, wrong
// methods and panics, in the form of the vendor that the path belongs to.
func (d dialects) handleError(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	dialect.Record(c, err)
	path, status := c.Request().URL.Path, http.StatusInternalServerError
	known, ok := errors.AsType[*echo.HTTPError](err)
	if ok {
		status = known.Code
	}
	under := func(prefixes ...string) bool { return below(path, prefixes...) }
	switch {
	//guard:encodings TestEncodedBodies
	case status == http.StatusUnsupportedMediaType: // from limits.Decode
		err = c.JSON(status, siteError{fmt.Sprint(known.Message)})
	case under("/api/v1"):
		err = d.native.WriteError(c, asFault(err, status))
	case under(replicate.Prefixes()...):
		err = d.replicate.WriteError(c, asFault(err, status))
	case under("/predictions", "/health-check"):
		err = d.cog.WriteError(c, asFault(err, status))
	case under(stability.Prefixes()...):
		err = d.stability.WriteError(c, asFault(err, status))
	case under(openai.Prefix):
		err = d.openai.WriteError(c, asFault(err, status))
	case under(automatic1111.Prefix):
		err = d.automatic.WriteError(c, asFault(err, status))
	case under(comfyui.Prefixes()...):
		err = d.comfyui.WriteError(c, asFault(err, status))
	case under("/api"):
		err = d.ailab.WriteError(c, asFault(err, status))
	case under("/public", "/job", "/v1/services", "/v1/jobs"):
		err = c.JSON(status, map[string]string{"detail": http.StatusText(status)})
	default:
		err = d.mnml.WriteError(c, asFault(err, status))
	}
	if err != nil {
		dialect.Record(c, errors.Join(dialect.Recorded(c), err))
	}
}

// asFault adds a kind to the router's errors that have none.
func asFault(err error, status int) error {
	if kind := fault.KindOf(err); kind == fault.Invalid || kind == fault.Busy { // from limits.Requests
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
