// Package web serves the web page: plain embedded files, without a build step. The
// page uses the native API only and no other server.
package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"time"

	"github.com/labstack/echo/v4"
)

//go:embed page
var embedded embed.FS

const (
	folder = "page"
	index  = "index.html"
	// prefix is the path of the other files. index.html refers to them by relative
	// URLs, so that the page also works below a path of a reverse proxy.
	prefix = "/page/"
)

// policy allows this server only. blob: and data: are for images that the user
// chose or that were fetched with a key.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; " +
	"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"

// File returns one of the page's files, such as "theme.js". The guide shares
// the colors and the switch between light and dark.
func File(name string) ([]byte, error) {
	return embedded.ReadFile(path.Join(folder, name))
}

// asset is a file with its response headers.
type asset struct {
	name        string
	content     []byte
	contentType string
	etag        string
}

// Page is the set of files. It is immutable and safe for concurrent use.
type Page struct {
	assets map[string]asset
}

// New reads the embedded files. An error means that the program was built with a
// file of an unknown type.
func New() (*Page, error) {
	p := &Page{assets: map[string]asset{}}
	err := fs.WalkDir(embedded, folder, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := embedded.ReadFile(name)
		if err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		kind := contentType(name)
		if kind == "" {
			return fmt.Errorf("the page's file %s has no known content type", name)
		}
		sum := sha256.Sum256(content)
		name = name[len(folder)+1:]
		p.assets[name] = asset{name: name, content: content, contentType: kind, etag: `"` + hex.EncodeToString(sum[:12]) + `"`}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("prepare the page: %w", err)
	}
	return p, nil
}

// contentType returns the type of a file, or "". It does not use the system's MIME
// table, since browsers reject scripts and styles of a wrong type.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".webmanifest":
		return "application/manifest+json"
	}
	return ""
}

// Routes registers GET and HEAD of "/" and of the files below "/page/".
func (p *Page) Routes(e *echo.Echo) {
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		e.Add(method, "/", func(c echo.Context) error { return p.serve(c, index) })
		e.Add(method, prefix+"*", func(c echo.Context) error { return p.serve(c, c.Param("*")) })
	}
}

func (p *Page) serve(c echo.Context, name string) error {
	file, known := p.assets[name]
	if !known || name == index && c.Path() != "/" {
		return echo.ErrNotFound
	}
	header := c.Response().Header()
	header.Set("Content-Type", file.contentType)
	header.Set("ETag", file.etag)
	// File names have no version, so browsers have to revalidate them.
	header.Set("Cache-Control", "no-cache")
	header.Set("Content-Security-Policy", policy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Frame-Options", "DENY") // for browsers without frame-ancestors
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
	http.ServeContent(c.Response(), c.Request(), "", time.Time{}, bytes.NewReader(file.content))
	return nil
}
