package openapi

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/swaggest/swgui/v5/static"
)

// page holds the page around Swagger UI.
//
//go:embed page
var page embed.FS

// policy allows this server's own files only. Swagger UI draws its icons as data
// URLs.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Routes registers the document at /openapi.json and Swagger UI at /docs/api.
// Both need no key: they reveal only the server's version. base returns the
// beginning of the server's URLs for a client.
func (d *Document) Routes(e *echo.Echo, base func(*http.Request) string) error {
	e.GET("/openapi.json", func(c echo.Context) error {
		c.Response().Header().Set(echo.HeaderAccessControlAllowOrigin, "*") // for tools that run in browsers
		text := d.text
		if u, err := url.Parse(base(c.Request())); err == nil && u.Path != "" { // paths are below a proxy's
			text = bytes.Replace(text, []byte(`"url": "/"`), []byte(`"url": "`+u.EscapedPath()+`"`), 1)
		}
		return serve(text, "application/json")(c)
	})
	files := map[string]echo.HandlerFunc{}
	for _, file := range []struct{ path, name, contentType string }{
		{"", "page/index.html", "text/html; charset=utf-8"},
		{"start.js", "page/start.js", "text/javascript; charset=utf-8"},
		{"page.css", "page/page.css", "text/css; charset=utf-8"},
		{"licenses.txt", "page/licenses.txt", "text/plain; charset=utf-8"},
		{"swagger-ui.css", "swagger-ui.css.gz", "text/css; charset=utf-8"},
		{"swagger-ui-bundle.js", "swagger-ui-bundle.js.gz", "text/javascript; charset=utf-8"},
	} {
		contents, err := read(file.name)
		if err != nil {
			return err
		}
		files[file.path] = serve(contents, file.contentType)
	}
	e.GET("/docs/api", files[""])
	e.GET("/docs/api/*", func(c echo.Context) error {
		if file := files[c.Param("*")]; file != nil {
			return file(c)
		}
		return echo.ErrNotFound
	})
	return nil
}

// read returns a file of the page, or decompresses one of Swagger UI.
func read(name string) ([]byte, error) {
	if path.Ext(name) != ".gz" {
		return page.ReadFile(name)
	}
	file, err := static.FS.Open(name)
	if err != nil {
		return nil, fmt.Errorf("open Swagger UI: %w", err)
	}
	defer file.Close()
	reader, err := gzip.NewReader(file)
	if err != nil {
		return nil, fmt.Errorf("decompress Swagger UI: %w", err)
	}
	return io.ReadAll(reader)
}

// serve returns a handler for contents that change only with the program, so
// that browsers revalidate their copy.
func serve(contents []byte, contentType string) echo.HandlerFunc {
	sum := sha256.Sum256(contents)
	tag := `"` + hex.EncodeToString(sum[:8]) + `"`
	return func(c echo.Context) error {
		header := c.Response().Header()
		header.Set(echo.HeaderContentType, contentType)
		header.Set(echo.HeaderContentSecurityPolicy, policy)
		header.Set(echo.HeaderReferrerPolicy, "no-referrer")
		header.Set(echo.HeaderXContentTypeOptions, "nosniff")
		header.Set(echo.HeaderCacheControl, "no-cache")
		header.Set("ETag", tag)
		http.ServeContent(c.Response(), c.Request(), "", time.Time{}, bytes.NewReader(contents))
		return nil
	}
}
