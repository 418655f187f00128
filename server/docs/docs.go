// Package docs is the guide: Markdown files that read well in the repository
// and that a running server renders below /docs, with a sidebar and a search.
package docs

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"net/http"
	"path"
	"time"

	"github.com/labstack/echo/v4"

	"upscaled/server/web"
)

//go:embed *.md page.html page.css search.js images/before-after.jpg
var files embed.FS

// root is the path of the guide, index the file that is its first page and
// lists all others.
const (
	root  = "/docs"
	index = "README.md"
)

// policy allows this server's own styles, scripts and images only.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// Guide is the rendered guide. It is immutable and safe for concurrent use.
type Guide struct {
	layout  *template.Template
	groups  []group
	search  searchIndex
	content map[string]content // by path below root, "" for the index
}

// content is a response body.
type content struct {
	mediaType string
	body      []byte
	etag      string
}

func newContent(mediaType string, body []byte) content {
	sum := sha256.Sum256(body)
	return content{mediaType, body, `"` + hex.EncodeToString(sum[:8]) + `"`}
}

const htmlType = "text/html; charset=utf-8"

// renamed maps former page names to current ones.
func renamed() map[string]string {
	return map[string]string{"pictures": "images", "processor": "cpu"}
}

// New renders all pages. An error means that an embedded file is broken.
func New() (*Guide, error) {
	layout, err := template.ParseFS(files, "page.html")
	if err != nil {
		return nil, fmt.Errorf("parse the guide's layout: %w", err)
	}
	pages, groups, err := readPages()
	if err != nil {
		return nil, err
	}
	g := &Guide{layout: layout, groups: groups, search: newSearchIndex(pages), content: map[string]content{}}
	for i, p := range pages {
		v := view{Title: p.Title, Path: p.Path, Body: p.Body, Page: p}
		if i > 0 {
			v.Previous = pages[i-1]
		}
		if i+1 < len(pages) {
			v.Next = pages[i+1]
		}
		html, err := g.render(v)
		if err != nil {
			return nil, err
		}
		g.content[p.Name] = newContent(htmlType, html)
	}
	return g, g.addAssets()
}

// addAssets adds the static files. Colors and the switch between light and
// dark are those of the web page.
func (g *Guide) addAssets() error {
	for name, asset := range map[string]struct {
		read      func(string) ([]byte, error)
		file      string
		mediaType string
	}{
		"style.css":        {files.ReadFile, "page.css", "text/css; charset=utf-8"},
		"search.js":        {files.ReadFile, "search.js", "text/javascript; charset=utf-8"},
		"before-after.jpg": {files.ReadFile, "images/before-after.jpg", "image/jpeg"},
		"colors.css":       {web.File, "style/colors.css", "text/css; charset=utf-8"},
		"dark.css":         {web.File, "style/dark.css", "text/css; charset=utf-8"},
		"theme.js":         {web.File, "theme.js", "text/javascript; charset=utf-8"},
		"icon.svg":         {web.File, "icon.svg", "image/svg+xml"},
	} {
		body, err := asset.read(asset.file)
		if err != nil {
			return fmt.Errorf("read the guide's %s: %w", name, err)
		}
		g.content[name] = newContent(asset.mediaType, body)
	}
	return nil
}

// view is the data of page.html.
type view struct {
	Title, Path    string
	Body           template.HTML
	Page           *page // nil for search results
	Previous, Next *page
	Groups         []group
	Query          string
}

func (g *Guide) render(v view) ([]byte, error) {
	v.Groups = g.groups
	var b bytes.Buffer
	if err := g.layout.ExecuteTemplate(&b, "page.html", v); err != nil {
		return nil, fmt.Errorf("render %s: %w", v.Path, err)
	}
	return b.Bytes(), nil
}

// Names returns the names of all pages below /docs; the index is "".
func (g *Guide) Names() []string {
	var names []string
	for name, c := range g.content {
		if c.mediaType == htmlType {
			names = append(names, name)
		}
	}
	return names
}

// Routes registers the guide. It is open to everyone: it contains nothing
// about this server.
func (g *Guide) Routes(e *echo.Echo) {
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		e.Add(method, root, g.serve)
		e.Add(method, root+"/:page", g.serve)
	}
}

func (g *Guide) serve(c echo.Context) error {
	name := c.Param("page")
	if name == "search" {
		return g.serveSearch(c)
	}
	if to, moved := renamed()[name]; moved {
		return c.Redirect(http.StatusMovedPermanently, path.Join(root, to))
	}
	found, ok := g.content[name]
	if !ok {
		return echo.ErrNotFound
	}
	return send(c, found)
}

func send(c echo.Context, content content) error {
	header := c.Response().Header()
	header.Set(echo.HeaderContentType, content.mediaType)
	header.Set(echo.HeaderContentSecurityPolicy, policy)
	header.Set(echo.HeaderReferrerPolicy, "no-referrer")
	header.Set(echo.HeaderCacheControl, "no-cache")
	header.Set("ETag", content.etag)
	http.ServeContent(c.Response(), c.Request(), "", time.Time{}, bytes.NewReader(content.body))
	return nil
}
